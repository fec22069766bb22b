"""The catalogues' upkeep: ``python -m web.messages`` brings every string of the portal into each ``portal.po``.

New strings arrive without a translation, and what is no longer used goes. A test fails while a Hungarian text is
missing or has lost a field.
"""

import ast
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir, extract_python
from babel.messages.pofile import read_po, write_po

from web.i18n import LOCALES_PATH
from web.request import LOCALES, Locale

ROOT: Final = Path(__file__).parents[1]
_ROOMS: Final = (
    "identity",
    "jobs",
    "kernel",
    "keyring",
    "language",
    "meetings",
    "minutes",
    "models",
    "search",
    "speakers",
    "transcripts",
)
"""Rooms whose errors can reach a page; those of the machine itself are met on its command line, in English."""

_METHODS: Final = [
    *((f"appliance/{room}/errors.py", "web.messages:extract_module") for room in _ROOMS),
    ("web/**.py", "web.messages:extract_module"),
    ("web/**.html", "jinja2"),
]
_OPTIONS: Final = {"web/**.html": {"trim_blocks": "true", "lstrip_blocks": "true", "newstyle_gettext": "true"}}
_KEYWORDS: Final = {**DEFAULT_KEYWORDS, "count": (1, 2), "say": None, "marked": None}


def extract_module(
    fileobj: BinaryIO, keywords: Mapping[str, Any], comment_tags: Collection[str], options: Any
) -> Iterator[tuple[int, Any, Any, Any]]:
    """Babel extractor: what a module says by gettext, and the ``message`` and ``hint`` templates of its error classes.

    Errors carry data and are written in English; a page translates the template and fills in the same fields.
    """
    yield from extract_python(fileobj, keywords, comment_tags, options)
    fileobj.seek(0)
    classes = [node for node in ast.walk(ast.parse(fileobj.read())) if isinstance(node, ast.ClassDef)]
    for statement in (statement for found in classes for statement in found.body):
        value = getattr(statement, "value", None)
        if isinstance(value, ast.Constant) and value.value and _assigned(statement) & {"message", "hint"}:
            yield value.lineno, None, value.value, []


def _assigned(statement: ast.stmt) -> set[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def template() -> Catalog:
    """Every string that people can see, without translations."""
    catalog = Catalog(project="HangJegyzet", copyright_holder="HangJegyzet", charset="utf-8")
    found = extract_from_dir(ROOT, method_map=_METHODS, options_map=_OPTIONS, keywords=_KEYWORDS)
    for _, _, message, comments, context in found:
        catalog.add(message, auto_comments=comments, context=context)
    return catalog


def catalogue_path(locale: Locale) -> Path:
    """Where a language's texts are."""
    return LOCALES_PATH / locale / "LC_MESSAGES" / "portal.po"


def catalogue(locale: Locale) -> Catalog:
    """A language's texts as they are."""
    with catalogue_path(locale).open("rb") as file:
        return read_po(file, locale=locale)


def update(locale: Locale) -> int:
    """Bring a catalogue up to date; tells how many texts it lacks."""
    current = catalogue(locale)
    current.update(template(), no_fuzzy_matching=True, update_header_comment=False, update_creation_date=False)
    current.obsolete.clear()
    with catalogue_path(locale).open("wb") as file:
        write_po(file, current, width=120, no_location=True, sort_output=True, ignore_obsolete=True)
    return sum(1 for message in current if message.id and not message.string)


def main() -> None:
    """Bring all catalogues up to date; English needs no texts of its own."""
    for locale in LOCALES:
        sys.stdout.write(f"{locale}: {update(locale)} without a text\n")


if __name__ == "__main__":
    main()
