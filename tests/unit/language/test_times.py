"""Moments as people name them."""

import pytest

from appliance.language.lexicon import lexicon
from appliance.language.times import due, moments

EN, HU = lexicon("en"), lexicon("hu")


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("send the report to everybody by Friday.", "Friday"),
        ("I will order the courses before the end of January.", "before the end of January"),
        ("We need it by the end of next week", "the end of next week"),
        ("until March 3rd, 2026", "March 3rd, 2026"),
        ("within two weeks", "within two weeks"),
        ("by tomorrow evening", "tomorrow evening"),
        ("on the tenth of March", "the tenth of March"),
        ("I saw it last Friday", ""),
        ("not before Thursday", ""),
        ("It may rain", ""),
        ("either Monday or Tuesday", ""),
    ],
)
def test_an_english_time_limit_is_kept_in_the_words_that_were_said(text: str, limit: str) -> None:
    """What is no limit, or more than one, leaves the field empty."""
    assert due(text, EN) == limit


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("péntekig elvégzem", "péntekig"),
        ("január végéig lefoglalom", "január végéig"),
        ("március tizedikén adjuk ki", "március tizedikén"),
        ("két héten belül", "két héten belül"),
        ("a jövő hét végéig", "jövő hét végéig"),
        ("holnapra megcsinálom", "holnapra"),
        ("március 15-ig", "március 15-ig"),
        ("majd megnézem", ""),
    ],
)
def test_a_hungarian_time_limit_is_kept_in_the_words_that_were_said(text: str, limit: str) -> None:
    """Endings are part of the limit, not a reason to miss it."""
    assert due(text, HU) == limit


def test_a_moment_stands_where_it_was_found() -> None:
    """Places allow a caller to cut the moment out of its sentence."""
    text = "We meet again next Monday at nine o'clock."
    (moment,) = moments(text, EN)
    assert text[moment.start : moment.end] == moment.text == "next Monday at nine o'clock"
