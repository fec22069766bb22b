"""Asking for the passphrase of a folder of keys: beside throw-away keys, in a file that a variable names, or typed."""

import getpass
import os
from pathlib import Path

from images.release_keys.development import PASSPHRASE_FILE

VARIABLE = "HANGJEGYZET_PASSPHRASE_FILE"


def passphrase_for(folder: Path) -> str:
    """The passphrase of the private keys in ``folder``."""
    named = os.environ.get(VARIABLE)
    file = Path(named) if named else folder / PASSPHRASE_FILE
    if named or file.is_file():
        return file.read_text(encoding="utf-8").rstrip("\n")
    return getpass.getpass(f"Passphrase of the keys in {folder}: ")
