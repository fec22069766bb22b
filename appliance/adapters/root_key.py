"""The root key in a file that only its owner can read, and one in memory for tests and trials."""

import os
import stat
from pathlib import Path

from appliance.kernel.durable import sync_folder
from appliance.keyring.errors import RootKeyExists, RootKeyExposed, RootKeyMisshapen, RootKeyMissing
from appliance.keyring.model import KEY_BYTES
from appliance.keyring.wrapping import unwrap_key, wrap_key


class FileKeyProvider:
    """Wraps tenants' keys under the 32 bytes of a file with mode 0400, read at the first use and kept in memory."""

    name = "file"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._key: bytes | None = None

    def wrap(self, key: bytes, *, context: bytes) -> bytes:
        """Encrypt ``key`` under the root key, bound to ``context``.

        Raises:
            RootKeyMissing, RootKeyExposed, RootKeyMisshapen: the file is not as it must be.
        """
        return wrap_key(self._root_key(), key, context=context)

    def unwrap(self, wrapped: bytes, *, context: bytes) -> bytes:
        """The inverse.

        Raises:
            CannotUnwrap: another root key, another context, or changed bytes.
            RootKeyMissing, RootKeyExposed, RootKeyMisshapen: the file is not as it must be.
        """
        return unwrap_key(self._root_key(), wrapped, context=context)

    def _root_key(self) -> bytes:
        if self._key is None:
            self._key = read_root_key(self._path)
        return self._key


class MemoryKeyProvider:
    """A root key that ends with the process: for tests, and for trying things out."""

    name = "memory"

    def __init__(self) -> None:
        self._key = os.urandom(KEY_BYTES)

    def wrap(self, key: bytes, *, context: bytes) -> bytes:
        """As the port says."""
        return wrap_key(self._key, key, context=context)

    def unwrap(self, wrapped: bytes, *, context: bytes) -> bytes:
        """As the port says."""
        return unwrap_key(self._key, wrapped, context=context)


def create_root_key(path: Path) -> None:
    """Make this machine's root key; written whole or not at all, and safely on disk when this returns.

    Raises:
        RootKeyExists: there is one; it is never overwritten.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.urandom(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        os.link(fresh, path)
    except FileExistsError:
        raise RootKeyExists(path=path) from None
    finally:
        fresh.unlink()
    sync_folder(path.parent)


def read_root_key(path: Path) -> bytes:
    """The root key, if its file is as closed as it must be.

    Raises:
        RootKeyMissing: no file, or not for us.
        RootKeyExposed: group or others may touch it.
        RootKeyMisshapen: not a regular file of 32 bytes.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError) as error:
        raise RootKeyMissing(path=path) from error
    except OSError as error:
        raise RootKeyMisshapen(path=path, expected=KEY_BYTES) from error
    with os.fdopen(descriptor, "rb") as file:
        entry = os.fstat(file.fileno())
        if not stat.S_ISREG(entry.st_mode):
            raise RootKeyMisshapen(path=path, expected=KEY_BYTES)
        if entry.st_mode & 0o077:
            raise RootKeyExposed(path=path, mode=f"{stat.S_IMODE(entry.st_mode):04o}")
        key = file.read(KEY_BYTES + 1)
    if len(key) != KEY_BYTES:
        raise RootKeyMisshapen(path=path, expected=KEY_BYTES)
    return key
