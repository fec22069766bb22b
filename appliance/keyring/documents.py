"""Small content as one sealed piece: transcripts, minutes, checkpoints.

Layout: magic ``HJD``, format version, 12 random bytes of nonce, ciphertext, 16 bytes of tag. The key is derived from
the meeting's for documents alone; the additional data binds purpose and meeting, so that a piece opens only where it
belongs. With random nonces one key seals 2**32 pieces safely (NIST SP 800-38D, 8.3); a meeting has a few dozen.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from appliance.keyring.errors import SealBroken
from appliance.keyring.model import Dek
from appliance.keyring.wrapping import NONCE_BYTES, TAG_BYTES, derive_key

HEADER = b"HJD\x01"
OVERHEAD_BYTES = len(HEADER) + NONCE_BYTES + TAG_BYTES


def seal(dek: Dek, plaintext: bytes, *, purpose: str) -> bytes:
    """Encrypt ``plaintext`` so that it opens only with this meeting's key and under the same ``purpose``."""
    nonce = os.urandom(NONCE_BYTES)
    return HEADER + nonce + _cipher(dek).encrypt(nonce, plaintext, _binding(dek, purpose))


def unseal(dek: Dek, sealed: bytes, *, purpose: str) -> bytes:
    """Decrypt what ``seal`` made.

    Raises:
        SealBroken: it was changed or cut, or it belongs to another meeting, purpose or key.
    """
    if len(sealed) < OVERHEAD_BYTES or not sealed.startswith(HEADER):
        raise SealBroken(purpose=purpose, meeting_id=dek.meeting_id)
    nonce = sealed[len(HEADER) : len(HEADER) + NONCE_BYTES]
    try:
        return _cipher(dek).decrypt(nonce, memoryview(sealed)[len(HEADER) + NONCE_BYTES :], _binding(dek, purpose))
    except InvalidTag:
        raise SealBroken(purpose=purpose, meeting_id=dek.meeting_id) from None


def _cipher(dek: Dek) -> AESGCM:
    return AESGCM(derive_key(dek.key, info=b"hangjegyzet/document/v1"))


def _binding(dek: Dek, purpose: str) -> bytes:
    return HEADER + dek.meeting_id.bytes + purpose.encode()
