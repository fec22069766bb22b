"""The portal's languages: their names, and their catalogues compiled at start."""

import io
from collections.abc import Mapping
from functools import cache
from pathlib import Path

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
