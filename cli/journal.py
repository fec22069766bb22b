"""Logs as the journal keeps them: fields of their own, so that ``journalctl HANGJEGYZET_JOB=…`` finds a job's story.

systemd's native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): one datagram per entry, ``NAME=value`` by line, values
with line breaks with their length before them.
"""

import os
import socket
import struct
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any, Final

import structlog

SOCKET: Final = "/run/systemd/journal/socket"
PREFIX: Final = "HANGJEGYZET_"
LONGEST_BYTES: Final = 32 << 10
"""Of a value; the kernel's limit of a datagram is above that, and no field of ours comes near."""
PRIORITIES: Final[Mapping[str, int]] = {
    "debug": 7, "info": 6, "warning": 4, "warn": 4, "error": 3, "exception": 3, "critical": 2
}  # fmt: skip


def writes_to_journal() -> bool:
    """Whether stderr of this process is the journal's own stream, as systemd says in ``JOURNAL_STREAM``."""
    device, _, inode = os.environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        entry = os.fstat(sys.stderr.fileno())
        return (int(device), int(inode)) == (entry.st_dev, entry.st_ino) and Path(SOCKET).exists()
    except (ValueError, OSError):
        return False


class JournalLogger:
    """Takes what structlog renders for it: the fields of an entry."""

    def __init__(self, path: str = SOCKET) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)

    def msg(self, fields: bytes) -> None:
        """Send an entry; one that the journal does not take goes to stderr as text, and is not lost."""
        try:
            self._socket.sendto(fields, self._path)
        except OSError:
            sys.stderr.buffer.write(fields)
            sys.stderr.flush()

    log = debug = info = warning = warn = error = exception = critical = fatal = failure = msg


def entry(_: Any, method: str, event: MutableMapping[str, Any]) -> bytes:
    """A processor: the last one, which makes an entry of an event and its fields."""
    told = dict(event)
    name = str(told.pop("event", ""))
    exception = told.pop("exc_info", None)
    fields: dict[str, str] = {
        "MESSAGE": " ".join([name, *(f"{key}={value}" for key, value in sorted(told.items()))]),
        "PRIORITY": str(PRIORITIES.get(method, 6)),
        "SYSLOG_IDENTIFIER": "hangjegyzet",
        PREFIX + "EVENT": name,
        **{PREFIX + _field(key): str(value) for key, value in told.items()},
    }
    if exception:
        # Where it happened and what it is called: its text may hold a value, and locals do.
        kind, _, trace = exception if isinstance(exception, tuple) else sys.exc_info()
        fields[PREFIX + "EXCEPTION"] = getattr(kind, "__name__", "")
        steps = traceback.extract_tb(trace)
        fields[PREFIX + "TRACE"] = "\n".join(f"{step.filename}:{step.lineno} {step.name}" for step in steps)
    return b"".join(_line(key, value) for key, value in fields.items())


def journal_configuration() -> Mapping[str, Any]:
    """How structlog writes to the journal."""
    return {
        "processors": [structlog.contextvars.merge_contextvars, entry],
        "logger_factory": lambda *_: JournalLogger(),
    }


def _field(name: str) -> str:
    """Capital letters, digits and underscores alone; the journal drops an entry with another name."""
    return "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in name).upper()[:40]


def _line(name: str, value: str) -> bytes:
    content = value.encode("utf-8", "replace")[:LONGEST_BYTES]
    if b"\n" in content:
        return name.encode() + b"\n" + struct.pack("<Q", len(content)) + content + b"\n"
    return name.encode() + b"=" + content + b"\n"
