"""Recordings that a restore still owes: each has a note here until it was copied, or until its meeting was deleted.

::

    outstanding/NAME        hash, size, and the folder of backups that it comes from
    outstanding.json        how far the copying is, for people
    arriving/NAME           one that is being copied; means nothing after a crash

A recording gets its place, and a deleted one loses its note, under one lock. So it is owed, or it is here, or it is
gone; and nobody brings back what was deleted.
"""

import fcntl
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from appliance.backups.depot import write_whole
from appliance.kernel.durable import sync_folder

_NAME = re.compile(r"[0-9a-z][0-9a-z-]{1,63}")
_MODE = 0o600

Account = tuple[int, int]
"""Whose the files are: user and group."""


class Owed(msgspec.Struct, frozen=True):
    """One recording that is not here yet.

    Args:
        source: folder that holds it as ``NA/NAME``.
    """

    sha256: str
    size: int
    source: str


class Standing(msgspec.Struct, frozen=True):
    """How far the copying is.

    Args:
        at: when this was written; old while somebody should be at it means that nobody is.
        trouble: why nothing can be copied just now; empty while it goes on.
        damaged: recordings that the backups have otherwise than they were.
    """

    at: datetime
    count: int
    left: int
    bytes: int
    bytes_left: int
    bytes_per_s: float = 0.0
    source: str = ""
    trouble: str = ""
    damaged: tuple[str, ...] = ()

    @property
    def seconds_left(self) -> int | None:
        """How much longer, at the pace so far; None where there is none."""
        return round(self.bytes_left / self.bytes_per_s) if self.bytes_per_s and not self.trouble else None


class Outstanding:
    """The notes of one place for recordings.

    Args:
        folder: that place; need not have any.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._notes = folder / "outstanding"
        self._standing = folder / "outstanding.json"
        self.arriving = folder / "arriving"

    def owe(self, owed: Mapping[str, Owed], at: datetime, *, account: Account | None = None) -> None:
        """From now on it is these that are outstanding, and no others; on the disk when this returns.

        Args:
            account: whose the notes are to be, where root writes them.

        Raises:
            ValueError: a name that is none.
        """
        for name in owed:
            _checked(name)
        if not owed:
            self.give_up()
            return
        for folder in (self._notes, self.arriving):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _own(folder, account)
        with self._locked():
            for name in self.names():
                if name not in owed:
                    (self._notes / name).unlink(missing_ok=True)
            for name, each in owed.items():
                path = self._notes / name
                path.write_bytes(msgspec.json.encode(each))
                path.chmod(_MODE)
                _own(path, account)
            # One for all: a hundred thousand notes would each wait for the disk.
            os.sync()
        size = sum(each.size for each in owed.values())
        sources = sorted({each.source for each in owed.values()})
        self.tell(Standing(at, len(owed), len(owed), size, size, source=", ".join(sources)), account=account)

    def get(self, name: str) -> Owed | None:
        """What is known of one that is outstanding; None of one that is not.

        Raises:
            ValueError: the name is none.
        """
        try:
            return msgspec.json.decode((self._notes / _checked(name)).read_bytes(), type=Owed)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def names(self) -> list[str]:
        """All that are outstanding, the newest recordings first: their names begin with their time."""
        with suppress(FileNotFoundError):
            return sorted(
                (entry.name for entry in os.scandir(self._notes) if _NAME.fullmatch(entry.name)), reverse=True
            )
        return []

    def settle(self, name: str, place: Callable[[], None]) -> bool:
        """Let ``place`` put it where it belongs, and cross it off; False, and nothing is done, once nobody wants it."""
        with self._locked() as is_there:
            note = self._notes / _checked(name)
            if not is_there or not note.exists():
                return False
            place()
            note.unlink()
            sync_folder(self._notes)
        self._close()
        return True

    def drop(self, name: str) -> None:
        """Cross it off, because nobody wants it any longer."""
        note = self._notes / _checked(name)
        if not note.exists():
            return
        with self._locked():
            note.unlink(missing_ok=True)
            with suppress(FileNotFoundError):
                sync_folder(self._notes)
        self._close()

    def give_up(self) -> list[str]:
        """Cross off all; those that were outstanding."""
        names = self.names()
        for name in names:
            self.drop(name)
        self._close()
        return names

    def standing(self) -> Standing | None:
        """How far it is; None when nothing is outstanding."""
        names = self.names()
        if not names:
            return None
        try:
            return msgspec.json.decode(self._standing.read_bytes(), type=Standing)
        except (FileNotFoundError, msgspec.DecodeError):
            at = datetime.fromtimestamp(self._notes.stat().st_mtime, UTC)
            return Standing(at, len(names), len(names), 0, 0)

    def tell(self, standing: Standing, *, account: Account | None = None) -> None:
        """Note how far it is."""
        if self._notes.is_dir():
            write_whole(self._standing, msgspec.json.encode(standing), mode=_MODE)
            _own(self._standing, account)

    def _close(self) -> None:
        """Leave nothing behind once all are here."""
        with self._locked() as is_there:
            if is_there:
                with suppress(OSError):
                    self._notes.rmdir()
                    self._standing.unlink(missing_ok=True)
                    sync_folder(self._folder)

    @contextmanager
    def _locked(self) -> Iterator[bool]:
        """Nobody else meanwhile; gives whether there are notes at all."""
        try:
            descriptor = os.open(self._notes, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            yield False
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield True
        finally:
            os.close(descriptor)


def to_copy(
    wanted: Iterable[str], *, stored: Path, source: Path, hashes: Mapping[str, str], before: Outstanding
) -> tuple[dict[str, Owed], list[str]]:
    """Of the recordings that meetings have: which are to be copied from ``source``, and which are nowhere.

    What an earlier restore owes stays owed, from where it was. One here that has another size is none of theirs and
    makes way.

    Args:
        wanted: as ``NA/NAME``, like the names in ``hashes``.
    """
    owed: dict[str, Owed] = {}
    missing = []
    for path in sorted(wanted):
        here, there = stored / path, source / path
        size = there.stat().st_size if there.exists() else None
        if here.exists() and size in {None, here.stat().st_size}:
            continue
        if size is not None and path in hashes:
            here.unlink(missing_ok=True)
            owed[there.name] = Owed(hashes[path], size, str(source))
        elif (earlier := before.get(there.name)) is not None:
            owed[there.name] = earlier
        else:
            missing.append(path)
    return owed, missing


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"not a blob name: {name!r}")
    return name


def _own(path: Path, account: Account | None) -> None:
    if account is not None:
        os.chown(path, *account)
