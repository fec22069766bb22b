"""``hangjegyzet meeting`` against a whole appliance: processes of its own for the database and for every queue."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.factories.appliance import FAKE_ENGINES, Appliance, an_appliance
from tests.factories.media import format_named, media_file

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def appliance(scratch: Path) -> Iterator[Appliance]:
    """One appliance for all tests of this module."""
    with an_appliance(scratch / "commands", FAKE_ENGINES) as started:
        started.start_workers()
        yield started


@pytest.fixture(scope="module")
def recording(appliance: Appliance) -> Path:
    """A recording of twenty seconds."""
    path = appliance.folder / "board meeting.flac"
    path.write_bytes(media_file(format_named("flac"), duration_s=20.0))
    return path


def test_a_recording_goes_in_and_a_record_comes_out(appliance: Appliance, recording: Path) -> None:
    """Added, waited for, listed, shown, exported in every form, renamed and destroyed."""
    wishes = ("--language", "en", "--speakers", "2", "--words", "Őrség, Zala", "--words", "Zsigmond Kft.")
    added = appliance.run_json("meeting", "add", str(recording), "--wait", *wishes)
    assert added["state"] == "done"
    meeting_id = added["meeting_id"]

    (listed,) = appliance.call_json("meeting", "list")["meetings"]
    assert (listed["id"], listed["title"], listed["state"]) == (meeting_id, "board meeting", "ready")
    shown = appliance.call_json("meeting", "show", meeting_id)
    assert shown["recording"]["codec"] == "flac"
    assert shown["recording"]["duration_s"] == pytest.approx(20.0, abs=0.1)
    assert {"transcript", "minutes", "peaks"} <= set(shown["documents"])

    transcript = json.loads(appliance.call("meeting", "export", meeting_id, "transcript.json"))
    first = transcript["segments"][0]
    hits = appliance.call_json("meeting", "search", first["text"].split()[0])
    assert (meeting_id, first["id"]) in [(hit["meeting_id"], hit["segment"]) for hit in hits]
    assert appliance.call("meeting", "export", meeting_id, "transcript.vtt").startswith("WEBVTT")
    assert appliance.call("meeting", "export", meeting_id, "transcript.rttm").startswith("SPEAKER")
    assert json.loads(appliance.call("meeting", "export", meeting_id, "minutes.json"))["language"] == "en"
    assert "board meeting" in appliance.call("meeting", "export", meeting_id, "minutes.md")
    appliance.call("meeting", "export", meeting_id, "audio", "--output", str(appliance.folder))
    exported = appliance.folder / f"{meeting_id}.audio"
    assert hashlib.sha256(exported.read_bytes()).digest() == hashlib.sha256(recording.read_bytes()).digest()
    assert exported.stat().st_mode & 0o077 == 0

    assert appliance.call_json("meeting", "words", meeting_id) == {"words": ["Őrség", "Zala", "Zsigmond Kft."]}
    assert appliance.call_json("meeting", "words", meeting_id, "Zala", "Őrség") == {"words": ["Zala", "Őrség"]}
    appliance.call("meeting", "words", meeting_id, "x" * 401, expect=2)

    assert appliance.call_json("meeting", "rename", meeting_id, "Elnökségi ülés")["title"] == "Elnökségi ülés"
    assert appliance.call_json("meeting", "delete", meeting_id, "--yes")["deleted"]
    appliance.run("meeting", "show", meeting_id, expect=4)
    assert appliance.call_json("meeting", "delete", meeting_id, "--yes")["deleted"]
    assert [path for path in (appliance.data_dir / "blobs").rglob("*") if path.is_file()] == []


def test_a_refused_file_says_why_and_what_to_do(appliance: Appliance) -> None:
    """Exit codes tell a script: 2 for what was refused at once, 1 for what turned out to be no recording."""
    letter, nothing = appliance.folder / "letter.mp3", appliance.folder / "nothing.wav"
    letter.write_text("Dear Sir or Madam, " * 50)
    nothing.touch()
    answer = appliance.call_json("meeting", "add", str(letter), "--wait", expect=1)
    assert (answer["state"], answer["code"]) == ("failed", "media.not_media")
    assert answer["remedy"]
    appliance.call("meeting", "add", str(nothing), expect=2)
    appliance.call("meeting", "export", "not-an-id", "minutes.md", expect=4)
