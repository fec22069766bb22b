"""What every engine that tells speakers apart must keep; the fake, and the diarizer with its starter packs."""

import numpy as np
import pytest

from appliance.adapters.fake_speech import FakeSpeakerTurns
from appliance.meetings.model import SAMPLE_RATE
from appliance.speakers.model import SpeakerCount
from appliance.speakers.ports import SpeakerTurns
from tests.factories.engines import an_utterance, diarizer


@pytest.fixture(scope="module", params=["fake", pytest.param("onnx", marks=[pytest.mark.models, pytest.mark.slow])])
def engine(request: pytest.FixtureRequest) -> SpeakerTurns:
    return FakeSpeakerTurns() if request.param == "fake" else diarizer()


class Notebook:
    """A bookmark in memory."""

    def __init__(self) -> None:
        self.note: bytes | None = None

    def load(self) -> bytes | None:
        return self.note

    def save(self, note: bytes) -> None:
        self.note = note


def test_turns_lie_within_the_recording_in_order(engine):
    """Turns are sorted by start, have a length, and end with the recording."""
    audio = an_utterance()
    turns = engine.turns(audio)
    assert turns
    assert [turn.start_s for turn in turns] == sorted(turn.start_s for turn in turns)
    assert {type(value) for turn in turns for value in (turn.start_s, turn.end_s)} == {float}
    assert all(0 <= turn.start_s < turn.end_s <= len(audio) / SAMPLE_RATE + 0.001 for turn in turns)


def test_speakers_are_numbered_from_the_first_heard(engine):
    """The first turn is speaker 0, and numbers have no holes."""
    numbers = list(dict.fromkeys(turn.speaker for turn in engine.turns(an_utterance())))
    assert numbers == list(range(len(numbers)))


def test_silence_has_no_turns(engine):
    """Nobody is made to speak in silence; nothing at all is no failure."""
    assert engine.turns(np.zeros(5 * SAMPLE_RATE, dtype=np.int16)) == ()
    assert engine.turns(np.zeros(0, dtype=np.int16)) == ()


def test_a_known_number_is_never_exceeded(engine):
    """One speaker is one speaker."""
    assert {turn.speaker for turn in engine.turns(an_utterance(), count=SpeakerCount.exactly(1))} == {0}


def test_progress_rises_to_one(engine):
    """Progress never falls and ends at one."""
    seen: list[float] = []
    engine.turns(an_utterance(), progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_a_bookmark_does_not_change_the_turns(engine):
    """With notes of its own or with nonsense from another recording, the turns are the same."""
    audio = an_utterance()
    notebook = Notebook()
    first = engine.turns(audio, bookmark=notebook)
    assert engine.turns(audio, bookmark=notebook) == first == engine.turns(audio)
    notebook.note = b"left behind by another release"
    assert engine.turns(audio, bookmark=notebook) == first
