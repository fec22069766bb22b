"""Who sits at the machine's own shell."""

import getpass
import os


def operator_name() -> str:
    """The name that somebody logged in with, before any ``sudo``."""
    return os.environ.get("SUDO_USER") or getpass.getuser()
