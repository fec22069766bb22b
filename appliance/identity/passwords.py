"""Password hashes: Argon2id, with memory that stays inside the web process's budget."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from appliance.identity.errors import SignInBusy

TIME_COST: Final = 3
MEMORY_KIB: Final = 32 * 1024
LANES: Final = 1
"""OWASP's cheat sheet asks for at least 19 MiB with two passes and one lane; this is two and a half times that work."""

_AT_ONCE: Final = 1
_WAIT_S: Final = 5.0


class Passwords:
    """Hashes and verifies passwords, a bounded number at once: a flood of sign-ins can't eat the machine's memory."""

    def __init__(self, *, time_cost: int = TIME_COST, memory_kib: int = MEMORY_KIB) -> None:
        self._hasher = PasswordHasher(
            time_cost=time_cost, memory_cost=memory_kib, parallelism=LANES, hash_len=32, salt_len=16, type=Type.ID
        )
        self._slots = threading.BoundedSemaphore(_AT_ONCE)
        self._nobody = self._hasher.hash(b"nobody has this password")

    def hash(self, secret: bytes) -> str:
        """A salted hash in the PHC string format, which names its own parameters.

        Raises:
            SignInBusy: too many others are waiting.
        """
        with self._slot():
            return self._hasher.hash(secret)

    def verify(self, stored: str | None, secret: bytes) -> bool:
        """Whether ``secret`` is the password behind ``stored``; takes the same time when there is no such account.

        Raises:
            SignInBusy: too many others are waiting.
        """
        with self._slot():
            try:
                matches = self._hasher.verify(stored or self._nobody, secret)
            except (VerificationError, InvalidHashError):
                return False
        return matches and stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Whether ``stored`` was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._slots.acquire(timeout=_WAIT_S):
            raise SignInBusy
        try:
            yield
        finally:
            self._slots.release()
