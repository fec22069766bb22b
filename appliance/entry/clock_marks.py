"""What this machine knows of the time that has passed, beside what its clock says: kept by root, across restarts."""

import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from appliance.health.checks.clock import Disbelieved
from appliance.kernel.durable import sync_folder

GUARD_DIR = Path("/var/lib/hangjegyzet-guard")
MAX_BYTES = 4096


class _Kept(msgspec.Struct):
    seen: datetime | None = None
    disbelieved_after: datetime | None = None
    disbelieved_until: datetime | None = None


class ClockMarks:
    """The newest time that was seen on this machine, and a span in which its clock is known to have been wrong."""

    def __init__(self, folder: Path = GUARD_DIR) -> None:
        self._path = folder / "clock.json"

    def seen(self) -> datetime | None:
        """The newest time that was noted."""
        return self._read().seen

    def disbelieved(self) -> Disbelieved | None:
        """The span that somebody said was wrong."""
        kept = self._read()
        if kept.disbelieved_after is None or kept.disbelieved_until is None:
            return None
        return Disbelieved(kept.disbelieved_after, kept.disbelieved_until)

    def note(self, now: datetime) -> None:
        """Remember that it has been ``now``; an earlier time changes nothing."""
        kept = self._read()
        if kept.seen is None or now > kept.seen:
            self._write(msgspec.structs.replace(kept, seen=now))

    def disbelieve(self, *, after: datetime, until: datetime) -> None:
        """Take every mark after ``after`` and up to ``until`` for a mistake of the clock."""
        self._write(_Kept(seen=after, disbelieved_after=after, disbelieved_until=until))

    def _read(self) -> _Kept:
        """What was noted; a damaged file is as none, since the trail and the release tell the time too."""
        try:
            with self._path.open("rb") as file:
                kept = msgspec.json.decode(file.read(MAX_BYTES), type=_Kept)
        except (OSError, msgspec.MsgspecError):
            return _Kept()
        times = (kept.seen, kept.disbelieved_after, kept.disbelieved_until)
        return kept if all(at is None or at.tzinfo is not None for at in times) else _Kept()

    def _write(self, kept: _Kept) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial = self._path.with_suffix(f".{os.getpid()}")
        with partial.open("wb") as file:
            file.write(msgspec.json.encode(kept))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._path)
        sync_folder(self._path.parent)


def built_at(text: str) -> datetime:
    """A release's own time, from its manifest."""
    return datetime.fromisoformat(text).astimezone(UTC)
