"""The console's languages: the machine's, as ``language`` in appliance.toml says."""

from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

LOCALES_PATH: Final = Path(__file__).parent / "locales"
LANGUAGES: Final = ("hu", "en")


class _Speaking:
    """What is spoken now: one console speaks one language."""

    language = "en"
    catalogue: NullTranslations = NullTranslations()


def speak(language: str) -> None:
    """Say everything in ``language`` from now on."""
    _Speaking.language = language
    _Speaking.catalogue = translations(language)


def language() -> str:
    """The language that is spoken."""
    return _Speaking.language


def _(text: str) -> str:
    """The text in the language that is spoken."""
    return str(_Speaking.catalogue.gettext(text))


def count(singular: str, plural: str, number: int) -> str:
    """``3 steps``: the text for so many, with ``{number}`` filled in."""
    return str(_Speaking.catalogue.ngettext(singular, plural, number)).format(number=number)


def marked(text: str) -> str:
    """Names a text for the catalogue that is said elsewhere."""
    return text


@cache
def translations(language: str) -> NullTranslations:
    """The catalogue of one language, compiled from its ``console.po`` into memory; English needs none."""
    source = LOCALES_PATH / language / "LC_MESSAGES" / "console.po"
    if not source.exists():
        return NullTranslations()
    with source.open("rb") as file:
        catalogue = read_po(file, locale=language)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)
