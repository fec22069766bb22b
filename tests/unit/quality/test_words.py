"""Error rates of words: checked against another implementation and by hand."""

import jiwer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.quality.words import align, character_error_rate, normalise_letters, normalise_plain, word_error_rate

WORDS = st.lists(st.sampled_from(["budget", "vote", "Monday", "yes", "no", "seven"]), max_size=25)


@given(reference=WORDS.filter(bool), hypothesis=WORDS)
def test_the_word_error_rate_equals_another_implementation(reference, hypothesis):
    """Our rate and that of jiwer agree on any two texts."""
    ours = word_error_rate(" ".join(reference), " ".join(hypothesis))
    theirs = jiwer.wer(" ".join(reference).lower(), " ".join(hypothesis).lower())
    assert ours.rate == pytest.approx(theirs)


@given(reference=WORDS, hypothesis=WORDS)
def test_an_alignment_uses_every_word_once_and_in_order(reference, hypothesis):
    """No word of either text is lost or counted twice."""
    pairs = align(reference, hypothesis)
    assert [left for left, _ in pairs if left is not None] == list(range(len(reference)))
    assert [right for _, right in pairs if right is not None] == list(range(len(hypothesis)))


def test_the_three_kinds_of_error_are_told_apart():
    """A wrong, a missing and an added word are counted as such."""
    rate = word_error_rate("the budget was accepted on Monday", "the gadget accepted on a Monday")
    assert (rate.substitutions, rate.deletions, rate.insertions, rate.reference) == (1, 1, 1, 6)
    assert rate.normalisation == "plain"


def test_case_and_punctuation_are_no_errors():
    """What cannot be heard is not counted."""
    assert normalise_plain("“Don’t,” said Mr. O'Neil — ‘no’!") == "don't said mr o'neil no"
    assert normalise_plain("Árvíztűrő TÜKÖRFÚRÓGÉP.") == "árvíztűrő tükörfúrógép"
    assert normalise_letters("Árvíztűrő don't") == "arvizturo dont"


def test_invented_text_over_silence_is_a_whole_error():
    """A reference without words makes any word an error."""
    assert word_error_rate("", "thank you for watching").rate == 1.0
    assert word_error_rate("", "").rate == 0.0


def test_character_errors_are_finer_than_word_errors():
    """One wrong Hungarian ending is a small error by characters."""
    assert character_error_rate("határozat", "határozatot").errors == 2


def test_an_unknown_normalisation_is_no_silent_default():
    """A misspelt name of a normalisation fails."""
    with pytest.raises(KeyError):
        word_error_rate("a", "a", normalisation="plian")
