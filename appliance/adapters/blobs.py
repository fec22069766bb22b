"""Recordings in a local folder: ``incoming/NAME`` while they arrive, ``stored/NA/NAME`` once they are complete.

Everything in here is ciphertext. A stored blob is read-only and never changes, so a backup may copy it at any moment.
"""

import errno
import fcntl
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from appliance.kernel.durable import sync_folder
from appliance.kernel.units import format_bytes
from appliance.meetings.errors import BlobBusy, BlobMissing, BlobStored, StorageFull

_NAME = re.compile(r"[0-9a-z][0-9a-z-]{1,63}")
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class LocalBlobs:
    """A ``BlobStore`` in one folder of one file system.

    Args:
        folder: made with mode 0700 when it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._incoming = folder / "incoming"
        self._stored = folder / "stored"
        for path in (folder, self._incoming, self._stored):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)

    @contextmanager
    def incoming(self, name: str) -> Iterator["LocalIncomingBlob"]:
        """The blob ``name`` for writing; the lock is the kernel's, so it ends with the process that held it."""
        path = self._incoming / _checked(name)
        descriptor = _open_locked(path, name)
        blob = LocalIncomingBlob(path, self._stored_path(name), descriptor)
        try:
            if self.is_stored(name):
                path.unlink()
                raise BlobStored(name=name)
            yield blob
        finally:
            blob.close()

    def is_stored(self, name: str) -> bool:
        """Whether ``name`` was finished with ``store``."""
        return self._stored_path(name).exists()

    def open(self, name: str) -> BinaryIO:
        """A stored blob for reading, without a buffer: its reader asks for whole chunks."""
        try:
            return self._stored_path(name).open("rb", buffering=0)
        except FileNotFoundError as missing:
            raise BlobMissing(name=name) from missing

    def remove(self, name: str) -> None:
        """Forget ``name``; a crash in between leaves nothing that a second call would not remove."""
        incoming = self._incoming / _checked(name)
        for path in (_draft_of(incoming), incoming, self._stored_path(name)):
            if path.exists():
                path.unlink(missing_ok=True)
                sync_folder(path.parent)

    def free_bytes(self) -> int:
        """What an unprivileged process may still write on this file system."""
        return shutil.disk_usage(self._stored).free

    def _stored_path(self, name: str) -> Path:
        return self._stored / _checked(name)[-2:] / name


class LocalIncomingBlob:
    """One file being written, under an exclusive lock."""

    def __init__(self, path: Path, stored_path: Path, descriptor: int) -> None:
        self._path = path
        self._stored_path = stored_path
        self._descriptor = descriptor

    def size(self) -> int:
        """Bytes that are there."""
        return os.fstat(self._descriptor).st_size

    def read_at(self, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes from ``offset``; fewer at the end."""
        return os.pread(self._descriptor, length, offset)

    def append(self, data: bytes) -> None:
        """Add ``data`` at the end; see the port for what a full disk does."""
        _write_all(self._descriptor, data)

    def sync(self) -> None:
        """Return when everything appended survives a power cut."""
        os.fsync(self._descriptor)

    def replace(self, parts: Iterable[bytes]) -> None:
        """Write a new file next to the old one and put it in its place; our lock moves along."""
        draft = _draft_of(self._path)
        draft.unlink(missing_ok=True)
        descriptor = _open_exclusively(draft)
        try:
            for part in parts:
                _write_all(descriptor, part)
            os.fsync(descriptor)
            draft.replace(self._path)
        except BaseException:
            os.close(descriptor)
            draft.unlink(missing_ok=True)
            raise
        sync_folder(self._path.parent)
        os.close(self._descriptor)
        self._descriptor = descriptor

    def store(self) -> None:
        """Move it to its final place, read-only and durable."""
        self._stored_path.parent.mkdir(mode=0o700, exist_ok=True)
        sync_folder(self._stored_path.parent.parent)
        os.fchmod(self._descriptor, 0o400)
        os.fsync(self._descriptor)
        self._path.rename(self._stored_path)
        sync_folder(self._stored_path.parent)
        sync_folder(self._path.parent)

    def close(self) -> None:
        """Give the lock back."""
        os.close(self._descriptor)


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"not a blob name: {name!r}")
    return name


def _draft_of(path: Path) -> Path:
    return path.with_name(path.name + ".new")


def _open_locked(path: Path, name: str) -> int:
    """Open and lock; go round again when the file was moved away between the two."""
    while True:
        existed = path.exists()
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_still_at(path, descriptor):
                if not existed:
                    sync_folder(path.parent)
                return descriptor
        except BlockingIOError as busy:
            os.close(descriptor)
            raise BlobBusy(name=name) from busy
        os.close(descriptor)


def _open_exclusively(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def _is_still_at(path: Path, descriptor: int) -> bool:
    try:
        named = path.stat()
    except FileNotFoundError:
        return False
    opened = os.fstat(descriptor)
    return (named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(descriptor, view) :]
    except OSError as failure:
        if failure.errno not in _NO_ROOM:
            raise
        free = os.fstatvfs(descriptor)
        raise StorageFull(needed=format_bytes(len(data)), free=format_bytes(free.f_bavail * free.f_frsize)) from failure
