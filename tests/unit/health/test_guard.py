"""What the guard keeps and says: the time that has passed, why it refuses, and where a technician reads it."""

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.entry.clock_marks import ClockMarks
from appliance.entry.guard import guard_state, leave_word
from appliance.health.model import Check, Examined, Finding, Severity

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
DAY = timedelta(days=1)


def refusal(summary: str) -> Examined:
    """A check that does not pass."""
    finding = Finding(Severity.CRITICAL, summary, remedy="Set the clock: timedatectl set-time")
    return Examined(Check("clock", "Clock", lambda: finding), finding, 0.1)


def test_time_that_was_seen_only_grows(tmp_path: Path) -> None:
    """A clock that was set back does not take the mark along."""
    marks = ClockMarks(tmp_path)
    assert marks.seen() is None
    for at in (NOW, NOW + DAY, NOW - DAY):
        marks.note(at)
    assert ClockMarks(tmp_path).seen() == NOW + DAY


def test_a_span_that_was_wrong_is_remembered(tmp_path: Path) -> None:
    """And time goes on from its beginning."""
    marks = ClockMarks(tmp_path)
    marks.note(NOW + 900 * DAY)
    marks.disbelieve(after=NOW, until=NOW + 900 * DAY)
    marks.note(NOW + DAY)
    assert marks.seen() == NOW + DAY
    span = marks.disbelieved()
    assert span is not None
    assert (span.after, span.until) == (NOW, NOW + 900 * DAY)


@given(st.binary(max_size=200) | st.sampled_from([b'{"seen":"2026-11-23T08:00:00"}', b"null", b"[" * 4096]))
def test_a_damaged_mark_is_none(content: bytes) -> None:
    """The release and the trail tell the time too; nothing breaks."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "clock.json").write_bytes(content)
        assert ClockMarks(Path(folder)).seen() is None
        assert ClockMarks(Path(folder)).disbelieved() is None


def test_whoever_comes_to_the_console_reads_why(tmp_path: Path) -> None:
    """The reason and what to do stand above the login prompt, where no backslash becomes a command; then they go."""
    state, issue = tmp_path / "run" / "state.json", tmp_path / "issue.d" / "50.issue"
    leave_word(NOW, [refusal(r"It says \n 2020.")], state_file=state, issue_file=issue)
    text = issue.read_text()
    assert r"It says \\n 2020." in text
    for part in ("HangJegyzet is stopped.", "nem indult el", "timedatectl", "hangjegyzet health --fix guard"):
        assert part in text
    told = guard_state(state)
    assert told is not None
    assert told.refusals == (("clock", r"It says \n 2020."),)
    leave_word(NOW, [], state_file=state, issue_file=issue)
    assert not issue.exists()
    told = guard_state(state)
    assert told is not None
    assert told.refusals == ()


@pytest.mark.parametrize("content", [b"", b"{}", b"nonsense", b'{"at":1,"refusals":2}'])
def test_what_cannot_be_read_was_not_said(content: bytes, tmp_path: Path) -> None:
    """A guard whose word is lost has not looked."""
    (tmp_path / "state.json").write_bytes(content)
    assert guard_state(tmp_path / "state.json") is None
    assert guard_state(tmp_path / "absent.json") is None
