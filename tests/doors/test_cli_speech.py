"""``hangjegyzet speech run``, as a script calls it: one file in, text or JSON out, nothing kept."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.factories.media import format_named, media_file, speechlike, video_without_sound

ROOT = Path(__file__).parents[2]
COMMAND = "from cli.launch import main; main()"


def speech(*arguments: str | Path, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command with the engines that make their words up, on a machine without data."""
    return subprocess.run(
        [sys.executable, "-c", COMMAND, "speech", "run", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={
            **os.environ,
            "HANGJEGYZET_DATA_DIR": str(home),
            "HANGJEGYZET_SPEECH__ENGINE": "fake",
            "TMPDIR": str(home),
            **environment,
        },
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Eight seconds of speech and a pause, as a phone would send them."""
    sound = np.concatenate((speechlike(4, rate=44_100), np.zeros(66_150, np.int16), speechlike(4, rate=44_100)))
    file = tmp_path / "felvétel.m4a"
    file.write_bytes(media_file(format_named("m4a"), sound=sound))
    return file


def test_scripts_get_the_promised_shape(recording: Path, home: Path) -> None:
    """The keys are those that scripts rely on, numbers are numbers, and data alone is on stdout."""
    done = speech(recording, "--json", home=home)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert list(report) == ["language", "duration_s", "engine", "models", "segments", "removed", "timings"]
    assert report["duration_s"] == pytest.approx(9.5, abs=0.1)
    assert report["language"] == "en"
    assert set(report["timings"]) == {"loading", "decode", "transcribe", "speakers", "merge", "total"}
    assert report["timings"]["total"] >= max(report["timings"]["transcribe"], report["timings"]["speakers"])
    for segment in report["segments"]:
        assert list(segment) == ["id", "start_s", "end_s", "speaker", "text", "words", "origin", "speaker_by"]
        assert segment["speaker"].startswith("Speaker ")
        for word in segment["words"]:
            assert list(word) == ["start_s", "end_s", "text", "probability"]
            assert {type(word["start_s"]), type(word["end_s"]), type(word["probability"])} <= {int, float}


def test_nothing_is_kept(recording: Path, home: Path) -> None:
    """Neither the data folder nor the folder for temporary files has a new file afterwards."""
    assert speech(recording, home=home).returncode == 0
    assert [path for path in home.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("form", "start"), [("txt", "[00:00:00] Speaker 1: "), ("vtt", "WEBVTT\n"), ("rttm", "SPEAKER meeting 1 ")]
)
def test_every_format_can_be_printed(recording: Path, home: Path, form: str, start: str) -> None:
    """People, players and scoring tools get their own form."""
    assert speech(recording, "--format", form, home=home).stdout.startswith(start)


def test_a_chosen_language_and_number_of_speakers_are_used(recording: Path, home: Path) -> None:
    """What the caller knows is not guessed."""
    report = json.loads(speech(recording, "--json", "--language", "hu", "--speakers", "1", home=home).stdout)
    assert report["language"] == "hu"
    assert {segment["speaker"] for segment in report["segments"]} == {"Speaker 1"}


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("letter.mp3", b"Dear all, this is a letter.\n" * 20, "its content is text"),
        ("empty.wav", b"", "empty"),
        ("film.mp4", video_without_sound(), "no sound track"),
        ("mute.wav", media_file(format_named("wav"), sound=np.zeros(48_000, np.int16)), "silent"),
        ("cut.flac", media_file(format_named("flac"), duration_s=6)[:100_000], "breaks off"),
    ],
)
def test_a_bad_file_is_refused_in_two_lines(home: Path, tmp_path: Path, name: str, content: bytes, says: str) -> None:
    """What is wrong and what to do, on stderr; no traceback, nothing on stdout, an exit code."""
    file = tmp_path / name
    file.write_bytes(content)
    done = speech(file, home=home)
    assert done.returncode == 2
    assert done.stdout == ""
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_too_many_words_to_expect_are_refused(recording: Path, home: Path) -> None:
    """Before anything is loaded, with both figures; as many as fit are taken."""
    done = speech(recording, "--words", "Őrség, Zala", "--words", "x" * 400, home=home)
    assert done.returncode == 2
    assert "bytes of at most 400" in done.stderr
    assert speech(recording, "--words", "Őrség, Zala", home=home).returncode == 0


def test_a_machine_without_a_model_says_so(recording: Path, home: Path) -> None:
    """Without a pack the command names what is missing instead of asking a hub."""
    done = speech(recording, home=home, HANGJEGYZET_SPEECH__ENGINE="whisper", HANGJEGYZET_MODELS_DIR=str(home / "none"))
    assert done.returncode in {4, 5}
    assert "model" in done.stderr
    assert "Traceback" not in done.stderr
