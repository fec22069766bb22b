"""What the appliance says under its own name: reports and manifests, signed with its Ed25519 key (RFC 8032).

An envelope is one line of JSON, ``{"signed":STATEMENT,"signature":"BASE64"}``. The statement is canonical JSON (keys
sorted, no spaces, UTF-8), and the signature covers its very bytes, so that openssl alone can check it::

    sed 's/^{"signed"://; s/,"signature":"[^"]*"}$//' FILE | tr -d '\\n' >statement
    sed 's/.*,"signature":"\\([^"]*\\)"}$/\\1/' FILE | base64 --decode >signature
    openssl pkeyutl -verify -pubin -inkey appliance.pem -rawin -in statement -sigfile signature
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from appliance.audit.model import canonical_json, canonical_time
from appliance.kernel.clock import Clock
from appliance.keyring.errors import EnvelopeForged, EnvelopeInvalid, EnvelopeOfAnotherKey, EnvelopeOfAnotherKind

FORMAT = 1
MAX_ENVELOPE_BYTES = 64 << 20
"""The manifest of a backup with a million recordings is longer than any report."""

_HEAD = b'{"signed":'
_MIDDLE = b',"signature":"'
_TAIL = b'"}'
_SIGNATURE_LENGTH = 88
"""64 bytes as base64."""
_FIELDS = {"at": str, "format": int, "key": str, "kind": str, "payload": dict}
_KIND = re.compile(r"[a-z][a-z0-9-]{0,63}")


@dataclass(frozen=True, slots=True)
class Statement:
    """What was signed: when, by which key, as what kind of document, and the document."""

    kind: str
    at: datetime
    key: str
    payload: Mapping[str, Any]


class Signer:
    """Signs with the appliance's own key.

    Args:
        key: stays in this process.
    """

    def __init__(self, key: Ed25519PrivateKey, clock: Clock) -> None:
        self._key = key
        self._clock = clock

    @property
    def public_key(self) -> Ed25519PublicKey:
        """What others check the signatures with."""
        return self._key.public_key()

    def sign(self, kind: str, payload: Mapping[str, Any]) -> bytes:
        """The envelope with ``payload`` in it, as it goes into a file.

        Args:
            kind: what sort of document it is, such as ``egress-report``; another sort is not taken in its place.
            payload: JSON values with finite numbers.

        Raises:
            ValueError, TypeError: no such name of a kind, or the payload is not JSON; programming errors.
        """
        if not _KIND.fullmatch(kind):
            raise ValueError(f"{kind!r} is no name of a kind")
        statement = canonical_json(
            {
                "at": canonical_time(self._clock.now()),
                "format": FORMAT,
                "key": fingerprint(self.public_key),
                "kind": kind,
                "payload": payload,
            }
        ).encode()
        return _HEAD + statement + _MIDDLE + base64.b64encode(self._key.sign(statement)) + _TAIL + b"\n"


def verify(envelope: bytes, public_key: Ed25519PublicKey, *, kind: str | None = None) -> Statement:
    """What the envelope says, if ``public_key`` signed it.

    Args:
        kind: the sort of document that is expected; None takes any.

    Raises:
        EnvelopeInvalid: it is not in the one form that ``Signer`` writes.
        EnvelopeOfAnotherKey: it names another key: another machine's, or one that was replaced.
        EnvelopeForged: it names this key, which did not sign it; it was changed.
        EnvelopeOfAnotherKind: it is signed, and something else.
    """
    signed, signature = _parts(envelope)
    statement = _read(signed)
    if statement.key != (ours := fingerprint(public_key)):
        raise EnvelopeOfAnotherKey(found=statement.key, expected=ours)
    try:
        public_key.verify(signature, signed)
    except InvalidSignature as error:
        raise EnvelopeForged from error
    if kind is not None and statement.kind != kind:
        raise EnvelopeOfAnotherKind(found=statement.kind, expected=kind)
    return statement


def fingerprint(key: Ed25519PublicKey) -> str:
    """The name of a key: what ``sha256sum`` says of its file."""
    return hashlib.sha256(write_public_key(key)).hexdigest()


def write_public_key(key: Ed25519PublicKey) -> bytes:
    """The one PEM file of a public key, as ``openssl pkey -pubout`` writes it too."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def read_public_key(pem: bytes) -> Ed25519PublicKey:
    """The key in ``pem``.

    Raises:
        ValueError: it is no Ed25519 key.
    """
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError("it is no public key") from error
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("it is a public key of another kind")  # noqa: TRY004  # wrong content, not a wrong call
    return key


def new_private_key() -> bytes:
    """A fresh key, as the PEM file (PKCS #8) that it is kept in."""
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def read_private_key(pem: bytes) -> Ed25519PrivateKey:
    """The inverse.

    Raises:
        ValueError: it is no Ed25519 key; the error holds nothing of the file.
    """
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("it is no private key") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("it is a private key of another kind")  # noqa: TRY004  # as above
    return key


def _parts(envelope: bytes) -> tuple[bytes, bytes]:
    """The signed bytes and the signature."""
    if len(envelope) > MAX_ENVELOPE_BYTES:
        raise EnvelopeInvalid(reason="it is too large")
    line = envelope.removesuffix(b"\n")
    signed, middle, rest = line.removeprefix(_HEAD).rpartition(_MIDDLE)
    if not line.startswith(_HEAD) or not middle or not rest.endswith(_TAIL):
        raise EnvelopeInvalid(reason="it is not a statement and a signature on one line")
    encoded = rest.removesuffix(_TAIL)
    try:
        signature = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise EnvelopeInvalid(reason="its signature is no base64") from error
    # One signature has one spelling: the unused bits of the last letter are nobody's.
    if len(encoded) != _SIGNATURE_LENGTH or base64.b64encode(signature) != encoded:
        raise EnvelopeInvalid(reason="its signature has not 64 bytes")
    return signed, signature


def _read(signed: bytes) -> Statement:
    try:
        fields = json.loads(signed.decode())
        plain = isinstance(fields, dict) and canonical_json(fields).encode() == signed
    except (ValueError, RecursionError) as error:
        raise EnvelopeInvalid(reason="its statement is no JSON") from error
    if not plain:
        raise EnvelopeInvalid(reason="its statement is not canonical")
    if {name: type(value) for name, value in fields.items()} != _FIELDS:
        raise EnvelopeInvalid(reason="its statement lacks a field, or has one too many")
    if fields["format"] != FORMAT:
        raise EnvelopeInvalid(reason=f"its format is {fields['format']}, and this release reads {FORMAT}")
    try:
        at = datetime.fromisoformat(fields["at"])
        well_written = canonical_time(at) == fields["at"]
    except (ValueError, OverflowError) as error:
        raise EnvelopeInvalid(reason="its time is none") from error
    if not well_written:
        raise EnvelopeInvalid(reason="its time is not in UTC")
    return Statement(fields["kind"], at, fields["key"], fields["payload"])
