"""What the demo prints: who said what, and under every claim the words that it rests on."""

import io

import pytest
from rich.console import Console

from cli.demo.display import StepBars, show_minutes, show_transcript

TRANSCRIPT = {
    "segments": [
        {"id": 0, "start_s": 0.0, "end_s": 4.0, "speaker": "Speaker 1", "text": "Shall we paint the fence green?"},
        {"id": 1, "start_s": 64.0, "end_s": 66.0, "speaker": "Speaker 2", "text": "Agreed, green it is."},
        {"id": 2, "start_s": 66.0, "end_s": 67.0, "speaker": None, "text": "Mm."},
    ]
}


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=100)


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_transcript_names_time_and_speaker(console: Console):
    """Every line says when and who; a voice that nobody could tell is called unknown."""
    show_transcript(console, TRANSCRIPT)
    text = printed(console)
    assert "00:01:04  Speaker 2: Agreed, green it is." in text
    assert "Unknown: Mm." in text


def test_a_claim_is_shown_with_its_evidence(console: Console):
    """Under a decision stand the time, the speaker and the exact words."""
    decision = {
        "text": "The fence is painted green.",
        "citations": [{"segment": 1, "quote": "green it is"}],
        "support": "supported",
    }
    show_minutes(console, {"decisions": [decision]}, TRANSCRIPT)
    text = printed(console)
    assert "The fence is painted green.  ✓ supported" in text
    assert "[00:01:04 Speaker 2] “green it is”" in text


def test_an_unsupported_claim_is_shown_as_such(console: Console):
    """A claim without a source never looks like one that has it."""
    show_minutes(console, {"summary": [{"text": "All agreed.", "citations": [], "support": "unsupported"}]}, TRANSCRIPT)
    assert "✗ no source" in printed(console)


def test_an_action_without_owner_says_so(console: Console):
    """An owner that nobody named is not guessed."""
    action = {"task": "Buy paint", "owner": None, "due": None, "citations": [], "support": "partly"}
    show_minutes(console, {"actions": [action]}, TRANSCRIPT)
    assert "no owner named, no date named" in printed(console)


def test_every_step_has_a_bar(console: Console):
    """The upload and each step of the job are shown with what they are doing."""
    steps = [
        {"name": "validate", "state": "done", "progress": 1.0, "eta_s": None},
        {"name": "transcribe", "state": "running", "progress": 0.5, "eta_s": 12.4},
        {"name": "minutes", "state": "waiting", "progress": 0.0, "eta_s": None},
    ]
    with StepBars(console) as bars:
        bars.upload(1.0)
        bars.show({"steps": steps})
    text = printed(console)
    assert "Upload, encrypted" in text
    assert "about 12 s left" in text
    assert "waiting" in text
