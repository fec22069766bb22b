"""Transcripts in the forms that other programs read."""

import msgspec
import pytest

from appliance.quality.turns import read_rttm
from appliance.speakers.model import Turn
from appliance.transcripts.errors import UnknownFormat
from appliance.transcripts.exports import export
from appliance.transcripts.model import Transcript
from tests.factories.transcripts import transcript

MEETING = transcript(("Speaker 1", "Shall we <accept> it?"), ("Speaker 2", "Igen, elfogadjuk."))


def written(name: str, turns=()) -> str:
    return export(MEETING, turns, name)[0].decode()


def test_json_holds_everything():
    """What was written can be read back whole."""
    assert msgspec.json.decode(written("json"), type=Transcript) == MEETING


def test_text_is_for_reading():
    """A line per segment with time and speaker."""
    assert written("txt").splitlines() == [
        "[00:00:00] Speaker 1: Shall we <accept> it?",
        "[00:00:04] Speaker 2: Igen, elfogadjuk.",
    ]


def test_captions_name_the_voice_and_escape_markup():
    """Players show who speaks, and no text is taken for markup."""
    captions = written("vtt")
    assert captions.startswith("WEBVTT\n")
    assert "00:00:00.000 --> 00:00:01.600\n<v Speaker 1>Shall we &lt;accept&gt; it?" in captions


def test_long_segments_become_readable_captions():
    """No caption is longer than two lines, and no word is lost."""
    long = transcript(("Speaker 1", " ".join(f"word{number}" for number in range(60))))
    cues = export(long, (), "vtt")[0].decode().split("\n\n")[1:]
    texts = [cue.split(">")[-1].strip() for cue in cues]
    assert max(map(len, texts)) <= 84
    assert " ".join(texts).split() == [f"word{number}" for number in range(60)]


def test_rttm_tells_the_turns():
    """Turns come out as they went in, breaths bridged; without turns the segments stand in."""
    turns = [Turn(0, 2, 0), Turn(2.4, 3, 0), Turn(4, 5.5, 1)]
    rows = [(row.start_s, round(row.end_s, 3), row.speaker) for row in read_rttm(written("rttm", turns))]
    assert rows == [(0.0, 3.0, "Speaker_1"), (4.0, 5.5, "Speaker_2")]
    assert {row.speaker for row in read_rttm(written("rttm"))} == {"Speaker_1", "Speaker_2"}


def test_an_unknown_format_is_refused():
    """The refusal names the formats that there are."""
    with pytest.raises(UnknownFormat, match="json, txt, vtt, rttm"):
        export(MEETING, (), "docx")
