"""The sample meetings are complete, consistent and small enough to ship."""

import tomllib

import av
import pytest

from appliance.quality.samples import sample_meeting
from appliance.quality.turns import read_rttm

LANGUAGES = ("en", "hu")


@pytest.fixture(params=LANGUAGES)
def meeting(request):
    return sample_meeting(request.param)


def test_references_follow_the_script(meeting):
    """What the references say was spoken is what the script says, in its order and by its speakers."""
    script = tomllib.loads((meeting.audio.parent / "script.toml").read_text(encoding="utf-8"))
    lines = [(script["speakers"][turn["speaker"]]["name"], turn["text"]) for turn in script["turns"]]
    assert [(turn.speaker, turn.text) for turn in meeting.turns] == lines


def test_turns_fill_the_recording_without_overlap(meeting):
    """Each turn begins after the one before it has ended, and the last ends inside the recording."""
    edges = [edge for turn in meeting.turns for edge in (turn.start_s, turn.end_s)]
    assert edges == sorted(edges)
    assert edges[-1] < meeting.duration_s


def test_rttm_holds_the_same_turns(meeting):
    """The RTTM file and the words file agree on who spoke when."""
    turns = read_rttm(meeting.rttm.read_text(encoding="utf-8"))
    assert [(turn.speaker, round(turn.start_s, 3), round(turn.end_s, 3)) for turn in turns] == [
        (turn.speaker, turn.start_s, turn.end_s) for turn in meeting.turns
    ]


def test_audio_is_as_long_as_the_references_say(meeting):
    """The committed audio decodes from end to end."""
    with av.open(str(meeting.audio)) as container:
        samples = sum(frame.samples for frame in container.decode(audio=0))
    assert samples / 48_000 == pytest.approx(meeting.duration_s, abs=0.05)


def test_audio_is_compact(meeting):
    """A sample costs the repository less than 700 kB."""
    assert meeting.audio.stat().st_size < 700_000


def test_expectations_point_into_the_script(meeting):
    """Every expected decision, action and question rests on turns that exist."""
    rested = [turn for kind in meeting.expected.values() for item in kind for turn in item["turns"]]
    assert set(rested) <= set(range(1, len(meeting.turns) + 1))


def test_english_sample_is_the_meeting_that_the_demo_promises():
    """Four voices, about three minutes, a corrected decision, and an action that nobody took."""
    meeting = sample_meeting("en")
    assert len(meeting.speakers) == 4
    assert 170 < meeting.duration_s < 210
    assert len(meeting.expected["decisions"]) == 2
    assert [item for item in meeting.expected["decisions"] if "corrects" in item]
    assert sorted(item["owner"] for item in meeting.expected["actions"]) == ["", "David", "Peter"]
