"""The root key in a file that only its owner can read, and one in memory for tests and trials."""

import os
from pathlib import Path

from appliance.adapters.secret_files import SecretExposed, SecretMisshapen, SecretMissing, create_secret, read_secret
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
    try:
        create_secret(path, os.urandom(KEY_BYTES))
    except FileExistsError:
        raise RootKeyExists(path=path) from None


def read_root_key(path: Path) -> bytes:
    """The root key, if its file is as closed as it must be.

    Raises:
        RootKeyMissing: no file, or not for us.
        RootKeyExposed: group or others may touch it.
        RootKeyMisshapen: not a regular file of 32 bytes.
    """
    try:
        key = read_secret(path, max_bytes=KEY_BYTES)
    except SecretMissing as error:
        raise RootKeyMissing(path=path) from error
    except SecretExposed as error:
        raise RootKeyExposed(path=path, mode=error.mode) from error
    except SecretMisshapen as error:
        raise RootKeyMisshapen(path=path, expected=KEY_BYTES) from error
    if len(key) != KEY_BYTES:
        raise RootKeyMisshapen(path=path, expected=KEY_BYTES)
    return key
