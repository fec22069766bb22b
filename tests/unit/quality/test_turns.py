"""Diarization error rate, by hand-made meetings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.quality.turns import SpokenTurn, best_naming, diarization_error, read_rttm, word_speaker_accuracy

REFERENCE = [SpokenTurn(0, 10, "anna"), SpokenTurn(10, 20, "béla"), SpokenTurn(25, 30, "anna")]


def test_the_same_turns_under_other_names_are_no_error():
    """Speakers are compared by when they speak and not by what they are called."""
    renamed = [SpokenTurn(turn.start_s, turn.end_s, {"anna": 1, "béla": 0}[turn.speaker]) for turn in REFERENCE]
    assert diarization_error(REFERENCE, renamed).rate == 0
    assert best_naming(REFERENCE, renamed) == {1: "anna", 0: "béla"}


def test_the_three_kinds_of_error_are_seconds():
    """Missed speech, false alarm and confusion are each counted where they happen."""
    found = [SpokenTurn(0, 12, 1), SpokenTurn(12, 18, 2), SpokenTurn(22, 30, 1)]
    error = diarization_error(REFERENCE, found)
    assert error.missed_s == pytest.approx(2)
    assert error.false_alarm_s == pytest.approx(3)
    assert error.confusion_s == pytest.approx(2)
    assert error.speech_s == pytest.approx(25)
    assert error.rate == pytest.approx(7 / 25)


def test_a_collar_forgives_boundaries_alone():
    """With a collar, a boundary that is a little off costs nothing, and the collar leaves the speech too."""
    found = [SpokenTurn(0.2, 10.2, 1), SpokenTurn(10.2, 19.8, 2), SpokenTurn(25, 30.2, 1)]
    strict = diarization_error(REFERENCE, found)
    forgiving = diarization_error(REFERENCE, found, collar_s=0.25)
    assert strict.rate > 0
    assert forgiving.rate == 0
    assert forgiving.speech_s == pytest.approx(25 - 6 * 0.25)


def test_overlapped_speech_counts_for_each_speaker():
    """Two who speak at once are two seconds of speech per second, unless overlap is left out."""
    reference = [SpokenTurn(0, 10, "a"), SpokenTurn(5, 10, "b")]
    found = [SpokenTurn(0, 10, 1)]
    assert diarization_error(reference, found).missed_s == pytest.approx(5)
    assert diarization_error(reference, found, score_overlap=False).rate == 0


def test_nothing_found_is_all_missed():
    """Silence as an answer misses everything; speech against silence is all false alarm."""
    assert diarization_error(REFERENCE, []).rate == 1
    assert diarization_error([], REFERENCE).false_alarm_s == pytest.approx(25)


TURNS = st.lists(
    st.builds(
        lambda start, length, who: SpokenTurn(start, start + length, who),
        st.floats(0, 50),
        st.floats(0.1, 20),
        st.integers(0, 3),
    ),
    max_size=8,
)


@given(reference=TURNS, found=TURNS)
def test_error_kinds_never_contradict_the_totals(reference, found):
    """Heard speech is right or confused speech plus false alarm, whatever the turns."""
    error = diarization_error(reference, found)
    assert min(error.missed_s, error.false_alarm_s, error.confusion_s) >= -1e-9
    assert error.missed_s + error.confusion_s <= error.speech_s + 1e-9


def test_words_are_counted_for_the_speaker_at_their_middle():
    """One of four words went to the wrong speaker; a word in the pause is not counted."""
    words = [(1, 2, 7), (9, 9.5, 7), (12, 13, 8), (14, 15, 7), (22, 23, 7), (26, 27, None)]
    accuracy, counted = word_speaker_accuracy(REFERENCE, words)
    assert counted == 5
    assert accuracy == pytest.approx(3 / 5)


def test_rttm_is_read_by_its_columns():
    """Start and length become start and end."""
    assert read_rttm("SPEAKER x 1 6.690 0.430 <NA> <NA> anna <NA> <NA>\n") == [
        SpokenTurn(6.69, pytest.approx(7.12), "anna")
    ]
