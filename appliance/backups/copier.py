"""Copies outstanding recordings from the backups, beside a portal that is open already; killed, it is started again.

What was asked for goes first, then the newest. Each is hashed on its way and gets its place only as what was backed up.
"""

import threading
import time
from collections import deque
from pathlib import Path

import msgspec
import structlog

from appliance.backups.depot import SUMS, copy_whole
from appliance.backups.errors import DepotFull
from appliance.backups.outstanding import Outstanding, Owed, Standing
from appliance.kernel.clock import Clock
from appliance.kernel.durable import sync_folder

log = structlog.get_logger(__name__)

TOLD_EVERY_S = 2.0
RETRY_S = 10.0
"""How often a disk that is away is looked for."""
DAMAGED_AGAIN_S = 3600.0
"""When one that was damaged is read again: somebody may have put a good copy in its place."""
ASKED_AT_MOST = 1000
MODE = 0o400


class Stopped(Exception):
    """The process is to end, or nobody wants this recording any longer."""


class Copier:
    """Brings everything that is outstanding.

    Args:
        stored: where it goes, as ``NA/NAME``.
        stop: ends it between two pieces of a recording.
    """

    def __init__(self, outstanding: Outstanding, stored: Path, *, clock: Clock, stop: threading.Event) -> None:
        self._outstanding = outstanding
        self._stored = stored
        self._clock = clock
        self._stop = stop
        self._asked: deque[str] = deque(maxlen=ASKED_AT_MOST)
        self._damaged: dict[str, float] = {}
        self._trouble = ""
        self._left: dict[str, int] = {}
        self._copied_bytes, self._copied_s, self._told_at = 0, 0.0, 0.0

    def ask(self, name: str) -> None:
        """Bring this one next: somebody listens to it."""
        self._asked.append(name)

    def run(self) -> None:
        """Return when nothing is outstanding, or when it was stopped."""
        self._forget_halves()
        while not self._stop.is_set() and (names := self._outstanding.names()):
            self._left = {name: owed.size for name in names if (owed := self._outstanding.get(name))}
            self._trouble = ""
            self._pass(names)
            if self._outstanding.names():
                self._tell()
                self._stop.wait(RETRY_S)

    def _pass(self, names: list[str]) -> None:
        waiting = deque(names)
        while not self._stop.is_set() and (waiting or self._asked):
            name = self._asked.popleft() if self._asked else waiting.popleft()
            owed = self._outstanding.get(name)
            if owed is None:
                self._left.pop(name, None)
                continue
            if self._is_known_damaged(name):
                continue
            try:
                self._bring(name, owed)
            except Stopped:
                self._forget_halves()
                self._left.pop(name, None)
            except DepotFull:
                self._trouble = "The disk of the recordings is full."
                return
            except OSError as failure:
                if self._trouble_with(owed, failure):
                    return
                self._note_damaged(name, failure.strerror or type(failure).__name__)

    def _trouble_with(self, owed: Owed, failure: OSError) -> bool:
        """Whether it is the whole place that cannot be read, and not this recording alone."""
        reason = "the disk of the backups is not mounted"
        if isinstance(failure, PermissionError):
            reason = "permission denied"
        elif is_there(owed):
            return False
        self._trouble = f"{owed.source} cannot be read: {reason}."
        log.warning("recordings_away", source=owed.source, reason=reason)
        return True

    def _bring(self, name: str, owed: Owed) -> None:
        began, half = time.monotonic(), self._outstanding.arriving / name
        target = self._stored / name[-2:] / name
        if not target.exists():
            found = copy_whole(
                Path(owed.source) / name[-2:] / name, half, lambda size: self._advance(name, size, began)
            )
            if found != owed.sha256:
                half.unlink()
                self._note_damaged(name, "it is not as it was copied")
                return
            half.chmod(MODE)
        if not self._outstanding.settle(name, lambda: _place(half, target)):
            half.unlink(missing_ok=True)
        self._copied_s += time.monotonic() - began
        self._left.pop(name, None)
        self._tell(at_most_every_s=TOLD_EVERY_S)

    def _advance(self, name: str, size: int, began: float) -> None:
        self._copied_bytes += size
        if self._stop.is_set() or self._outstanding.get(name) is None:
            raise Stopped
        self._tell(at_most_every_s=TOLD_EVERY_S, since=began)

    def _is_known_damaged(self, name: str) -> bool:
        return time.monotonic() - self._damaged.get(name, -DAMAGED_AGAIN_S) < DAMAGED_AGAIN_S

    def _note_damaged(self, name: str, why: str) -> None:
        self._damaged[name] = time.monotonic()
        log.warning("recording_damaged_in_backup", name=name, why=why)

    def _tell(self, *, at_most_every_s: float = 0.0, since: float | None = None) -> None:
        now = time.monotonic()
        before = self._outstanding.standing()
        if before is None or now - self._told_at < at_most_every_s:
            return
        self._told_at = now
        spent = self._copied_s + (now - since if since is not None else 0.0)
        self._outstanding.tell(
            msgspec.structs.replace(
                before,
                at=self._clock.now(),
                left=len(self._left),
                bytes_left=sum(self._left.values()),
                bytes_per_s=self._copied_bytes / spent if spent else 0.0,
                trouble=self._trouble,
                damaged=tuple(sorted(set(self._damaged) & self._left.keys())),
            )
        )

    def _forget_halves(self) -> None:
        for path in self._outstanding.arriving.glob("*"):
            path.unlink()


def is_there(owed: Owed) -> bool:
    """Whether the folder of backups is mounted and can be read: an empty mount point lacks its list of hashes."""
    try:
        (Path(owed.source) / SUMS).stat()
    except OSError:
        return False
    return True


def seen(standing: Standing) -> str:
    """One line for people: how many are left, and about how long."""
    words = f"{standing.left} of {standing.count} recordings"
    left = standing.seconds_left
    if left is None:
        return words
    return f"{words}, about {_spell(left)}"


def _spell(seconds: int) -> str:
    minutes = -(-seconds // 60)
    if minutes < 2:
        return "a minute"
    return f"{minutes} minutes" if minutes < 120 else f"{-(-minutes // 60)} hours"


def _place(half: Path, target: Path) -> None:
    if target.exists():
        half.unlink(missing_ok=True)
        return
    target.parent.mkdir(mode=0o700, exist_ok=True)
    sync_folder(target.parent.parent)
    half.rename(target)
    sync_folder(target.parent)
