"""The erase certificate: what was erased, when, by whom, what was left; signed by the machine's last act.

One file with two lines: the signed envelope, and the public key that checks it, whose fingerprint people know from the
machine's earlier reports and backups.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.erasure.errors import CertificateUnreadable
from appliance.keyring.errors import EnvelopeForged, EnvelopeInvalid, EnvelopeOfAnotherKey, EnvelopeOfAnotherKind
from appliance.keyring.signing import Signer, Statement, fingerprint, read_public_key, verify, write_public_key

KIND = "erase-certificate"
MAX_BYTES = 4 << 20
KEPT_CAVEATS = (
    "Nothing was erased: recordings, database and backups are here, and so are the keys that open them.",
    "Whoever has this disk can read everything. To seal it, take /etc/hangjegyzet/secrets away and keep it safe.",
    "An installation on this machine takes all of it up again, once the keys are where they were.",
)
"""Where data was to stay."""
CAVEATS = (
    "A solid-state disk, a copy-on-write file system or a snapshot may keep older blocks: destroy it if that matters.",
    "Backups that lie elsewhere were not touched; whoever holds a custodian's key can open them.",
    "Kernel settings hold until the next start.",
)


@dataclass(frozen=True, slots=True)
class Checked:
    """A certificate that its key signed; whose key it is, a person compares."""

    statement: Statement
    key: str


def write_certificate(signer: Signer, payload: Mapping[str, Any]) -> bytes:
    """The file."""
    public = write_public_key(signer.public_key).decode()
    return signer.sign(KIND, payload) + json.dumps({"public_key": public}).encode() + b"\n"


def check_certificate(path: Path, *, expected_key: str | None = None) -> Checked:
    """Check a certificate, anywhere.

    Args:
        expected_key: the fingerprint of the machine's key, where it is known from elsewhere.

    Raises:
        CertificateUnreadable: it is none, was changed, or another machine's.
    """
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise CertificateUnreadable(path=path.name, reason="it is too long")
    envelope, _, rest = data.partition(b"\n")
    try:
        public_key = read_public_key(json.loads(rest)["public_key"].encode())
        statement = verify(envelope + b"\n", public_key, kind=KIND)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CertificateUnreadable(path=path.name, reason=str(error)[:200] or "it is damaged") from error
    except (EnvelopeInvalid, EnvelopeForged, EnvelopeOfAnotherKey, EnvelopeOfAnotherKind) as error:
        raise CertificateUnreadable(path=path.name, reason=str(error)) from error
    if expected_key is not None and expected_key.replace(":", "").lower() != fingerprint(public_key):
        raise CertificateUnreadable(path=path.name, reason="another machine's key signed it")
    return Checked(statement, fingerprint(public_key))
