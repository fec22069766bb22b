"""The appliance's signing key in a file that only its owner can read, and its public half in one for everybody."""

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from appliance.adapters.secret_files import SecretExposed, SecretMisshapen, SecretMissing, create_secret, read_secret
from appliance.kernel.durable import sync_folder
from appliance.keyring.errors import SigningKeyExposed, SigningKeyMisshapen, SigningKeyMissing
from appliance.keyring.signing import new_private_key, read_private_key, read_public_key, write_public_key

MAX_KEY_BYTES = 4096


def provide_signing_key(path: Path, public_path: Path) -> bool:
    """Make this machine's signing key where it never had one, and put its public half where it lacks; true when made.

    Raises:
        SigningKeyMissing: there was one, since its public half is here. A new one would sign under another name, and
            that is a person's decision.
        SigningKeyExposed, SigningKeyMisshapen: the file is not as it must be.
    """
    made = not path.exists()
    if made:
        if public_path.exists():
            raise SigningKeyMissing(path=path, public_path=public_path)
        create_secret(path, new_private_key())
    _publish(load_signing_key(path, public_path).public_key(), public_path)
    return made


def load_signing_key(path: Path, public_path: Path) -> Ed25519PrivateKey:
    """The key, if its file is as closed as it must be.

    Raises:
        SigningKeyMissing, SigningKeyExposed, SigningKeyMisshapen: it is not.
    """
    try:
        return read_private_key(read_secret(path, max_bytes=MAX_KEY_BYTES))
    except SecretMissing as error:
        raise SigningKeyMissing(path=path, public_path=public_path) from error
    except SecretExposed as error:
        raise SigningKeyExposed(path=path, mode=error.mode) from error
    except (SecretMisshapen, ValueError) as error:
        raise SigningKeyMisshapen(path=path) from error


def load_public_key(path: Path) -> Ed25519PublicKey:
    """The public half of an appliance's key, this one's or another's.

    Raises:
        SigningKeyMisshapen: there is no such key in the file.
    """
    try:
        with path.open("rb") as file:
            return read_public_key(file.read(MAX_KEY_BYTES))
    except (OSError, ValueError) as error:
        raise SigningKeyMisshapen(path=path) from error


def _publish(key: Ed25519PublicKey, path: Path) -> None:
    """Put the public half into place, unless it is there."""
    content = write_public_key(key)
    if path.exists() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_bytes(content)
    fresh.chmod(0o644)
    fresh.replace(path)
    sync_folder(path.parent)
