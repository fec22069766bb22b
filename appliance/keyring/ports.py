"""What the keyring needs from whoever guards the root key."""

from typing import Protocol


class KeyProvider(Protocol):
    """Wraps tenants' keys under a root key that never leaves it: a file today, a TPM, a token or a vault later."""

    @property
    def name(self) -> str:
        """Stored beside each wrapped key, so that a change of provider can be seen."""
        ...

    def wrap(self, key: bytes, *, context: bytes) -> bytes:
        """Encrypt ``key``, bound to ``context``."""
        ...

    def unwrap(self, wrapped: bytes, *, context: bytes) -> bytes:
        """The inverse.

        Raises:
            CannotUnwrap: another root key, another context, or changed bytes.
        """
        ...
