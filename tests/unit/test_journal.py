"""Entries of the journal: fields of their own, any value in one piece, and no text of an exception."""

import os
import socket
import struct
import sys
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from cli import journal
from cli.journal import JournalLogger, entry, writes_to_journal


def read_entry(sent: bytes) -> dict[str, str]:
    """An entry as systemd reads it."""
    fields = {}
    while sent:
        line, _, rest = sent.partition(b"\n")
        if b"=" in line:
            name, _, value = line.partition(b"=")
        else:
            name, size = line, struct.unpack("<Q", rest[:8])[0]
            value, rest = rest[8 : 8 + size], rest[8 + size + 1 :]
        fields[name.decode()] = value.decode()
        sent = rest
    return fields


@pytest.fixture
def listener(tmp_path: Path) -> socket.socket:
    """Where the journal would listen."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listening.bind(str(tmp_path / "journal"))
    listening.settimeout(5)
    return listening


def test_an_event_becomes_an_entry_with_fields(listener: socket.socket) -> None:
    """A job's story is found by its id; the line for people says the same."""
    logger = structlog.wrap_logger(JournalLogger(listener.getsockname()), processors=[entry])
    logger.warning("step_lost", job="0190", step="transcribe", attempt=2)
    fields = read_entry(listener.recv(65535))
    assert fields == {
        "MESSAGE": "step_lost attempt=2 job=0190 step=transcribe",
        "PRIORITY": "4",
        "SYSLOG_IDENTIFIER": "hangjegyzet",
        "HANGJEGYZET_EVENT": "step_lost",
        "HANGJEGYZET_JOB": "0190",
        "HANGJEGYZET_STEP": "transcribe",
        "HANGJEGYZET_ATTEMPT": "2",
    }


def test_an_exception_tells_its_kind_and_place_and_not_its_text(listener: socket.socket) -> None:
    """What somebody typed may stand in it."""
    logger = structlog.wrap_logger(JournalLogger(listener.getsockname()), processors=[entry])
    try:
        int("the budget of the ministry")
    except ValueError:
        logger.exception("check_broke", check="disk")
    fields = read_entry(listener.recv(65535))
    assert fields["HANGJEGYZET_EXCEPTION"] == "ValueError"
    assert "test_journal.py" in fields["HANGJEGYZET_TRACE"]
    assert fields["PRIORITY"] == "3"
    assert "budget" not in str(fields)


@given(st.dictionaries(st.text(min_size=1, max_size=60), st.text(max_size=80), max_size=5))
def test_any_value_stays_in_its_field(told: dict[str, str]) -> None:
    """Line breaks in a value make no field of it, and no name is one that the journal refuses."""
    told.pop("event", None)
    told.pop("exc_info", None)
    fields = read_entry(entry(None, "info", {"event": "x", **told}))
    assert fields["HANGJEGYZET_EVENT"] == "x" or any(journal._field(name) == "EVENT" for name in told)
    assert set(fields) <= {"MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER", "HANGJEGYZET_EVENT"} | {
        "HANGJEGYZET_" + journal._field(name) for name in told
    }
    assert all(name.replace("_", "").isalnum() and name.isascii() and name == name.upper() for name in fields)


def test_nobody_listening_loses_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """While the journal is started again, entries go where text goes."""
    structlog.wrap_logger(JournalLogger(str(tmp_path / "absent")), processors=[entry]).info("still_here")
    assert "HANGJEGYZET_EVENT=still_here" in capfd.readouterr().err


def test_only_systemds_own_stream_is_the_journal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A person's terminal, and a unit whose stderr goes elsewhere, read text."""
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    assert not writes_to_journal()
    monkeypatch.setenv("JOURNAL_STREAM", "nonsense")
    assert not writes_to_journal()
    with (tmp_path / "stderr").open("w") as file:
        monkeypatch.setattr(sys, "stderr", file)
        own = os.fstat(file.fileno())
        monkeypatch.setattr(journal, "SOCKET", str(tmp_path / "stderr"))
        monkeypatch.setenv("JOURNAL_STREAM", f"{own.st_dev}:{own.st_ino}")
        assert writes_to_journal()
        monkeypatch.setenv("JOURNAL_STREAM", f"{own.st_dev}:1")
        assert not writes_to_journal()
