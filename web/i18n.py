"""The portal's languages: their names, and their catalogues compiled at start."""

import ast
import io
from collections.abc import Generator, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

from web.request import Locale

LOCALES_PATH = Path(__file__).parent / "locales"

LANGUAGE_NAMES: Mapping[Locale, str] = {"hu": "Magyar", "en": "English"}
"""Each in its own language: a reader looks for the one that they know."""


@cache
def translations(locale: Locale) -> NullTranslations:
    """The catalogue of one locale, compiled from its ``portal.po`` into memory."""
    source = LOCALES_PATH / locale / "LC_MESSAGES" / "portal.po"
    with source.open("rb") as file:
        catalog = read_po(file, locale=locale)
    compiled = io.BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return Translations(compiled)


Message = tuple[int, str, str | tuple[str, ...], list[str]]


def extract_errors(
    fileobj: BinaryIO, keywords: Mapping[str, Any], comment_tags: Iterable[str], options: Mapping[str, Any]
) -> Generator[Message]:
    """Babel extractor: the ``message`` and ``hint`` templates of the error classes of every room.

    Errors carry data and are written in English; a page shows them in its own language by translating the template and
    filling in the same fields.
    """
    tree = ast.parse(fileobj.read())
    for node in ast.walk(tree):
        if not isinstance(node, ast.ClassDef):
            continue
        for statement in node.body:
            targets = _assigned_names(statement)
            value = getattr(statement, "value", None)
            if targets & {"message", "hint"} and isinstance(value, ast.Constant) and isinstance(value.value, str):
                if value.value:
                    yield value.lineno, "gettext", value.value, []


def _assigned_names(statement: ast.stmt) -> set[str]:
    if isinstance(statement, ast.Assign):
        return {target.id for target in statement.targets if isinstance(target, ast.Name)}
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return {statement.target.id}
    return set()
