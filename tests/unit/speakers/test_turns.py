"""Rules about turns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.speakers.model import SpeakerCount, Turn, bridge_pauses, numbered_by_appearance

TURNS = st.lists(
    st.builds(
        lambda start, length, who: Turn(start, start + length, who),
        st.floats(0, 60),
        st.floats(0.1, 9),
        st.integers(0, 3),
    ),
    max_size=12,
)


def test_a_breath_does_not_end_a_turn():
    """Somebody who goes on after a short pause has not stopped speaking."""
    assert bridge_pauses([Turn(0, 2, 0), Turn(2.5, 4, 0), Turn(5.5, 6, 0)]) == (Turn(0, 4, 0), Turn(5.5, 6, 0))


def test_an_interruption_ends_a_turn():
    """A pause in which somebody else speaks stays a pause, even when that speech began before it."""
    turns = (Turn(0, 2, 0), Turn(1.8, 2.4, 1), Turn(2.5, 4, 0))
    assert bridge_pauses(turns) == turns


@given(TURNS)
def test_bridging_keeps_every_moment_of_speech(turns):
    """Nobody loses a second by joining turns."""
    joined = bridge_pauses(turns)
    for turn in turns:
        assert any(
            wide.speaker == turn.speaker and wide.start_s <= turn.start_s and turn.end_s <= wide.end_s
            for wide in joined
        )


@given(TURNS)
def test_speakers_are_numbered_as_they_are_first_heard(turns):
    """Speaker 1 is who speaks first; numbers have no holes."""
    numbered = numbered_by_appearance(turns)
    assert list(dict.fromkeys(turn.speaker for turn in numbered)) == list(range(len({turn.speaker for turn in turns})))


def test_a_known_number_of_speakers_is_kept_within_its_bounds():
    """What somebody counted wins over what was heard."""
    assert SpeakerCount.exactly(3).bounded(7) == 3
    assert SpeakerCount(2, 4).bounded(1) == 2
    assert SpeakerCount().bounded(9) == 9
    with pytest.raises(ValueError, match="no meeting"):
        SpeakerCount(4, 2)
