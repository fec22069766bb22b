"""Keys as files: private ones in PKCS#8 under a passphrase and for their owner alone, public ones in plain PEM."""

import hashlib
import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from appliance.kernel.errors import Conflict, Refused
from appliance.releases.trust import write_public_key

MIN_PASSPHRASE_CHARACTERS = 16


class KeyFileExists(Conflict):
    code = "release_keys.exists"
    message = "{path} is there already."
    hint = "A key is never overwritten. Choose another folder."


class KeyUnreadable(Refused):
    code = "release_keys.unreadable"
    message = "The private key {path} cannot be opened: {reason}"
    hint = "Check the passphrase, and that it is an Ed25519 key of ours."


class PassphraseTooShort(Refused):
    code = "release_keys.passphrase_too_short"
    message = "The passphrase has {found} characters; at least {needed} are needed."
    hint = "Take six words by dice."


def new_key(folder: Path, name: str, passphrase: str) -> bytes:
    """Make ``name.key`` and ``name.pem`` in ``folder``; the public key's bytes.

    Raises:
        PassphraseTooShort, KeyFileExists
    """
    if len(passphrase) < MIN_PASSPHRASE_CHARACTERS:
        raise PassphraseTooShort(found=len(passphrase), needed=MIN_PASSPHRASE_CHARACTERS)
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase.encode()))
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_new(folder / f"{name}.key", private, mode=0o600)
    public = write_public_key(key.public_key())
    write_new(folder / f"{name}.pem", public, mode=0o644)
    return public


def open_key(path: Path, passphrase: str) -> Ed25519PrivateKey:
    """The private key in a file.

    Raises:
        KeyUnreadable: no such file, another passphrase, or another kind of key.
    """
    try:
        key = load_pem_private_key(path.read_bytes(), passphrase.encode())
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyUnreadable(path=path, reason=str(error)) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnreadable(path=path, reason="it is no Ed25519 key")
    return key


def write_new(path: Path, data: bytes, *, mode: int) -> None:
    """Write a file that is not there yet, and make sure that it is on the stick.

    Raises:
        KeyFileExists
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError as error:
        raise KeyFileExists(path=path) from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def fingerprint(pem: bytes) -> str:
    """What a person compares: sha256 of the key's file."""
    return hashlib.sha256(pem).hexdigest()
