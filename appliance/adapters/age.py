"""Encryption to people's age keys (age-encryption.org/v1), by Debian's ``age``; nothing unencrypted touches a disk."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from appliance.backups.errors import KeyFitsNot
from appliance.kernel.units import MIB

LIMIT_S = 120
MAX_BYTES = 64 * MIB


class Age:
    """``Envelope`` by the distribution's program."""

    def seal(self, plain: bytes, recipients: Sequence[str]) -> bytes:
        """Encrypt so that each recipient alone can open it."""
        named = [part for recipient in recipients for part in ("--recipient", recipient)]
        done = subprocess.run(
            ["age", "--encrypt", *named], input=plain, capture_output=True, timeout=LIMIT_S, check=True
        )
        return done.stdout

    def open(self, sealed: bytes, key: Path) -> bytes:
        """What is inside, with a custodian's key file.

        Raises:
            KeyFitsNot: it is none of the keys that it was sealed for, or it was changed.
        """
        command = ["age", "--decrypt", "--identity", str(key)]
        done = subprocess.run(command, input=sealed, capture_output=True, timeout=LIMIT_S, check=False)
        if done.returncode != 0:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise KeyFitsNot(key=key.name, reason=said[0].removeprefix("age: error: ") if said else "no reason given")
        return done.stdout
