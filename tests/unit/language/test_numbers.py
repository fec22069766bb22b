"""Numbers said and numbers written."""

import itertools
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.language.lexicon import lexicon
from appliance.language.numbers import number_values, numbers

EN, HU = lexicon("en"), lexicon("hu")


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("the seventeenth of March", {17}),
        ("the 17th of March", {17}),
        ("forty two questions", {42}),
        ("forty-two questions", {42}),
        ("twelve thousand euros", {12000}),
        ("12,000 euros", {12000}),
        ("two hundred and fifty thousand", {250000}),
        ("1.5 million", {1500000}),
        ("five hundred thousand dollars and seven cents", {500000, 7}),
        ("two, three or four", {2, 3, 4}),
        ("May 3, 2026", {3, 2026}),
        ("twenty-first", {21}),
        ("one of us", set()),
        ("nobody counted", set()),
        ("one and a half million", {1500000}),
        ("two and a half hours", {Decimal("2.5")}),
        ("half a million", {500000}),
        ("£25m and $3.5k", {25000000, 3500}),
        ("25 m of cable", {25}),
        ("in nineteen ninety eight", {1998}),
    ],
)
def test_english_numbers_have_one_value_however_they_are_said(text: str, values: set[int]) -> None:
    """Words, figures and ordinals of one number are the same number."""
    assert number_values(text, EN) == {Decimal(value) for value in values}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("március tizenhetedikén", {17}),
        ("március 17-én", {17}),
        ("hatezer eurót", {6000}),
        ("tizenkétezer euró", {12000}),
        ("kétszázötvenezer forint", {250000}),
        ("2 500 000 Ft", {2500000}),
        ("300 ezer", {300000}),
        ("huszonötödikén", {25}),
        ("kilenc órakor", {9}),
        ("tizedike", {10}),
        ("egyetért mindenki", set()),
        ("jövő hétfőn", set()),
        ("nagy hatás, jó ötlet, húsz", {20}),
        ("másfél millió", {1500000}),
        ("másfélmillióért", {1500000}),
        ("két és fél millió", {2500000}),
        ("félmillió", {500000}),
        ("kétmillió ötszázezer forint", {2500000}),
        ("25 mFt", {25000000}),
        ("hatvanan", {60}),
        ("hárman és ketten", {3, 2}),
        ("huszonnegyedikét", {24}),
    ],
)
def test_hungarian_numbers_are_read_through_their_endings(text: str, values: set[int]) -> None:
    """Glued number words count, and words that only begin like a number do not."""
    assert number_values(text, HU) == {Decimal(value) for value in values}


@settings(deadline=None)
@given(st.integers(min_value=100, max_value=999_999_999))
def test_grouped_figures_are_one_number(value: int) -> None:
    """However many groups of three it takes, a figure is read whole."""
    assert number_values(f"about {value:,} in all", EN) == {Decimal(value)}
    assert number_values(f"összesen {value:,} forint".replace(",", " "), HU) == {Decimal(value)}


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_text_can_be_searched_for_numbers(text: str) -> None:
    """Nothing that people say or type stops the search, and what is found stands where it says."""
    for words in (EN, HU):
        found = numbers(text, words)
        assert all(0 <= number.start < number.end for number in found)
        assert all(a.end <= b.start for a, b in itertools.pairwise(found))
