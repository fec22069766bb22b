"""Locks between processes that end with their holders, however those end: ``flock`` on files of the data folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Wait until nobody else is inside such a block for this file."""
    descriptor = _open(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


class SharedLock:
    """A lock that many processes share, and that tells the last one that it is the last."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._holders = 0

    def hold(self) -> None:
        """Share it; nests within one process."""
        self._holders += 1
        if self._descriptor is None:
            self._descriptor = _open(self._path)
            fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def release(self) -> bool:
        """Share it no more; true when nobody else does."""
        self._holders -= 1
        if self._holders > 0 or self._descriptor is None:
            return False
        os.close(self._descriptor)
        self._descriptor = None
        return self.is_unused()

    def is_unused(self) -> bool:
        """Whether no process shares it now; asked under the gate, so the answer stays true until the gate opens."""
        if self._descriptor is not None:
            return False
        descriptor = _open(self._path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(descriptor)
        return True


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
