"""Who vouches for a bundle: three root keys, of which two sign each release key, for a purpose and a time.

Root keys lie on paper and sticks in three places and never see a network; a release key signs bundles. A machine keeps
the root keys that its technician confirmed at installation and never takes others from a bundle.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from appliance.releases.errors import (
    ReleaseKeyExpired,
    ReleaseKeyMismatch,
    ReleaseKeyNotYetValid,
    ReleaseKeyPurpose,
    ReleaseKeyRevoked,
    StatementInvalid,
    TooFewRootSignatures,
    TrustInvalid,
    TrustMismatch,
    TrustMissing,
)
from appliance.releases.model import (
    FORMAT,
    KeyStatement,
    Purpose,
    RevocationList,
    instant,
    moment,
    read_document,
)

S = TypeVar("S", KeyStatement, RevocationList)

ROOTS = (1, 2, 3)
NEEDED_SIGNATURES = 2
STATEMENT_NAME = "release.json"
REVOCATIONS_NAME = "revoked.json"
RELEASE_KEY_NAME = "release.pem"
TRUST_PATH = Path("/etc/hangjegyzet/trust")
MAX_KEY_FILE_BYTES = 1 << 18


def root_name(number: int) -> str:
    """The file of a root key."""
    return f"root-{number}.pem"


def signature_name(document: str, number: int) -> str:
    """The file of a root key's signature over a document."""
    return f"{document}.root-{number}.sig"


@dataclass(frozen=True, slots=True)
class SignedDocument:
    """A statement or a list of revocations, and the signatures that came with it by root key; nothing is checked."""

    name: str
    data: bytes
    signatures: Mapping[int, bytes]


@dataclass(frozen=True, slots=True)
class Trust:
    """The three root keys that are believed, and the newest list of revocations that is known."""

    pems: tuple[bytes, bytes, bytes]
    revocations: RevocationList | None = None

    @property
    def fingerprint(self) -> str:
        """What a person compares with the printed one: sha256 of the three files, one after the other."""
        return hashlib.sha256(b"".join(self.pems)).hexdigest()

    @classmethod
    def of(cls, pems: Iterable[bytes], *, source: str) -> "Trust":
        """Trust in three root keys.

        Raises:
            TrustInvalid: they are not three different Ed25519 keys in plain PEM.
        """
        files = tuple(pems)
        if len(files) != len(ROOTS) or len(set(files)) != len(ROOTS):
            raise TrustInvalid(source=source, reason="they are not three different keys")
        for number, pem in zip(ROOTS, files, strict=True):
            try:
                public_key(pem)
            except ValueError as error:
                raise TrustInvalid(source=source, reason=f"{root_name(number)} {error}") from error
        first, second, third = files
        return cls((first, second, third))

    def require_fingerprint(self, expected: str, *, source: str) -> "Trust":
        """The same, if a person confirmed it.

        Raises:
            TrustMismatch: these are other keys.
        """
        wanted = "".join(expected.split()).replace(":", "").lower()
        if wanted != self.fingerprint:
            raise TrustMismatch(source=source, found=self.fingerprint, expected=wanted)
        return self

    def read_revocations(self, document: SignedDocument, *, source: str) -> RevocationList:
        """The revocations that the root keys signed.

        Raises:
            TooFewRootSignatures, StatementInvalid: they did not, or it cannot be read.
        """
        self._require_signatures(document, source)
        return _read(document, RevocationList, source)

    def with_revocations(self, *lists: RevocationList | None) -> "Trust":
        """The same keys with the newest of the lists; an older one never takes back what a newer one revoked."""
        known = [found for found in (self.revocations, *lists) if found is not None]
        return Trust(self.pems, max(known, key=lambda found: found.serial, default=None))

    def read_statement(self, document: SignedDocument, *, source: str) -> KeyStatement:
        """What two root keys say about a release key.

        Raises:
            TooFewRootSignatures, StatementInvalid: they do not, or it cannot be read.
        """
        self._require_signatures(document, source)
        return _read(document, KeyStatement, source)

    def accept_release_key(
        self, pem: bytes, statement: KeyStatement, *, purpose: Purpose, now: datetime, source: str
    ) -> Ed25519PublicKey:
        """The release key, if it is the one that was signed, for this purpose, now, and not revoked.

        Raises:
            ReleaseKeyMismatch, ReleaseKeyRevoked, ReleaseKeyPurpose, ReleaseKeyNotYetValid, ReleaseKeyExpired
        """
        if hashlib.sha256(pem).hexdigest() != statement.sha256:
            raise ReleaseKeyMismatch(source=source)
        try:
            key = public_key(pem)
        except ValueError as error:
            raise ReleaseKeyMismatch(source=source) from error
        if self.revocations and (revoked := self.revocations.find(statement.sha256)):
            raise ReleaseKeyRevoked(source=source, revoked_at=revoked.revoked_at, reason=revoked.reason)
        if purpose not in statement.purpose:
            raise ReleaseKeyPurpose(source=source, allowed=", ".join(statement.purpose), wanted=purpose)
        if now < instant(statement.not_before):
            raise ReleaseKeyNotYetValid(source=source, not_before=statement.not_before, now=moment(now))
        if now >= instant(statement.not_after):
            raise ReleaseKeyExpired(source=source, not_after=statement.not_after, now=moment(now))
        return key

    def signers(self, document: SignedDocument) -> tuple[int, ...]:
        """The root keys whose signatures are right."""
        return tuple(
            number
            for number, pem in zip(ROOTS, self.pems, strict=True)
            if is_signed(public_key(pem), document.signatures.get(number, b""), document.data)
        )

    def _require_signatures(self, document: SignedDocument, source: str) -> None:
        found = len(self.signers(document))
        if found < NEEDED_SIGNATURES:
            raise TooFewRootSignatures(subject=document.name, source=source, found=found, needed=NEEDED_SIGNATURES)


