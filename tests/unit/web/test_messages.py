"""The portal speaks Hungarian completely, and no translation loses what it should tell."""

import re
import string

import pytest
from babel.messages.catalog import Catalog, Message

from web import messages

_PERCENT = re.compile(r"%\((\w+)\)s")


@pytest.fixture(scope="module")
def hungarian() -> Catalog:
    """The Hungarian texts."""
    return messages.catalogue("hu")


@pytest.fixture(scope="module")
def everything() -> Catalog:
    """Every string that people can see."""
    return messages.template()


def _texts(message: Message) -> list[str]:
    return [*message.string] if isinstance(message.string, tuple) else [message.string]


def _ids(message: Message) -> list[str]:
    return [*message.id] if isinstance(message.id, tuple) else [message.id]


def _fields(text: str) -> set[str]:
    return set(_PERCENT.findall(text)) | {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_string_has_a_hungarian_text(everything: Catalog, hungarian: Catalog) -> None:
    """A page, a script or an error can say nothing that is not in the catalogue."""
    known = {message.id: message for message in hungarian}
    missing = [message.id for message in everything if message.id and not any(_texts(known.get(message.id, message)))]
    assert missing == [], "run: python -m web.messages, then write the texts"


def test_the_catalogue_holds_nothing_that_is_not_said(everything: Catalog, hungarian: Catalog) -> None:
    """What was removed from the code is removed from the catalogue."""
    said = {message.id for message in everything}
    assert [message.id for message in hungarian if message.id not in said] == []


def test_translations_keep_their_fields(hungarian: Catalog) -> None:
    """A Hungarian sentence fills in the same values, with the same names."""
    broken = [
        message.id
        for message in hungarian
        if message.id and any(_fields(text) != _fields(_ids(message)[-1]) for text in _texts(message))
    ]
    assert broken == []


def test_error_templates_are_found_in_their_classes() -> None:
    """The extractor reads message and hint of error classes, which no call to gettext names."""
    found = {message.id for message in messages.template()}
    assert "The file is empty: it holds no bytes at all." in found
    assert "Check that the microphone was on and not muted." in found
