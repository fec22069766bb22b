"""The catalogue's upkeep: ``python -m tui.messages`` brings every text of the console into ``console.po``.

New texts arrive without a translation, and what is no longer used goes. A test fails while one is missing or has lost a
field.
"""

import ast
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po, write_po

from tui.i18n import LOCALES_PATH

ROOT: Final = Path(__file__).parents[1]
LANGUAGE: Final = "hu"
_ROOMS: Final = ("approvals", "identity", "jobs")
"""Rooms whose errors a page can meet; those of verbs that run as errands are English, as on the command line."""
_METHODS: Final = [
    *((f"appliance/{room}/errors.py", "tui.messages:extract_errors") for room in _ROOMS),
    ("tui/errors.py", "tui.messages:extract_errors"),
    ("tui/**.py", "python"),
]
_KEYWORDS: Final = {**DEFAULT_KEYWORDS, "count": (1, 2), "marked": None}


def extract_errors(
    fileobj: BinaryIO, keywords: Mapping[str, Any], comment_tags: Collection[str], options: Any
) -> Iterator[tuple[int, Any, Any, Any]]:
    """Babel extractor: the ``message`` and ``hint`` templates of error classes."""
    del keywords, comment_tags, options  # as Babel calls it
    classes = [node for node in ast.walk(ast.parse(fileobj.read())) if isinstance(node, ast.ClassDef)]
    for statement in (statement for found in classes for statement in found.body):
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant) and statement.value.value:
            names = {target.id for target in statement.targets if isinstance(target, ast.Name)}
            if names & {"message", "hint"}:
                yield statement.lineno, None, statement.value.value, []


def template() -> Catalog:
    """Every text, without translations."""
    catalog = Catalog(project="HangJegyzet", copyright_holder="HangJegyzet", charset="utf-8")
    for _path, _line, message, _comments, context in extract_from_dir(ROOT, _METHODS, keywords=_KEYWORDS):
        catalog.add(message, context=context)
    return catalog


def catalogue_path() -> Path:
    """Where the Hungarian texts are."""
    return LOCALES_PATH / LANGUAGE / "LC_MESSAGES" / "console.po"


def catalogue() -> Catalog:
    """The Hungarian texts as they are."""
    with catalogue_path().open("rb") as file:
        return read_po(file, locale=LANGUAGE)


def update() -> int:
    """Bring the catalogue up to date; tells how many texts it lacks."""
    current = catalogue()
    current.update(template(), no_fuzzy_matching=True, update_header_comment=False, update_creation_date=False)
    current.obsolete.clear()
    with catalogue_path().open("wb") as file:
        write_po(file, current, width=120, no_location=True, sort_output=True, ignore_obsolete=True)
    return len(untranslated(current))


def untranslated(found: Catalog) -> list[str]:
    """Texts without a translation."""
    return [
        str(message.id)
        for message in found
        if message.id and not (all(message.string) if isinstance(message.string, tuple) else message.string)
    ]


def main() -> None:
    """Bring the catalogue up to date."""
    sys.stdout.write(f"{LANGUAGE}: {update()} without a text\n")


if __name__ == "__main__":
    main()