def load_trust(folder: Path = TRUST_PATH) -> Trust:
    """What this machine trusts: its root keys, and the revocations that it has seen.

    Raises:
        TrustMissing: there are no root keys.
        TrustInvalid, TooFewRootSignatures, StatementInvalid: what is there cannot be used.
    """
    try:
        return _load_trust(folder)
    except PermissionError as error:
        raise TrustInvalid(source=folder, reason="they cannot be read; run this as root") from error


def _load_trust(folder: Path) -> Trust:
    source = str(folder)
    files = [folder / root_name(number) for number in ROOTS]
    if not any(path.is_file() for path in files):
        raise TrustMissing(folder=source)
    trust = Trust.of([path.read_bytes() for path in files if path.is_file()], source=source)
    if not (folder / REVOCATIONS_NAME).is_file():
        return trust
    listed = trust.read_revocations(signed_document(folder, REVOCATIONS_NAME), source=source)
    return trust.with_revocations(listed)


def signed_document(folder: Path, name: str) -> SignedDocument:
    """A document of the root keys in a folder of our own, with the signatures beside it."""
    paths = {number: folder / signature_name(name, number) for number in ROOTS}
    signatures = {number: path.read_bytes() for number, path in paths.items() if path.is_file()}
    return SignedDocument(name, (folder / name).read_bytes(), signatures)


def public_key(pem: bytes) -> Ed25519PublicKey:
    """The key in ``pem``.

    Raises:
        ValueError: it is no Ed25519 key, or there is more in the file than the key.
    """
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError("is no public key") from error
    if not isinstance(key, Ed25519PublicKey) or write_public_key(key) != pem:
        raise ValueError("is no Ed25519 key, or holds more than a key")
    return key


def write_public_key(key: Ed25519PublicKey) -> bytes:
    """The one PEM file of a key, as ``openssl pkey -pubout`` writes it too."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def is_signed(key: Ed25519PublicKey, signature: bytes, data: bytes) -> bool:
    """Whether ``signature`` is the key's own over ``data``."""
    try:
        key.verify(signature, data)
    except InvalidSignature:
        return False
    return True


def _read(document: SignedDocument, kind: type[S], source: str) -> S:
    try:
        found = read_document(document.data, kind)
    except ValueError as error:
        raise StatementInvalid(subject=document.name, source=source, reason=str(error)) from error
    if found.format != FORMAT:
        raise StatementInvalid(subject=document.name, source=source, reason=f"its format is {found.format}")
    return found
