"""Keys under keys: AES-256-GCM with a random nonce, bound to what the key is for (NIST SP 800-38D)."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from appliance.keyring.model import KEY_BYTES

FORMAT = b"\x01"
NONCE_BYTES = 12
TAG_BYTES = 16


class CannotUnwrap(Exception):
    """The wrapped key does not open; the caller knows whose it is and says so."""


def wrap_key(outer: bytes, inner: bytes, *, context: bytes) -> bytes:
    """Encrypt one key under another: format, nonce, ciphertext, tag; 61 bytes."""
    nonce = os.urandom(NONCE_BYTES)
    return FORMAT + nonce + AESGCM(outer).encrypt(nonce, inner, FORMAT + context)


def unwrap_key(outer: bytes, wrapped: bytes, *, context: bytes) -> bytes:
    """The inverse.

    Raises:
        CannotUnwrap: another outer key, another context, or changed bytes.
    """
    if len(wrapped) != 1 + NONCE_BYTES + KEY_BYTES + TAG_BYTES or wrapped[:1] != FORMAT:
        raise CannotUnwrap
    nonce, sealed = wrapped[1 : 1 + NONCE_BYTES], wrapped[1 + NONCE_BYTES :]
    try:
        return AESGCM(outer).decrypt(nonce, sealed, FORMAT + context)
    except InvalidTag:
        raise CannotUnwrap from None


def derive_key(key: bytes, *, info: bytes, salt: bytes | None = None) -> bytes:
    """A key for one purpose, from which neither the given key nor that of another purpose follows (HKDF, RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=info).derive(key)
