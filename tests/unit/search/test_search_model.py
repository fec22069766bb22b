"""Keyed lexemes, queries made of them, and snippets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.search.model import configuration, fold, keyed, snippet, tsquery

KEY, OTHER = b"k" * 32, b"o" * 32


@pytest.mark.parametrize(
    ("word", "folded"),
    [("költségvetés", "koltsegvetes"), ("ŐRÜLT", "orult"), ("naïve", "naive"), ("straße", "strasse")],
)
def test_accents_and_case_make_no_difference(word: str, folded: str) -> None:
    """Who types without accents finds what was written with them."""
    assert fold(word) == folded


@given(st.text(min_size=1, max_size=20))
def test_folding_once_is_enough(word: str) -> None:
    """Index and query fold the same lexeme; a second folding must not change it."""
    assert fold(fold(word)) == fold(word)


def test_a_token_is_the_tenants_own() -> None:
    """The same word is another token for another tenant, and in another language."""
    assert keyed(KEY, "english", "budget") == keyed(KEY, "english", "Budget")
    assert keyed(KEY, "english", "budget") != keyed(OTHER, "english", "budget")
    assert keyed(KEY, "english", "budget") != keyed(KEY, "hungarian", "budget")


@given(st.text(max_size=30))
def test_a_token_is_plain_letters_and_digits(word: str) -> None:
    """Whatever the word, it cannot break out of a query, and its length tells nothing about it."""
    token = keyed(KEY, "simple", word)
    assert len(token) == 26
    assert token.isascii()
    assert token.isalnum()


def test_a_query_wants_all_words_by_the_rules_of_any_one_language() -> None:
    """Words are joined by and, languages by or; a language that has no word for it is left out."""
    query = tsquery(KEY, {"english": [{"budget"}, {"year", "years"}], "hungarian": [{"budget"}], "simple": []})
    assert query.count("&") == 1
    assert query.count("|") == 2
    assert tsquery(KEY, {"english": []}) == ""


def test_an_unknown_language_is_searched_word_by_word() -> None:
    """No stems are better than wrong ones."""
    assert configuration("hu") == "hungarian"
    assert configuration("xx") == configuration(None) == "simple"


def test_a_short_segment_is_shown_whole() -> None:
    """Its marks are where they were."""
    assert snippet("the budget is fine", [(4, 10)]).marks == ((4, 10),)


@given(st.lists(st.sampled_from(["alfa", "beta", "gamma", "delta"]), min_size=1, max_size=300), st.data())
def test_a_snippet_shows_what_was_found(words: list[str], data: st.DataObject) -> None:
    """Wherever it stands, the first mark is inside, and every mark covers a whole word."""
    text = " ".join(words)
    number = data.draw(st.integers(0, len(words) - 1))
    start = len(" ".join(words[:number])) + (1 if number else 0)
    shown = snippet(text, [(start, start + len(words[number]))], length=60)
    ((begin, end),) = shown.marks
    assert shown.text[begin:end] == words[number]
    assert len(shown.text) <= 60 + 4 + max(map(len, words))
