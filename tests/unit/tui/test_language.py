"""The console's texts: complete, whole, and the house's sentences found again."""

import string
from collections.abc import Iterator

import pytest

from appliance.database.errors import DatabaseUnavailable
from appliance.identity.errors import LastAdministrator
from tui import formats, i18n
from tui.messages import catalogue, template, untranslated
from tui.sentences import SENTENCES
from tui.telling import explained, told


@pytest.fixture(autouse=True)
def hungarian() -> Iterator[None]:
    i18n.speak("hu")
    yield
    i18n.speak("en")


def fields(text: str) -> set[str]:
    return {name for _literal, name, _format, _conversion in string.Formatter().parse(text) if name}


def test_every_text_is_in_the_catalogue_in_hungarian() -> None:
    """``python -m tui.messages`` brings in what is new; somebody translates it."""
    known = catalogue()
    missing = [message.id for message in template() if message.id and known.get(message.id) is None]
    assert missing == []
    assert untranslated(known) == []


def test_no_translation_has_lost_a_field() -> None:
    """A number that is not told is worse than a word in English."""
    for message in catalogue():
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        if ids[0]:
            for text in texts:
                assert fields(text) == fields(ids[-1]), message.id


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_sentence_of_the_house_is_found_again(sentence: str) -> None:
    """With whatever values it was filled."""
    filled = sentence.format(**dict.fromkeys(fields(sentence), "42"))
    found = told(filled)
    assert found != filled
    assert found.count("42") == sentence.count("{")


def test_a_sentence_that_nobody_knows_is_shown_as_it_is() -> None:
    """English is better than nothing."""
    assert told("Brand new finding about 3 things.") == "Brand new finding about 3 things."


def test_a_sentence_in_a_sentence_is_told_too() -> None:
    """A check that could not look says why, in one language."""
    text = told("It could not be looked at: PostgreSQL does not answer.")
    assert "PostgreSQL does not answer" not in text
    assert text.startswith("Nem sikerült megnézni: ")


def test_an_error_says_what_happened_and_what_to_do() -> None:
    """Both in Hungarian, with the values in their place; a surprise is named by its kind alone."""
    what, remedy = explained(LastAdministrator(email="a@b.example"))
    assert "a@b.example" in what
    assert what != str(LastAdministrator(email="a@b.example"))
    assert remedy
    assert explained(DatabaseUnavailable())[0] != str(DatabaseUnavailable())
    assert explained(ValueError("secret"))[0] == "Váratlan hiba történt: ValueError."
    assert explained(TimeoutError())[1]


def test_numbers_are_written_as_the_language_does() -> None:
    """A comma in Hungarian, a point in English."""
    assert (formats.size(1536), formats.share(0.5)) == ("1,5 KiB", "50 %")
    i18n.speak("en")
    assert (formats.size(1536), formats.share(0.5)) == ("1.5 KiB", "50%")


@pytest.mark.parametrize(("value", "bar"), [(0, "░░░░"), (0.001, "█░░░"), (0.5, "██░░"), (0.999, "███░"), (1, "████")])
def test_a_bar_is_empty_or_full_only_when_that_is_true(value: float, bar: str) -> None:
    """A little is not nothing, and nearly all is not all."""
    assert formats.meter(value, 4) == bar


@pytest.mark.parametrize(
    ("seconds", "text"), [(5, "5 másodperc"), (340, "5 perc"), (7300, "2 óra 1 perc"), (273720, "3 nap 4 óra")]
)
def test_a_length_is_told_in_the_units_that_matter(seconds: float, text: str) -> None:
    """Nobody needs the seconds of three days."""
    assert formats.length(seconds) == text
