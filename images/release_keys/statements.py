"""What root keys sign: statements about release keys, and lists of revoked ones."""

from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.kernel.errors import Refused
from appliance.releases.model import (
    FORMAT,
    Grade,
    KeyStatement,
    Purpose,
    Revocation,
    RevocationList,
    moment,
    write_document,
)
from appliance.releases.trust import ROOTS, Trust, root_name, signature_name, write_public_key
from images.release_keys.keyring import fingerprint, write_new


class NotThatRootKey(Refused):
    code = "release_keys.not_that_root_key"
    message = "The private key is not the one of {name} beside the document."
    hint = "Give the number of this custodian's key: --number N"


def statement_about(
    pem: bytes, *, purposes: tuple[Purpose, ...], grade: Grade, not_before: datetime, days: int
) -> KeyStatement:
    """The statement about a release key, for root keys to sign."""
    sha256 = fingerprint(pem)
    return KeyStatement(
        format=FORMAT,
        type="hangjegyzet-release-key",
        key_id=sha256[:16],
        sha256=sha256,
        grade=grade,
        purpose=purposes,
        not_before=moment(not_before),
        not_after=moment(not_before + timedelta(days=days)),
    )


def revocations_after(
    older: RevocationList | None, *, sha256: str, revoked_at: datetime, reason: str
) -> RevocationList:
    """The next list: the older one and one more key."""
    entry = Revocation(sha256=sha256, revoked_at=moment(revoked_at), reason=reason)
    return RevocationList(
        format=FORMAT,
        type="hangjegyzet-revocations",
        serial=(older.serial if older else 0) + 1,
        revoked=(*(older.revoked if older else ()), entry),
    )


def write_unsigned(path: Path, document: KeyStatement | RevocationList) -> None:
    """Put a document down for the custodians."""
    write_new(path, write_document(document), mode=0o644)


def sign_document(path: Path, key: Ed25519PrivateKey, number: int) -> Path:
    """Sign a document with one root key; the signature lies beside it.

    Raises:
        NotThatRootKey: the folder knows another public key by this number.
    """
    public = path.parent / root_name(number)
    if public.is_file() and public.read_bytes() != write_public_key(key.public_key()):
        raise NotThatRootKey(name=root_name(number))
    signature = path.parent / signature_name(path.name, number)
    write_new(signature, key.sign(path.read_bytes()), mode=0o644)
    return signature


def folder_trust(folder: Path) -> Trust:
    """The root keys that lie in a folder of the ceremony."""
    return Trust.of([(folder / root_name(number)).read_bytes() for number in ROOTS], source=str(folder))
