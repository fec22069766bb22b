"""Secrets in files that only their owner can read: made once, closed, never half-written."""

import os
import stat
from pathlib import Path

from appliance.kernel.durable import sync_folder


class SecretMissing(Exception):
    """No file, or not for us."""


class SecretExposed(Exception):
    """Group or others may touch it; ``mode`` as ``chmod`` takes it."""

    def __init__(self, mode: str) -> None:
        super().__init__(mode)
        self.mode = mode


class SecretMisshapen(Exception):
    """A link, no regular file, or longer than any such secret."""


def create_secret(path: Path, content: bytes) -> None:
    """Write a new secret with mode 0400, whole or not at all, and safely on disk when this returns.

    Raises:
        FileExistsError: there is one; it is never overwritten.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(fresh, path)
    finally:
        fresh.unlink()
    sync_folder(path.parent)


def read_secret(path: Path, *, max_bytes: int) -> bytes:
    """The secret, if its file is as closed as it must be.

    Raises:
        SecretMissing, SecretExposed, SecretMisshapen: it is not.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError) as error:
        raise SecretMissing from error
    except OSError as error:
        raise SecretMisshapen from error
    with os.fdopen(descriptor, "rb") as file:
        entry = os.fstat(file.fileno())
        if not stat.S_ISREG(entry.st_mode):
            raise SecretMisshapen
        if entry.st_mode & 0o077:
            raise SecretExposed(f"{stat.S_IMODE(entry.st_mode):04o}")
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise SecretMisshapen
    return content
