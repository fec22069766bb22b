"""Keys destroyed: overwritten, flushed, cut off, unlinked, and looked for again.

On a disk that writes in place that is the end of them. A solid-state disk, a copy-on-write file system or a snapshot
may keep older blocks, which no program can reach from here; the certificate says so. What makes the rest worthless
there is that recordings and texts are ciphertext under keys that are themselves wrapped by the one that is gone.
"""

import hashlib
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from appliance.kernel.durable import sync_folder

PASSES = 2
_FINGERPRINT = b"hangjegyzet-erased-key\0"


@dataclass(frozen=True, slots=True)
class Shredded:
    """A key that is gone: where it was, how long, and a hash that only somebody who has it can make."""

    path: str
    bytes: int
    fingerprint: str


def shred(paths: Iterable[Path]) -> tuple[Shredded, ...]:
    """Destroy files; those that are gone already are passed over, what is no plain file too.

    Raises:
        OSError: one could not be overwritten; nothing claims that it was.
    """
    return tuple(done for path in paths if (done := _shred(path)))


def fingerprint(content: bytes) -> str:
    """What the certificate calls a key by."""
    return hashlib.sha256(_FINGERPRINT + content).hexdigest()


def _shred(path: Path) -> Shredded | None:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return None
        content = file.read()
        for _ in range(PASSES):
            file.seek(0)
            file.write(os.urandom(len(content)))
            os.fsync(file.fileno())
        file.seek(0)
        if content and file.read() == content:
            raise OSError(f"{path.name} still holds what it held")
        file.truncate(0)
        os.fsync(file.fileno())
    path.unlink()
    sync_folder(path.parent)
    return Shredded(str(path), len(content), fingerprint(content))
