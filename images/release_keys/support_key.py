"""The maker's age key, to which support bundles are sealed; its public half goes into bundles."""

import shutil
import subprocess
from pathlib import Path

from images.release_keys.keyring import KeyFileExists, write_new

PRIVATE_NAME = "support.key"
PUBLIC_NAME = "support-key.txt"


def new_support_key(folder: Path) -> str:
    """Make the key; its public half, as it is shown and put into releases.

    Raises:
        KeyFileExists: one is there; those who sealed to it could not be helped any more.
    """
    if (folder / PRIVATE_NAME).exists():
        raise KeyFileExists(path=folder / PRIVATE_NAME)
    made = subprocess.run(["age-keygen"], check=True, capture_output=True, stdin=subprocess.DEVNULL).stdout
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_new(folder / PRIVATE_NAME, made, mode=0o600)
    public = subprocess.run(["age-keygen", "-y"], input=made, check=True, capture_output=True).stdout.decode().strip()
    write_new(folder / PUBLIC_NAME, f"{public}\n".encode(), mode=0o644)
    return public


def ensure_support_key(folder: Path) -> None:
    """Make one where there is none and age is installed: for throw-away keys."""
    if not (folder / PRIVATE_NAME).exists() and shutil.which("age-keygen"):
        new_support_key(folder)


def put_support_key(keys: Path, documents: Path) -> None:
    """Let a release bring the public half, where the folder of keys has one."""
    if (keys / PUBLIC_NAME).is_file():
        shutil.copyfile(keys / PUBLIC_NAME, documents / PUBLIC_NAME)
