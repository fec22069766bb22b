"""``hangjegyzet minutes run``: minutes of one transcript, with nothing else running."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SPOKEN = {
    "language": "en",
    "duration_s": 20.0,
    "engine": "faster-whisper",
    "models": ["whisper-base"],
    "segments": [
        {
            "start_s": 0.0,
            "end_s": 6.0,
            "speaker": "Speaker 1",
            "text": "We have decided to release the new version on the 17th of March.",
            "words": [{"start_s": 0.0, "end_s": 0.3, "text": "We", "probability": 0.9}],
        },
        {
            "start_s": 6.5,
            "end_s": 9.0,
            "speaker": "Speaker 2",
            "text": "I will run the backup test by Friday.",
            "words": [],
        },
    ],
    "removed": [],
    "timings": {"total": 1.0},
}


def hangjegyzet(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, with the model that finds nothing."""
    program = "from cli.main import run; run()"
    environment = {**os.environ, "HANGJEGYZET_MINUTES__ENGINE": "fake"}
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        timeout=240,
    )


@pytest.fixture
def spoken(tmp_path: Path) -> Path:
    """What ``speech run --json`` printed."""
    file = tmp_path / "transcript.json"
    file.write_text(json.dumps(SPOKEN))
    return file


def test_the_output_of_speech_run_becomes_minutes(spoken: Path) -> None:
    """Segments are cited by their position, since that output does not have to number them."""
    done = hangjegyzet("minutes", "run", str(spoken), "--json")
    assert done.returncode == 0, done.stderr
    minutes = json.loads(done.stdout)
    assert minutes["decisions"][0]["citations"] == [{"segment": 0, "quote": SPOKEN["segments"][0]["text"]}]
    assert [(one["owner"], one["due"]) for one in minutes["actions"]] == [("Speaker 2", "Friday")]


def test_without_json_they_are_for_reading(spoken: Path) -> None:
    """Markdown on stdout, and nothing else there."""
    done = hangjegyzet("minutes", "run", str(spoken))
    assert done.stdout.startswith("# Minutes\n")
    assert "Speaker 2, 00:00:06: “I will run the backup test by Friday.”" in done.stdout


def test_something_else_than_a_transcript_is_refused_with_what_is_wanted(tmp_path: Path) -> None:
    """As wrong usage, with the command that makes one."""
    other = tmp_path / "shopping.json"
    other.write_text('{"milk": 2}')
    done = hangjegyzet("minutes", "run", str(other))
    assert done.returncode == 2
    assert "speech run" in done.stderr
    assert done.stdout == ""
