"""What is inside of a signature by ``ssh-keygen -Y sign`` (OpenSSH's PROTOCOL.sshsig), as far as it decides who signed.

Whether it is right is for ``ssh-keygen`` to say; this finds the key, so that it can be asked about that person alone,
and whether somebody touched a FIDO2 key when it signed.
"""

import base64
import binascii
import hashlib
import struct
from dataclasses import dataclass

from appliance.approvals.errors import SignatureInvalid
from appliance.approvals.model import NAMESPACE

MAX_SIGNATURE_BYTES = 4096
KEY_TYPES = (
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)
"""Short signatures of our days; RSA's do not fit into an event of the trail."""

_BEGIN, _END = b"-----BEGIN SSH SIGNATURE-----", b"-----END SSH SIGNATURE-----"
_MAGIC = b"SSHSIG"
_TOUCHED = 0x01
_HASHES = (b"sha256", b"sha512")


@dataclass(frozen=True, slots=True)
class SshSignature:
    """A signature taken apart: whose key, and in one spelling."""

    key_type: str
    key_blob: bytes
    armored: bytes


def read_signature(data: bytes) -> SshSignature:
    """Take a signature apart.

    Raises:
        SignatureInvalid: it is none, is for another purpose, or nobody touched the key.
    """
    blob = _dearmored(data)
    if not blob.startswith(_MAGIC) or blob[6:10] != b"\0\0\0\1":
        raise SignatureInvalid(reason="it is of another kind or version")
    fields = _Fields(blob[10:])
    key_blob, namespace, _reserved, hash_name, signature = (fields.take() for _ in range(5))
    if fields.rest:
        raise SignatureInvalid(reason="something follows it")
    if namespace != NAMESPACE.encode():
        raise SignatureInvalid(reason=f"it was made for another purpose than {NAMESPACE}")
    if hash_name not in _HASHES:
        raise SignatureInvalid(reason="its hash is not SHA-256 or SHA-512")
    key_type = key_type_of(key_blob)
    if key_type.startswith("sk-"):
        _require_touch(signature)
    return SshSignature(key_type, key_blob, _armored(blob))


def key_type_of(key_blob: bytes) -> str:
    """What kind of key it is.

    Raises:
        SignatureInvalid: none that is taken here.
    """
    name = _Fields(key_blob).take().decode("ascii", "replace")
    if name not in KEY_TYPES:
        raise SignatureInvalid(reason="a key of this type is not taken; make one: ssh-keygen -t ed25519")
    return name


def key_fingerprint(key_blob: bytes) -> str:
    """As ``ssh-keygen -l`` shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key_blob).digest()).decode().rstrip("=")


def _require_touch(signature: bytes) -> None:
    """A FIDO2 key says in a byte before its counter whether a person touched it."""
    fields = _Fields(signature)
    fields.take()
    fields.take()
    if len(fields.rest) != 5 or not fields.rest[0] & _TOUCHED:
        raise SignatureInvalid(reason="nobody touched the security key")


def _dearmored(data: bytes) -> bytes:
    if len(data) > MAX_SIGNATURE_BYTES:
        raise SignatureInvalid(reason=f"it is longer than {MAX_SIGNATURE_BYTES} bytes")
    lines = data.strip().splitlines()
    if len(lines) < 3 or lines[0].strip() != _BEGIN or lines[-1].strip() != _END:
        raise SignatureInvalid(reason="it is no file that ssh-keygen -Y sign writes")
    try:
        return base64.b64decode(b"".join(line.strip() for line in lines[1:-1]), validate=True)
    except (binascii.Error, ValueError) as error:
        raise SignatureInvalid(reason="it is damaged") from error


def _armored(blob: bytes) -> bytes:
    encoded = base64.b64encode(blob)
    lines = [encoded[at : at + 70] for at in range(0, len(encoded), 70)]
    return b"\n".join([_BEGIN, *lines, _END, b""])


class _Fields:
    """Strings with a length before each, one after the other."""

    def __init__(self, data: bytes) -> None:
        self.rest = data

    def take(self) -> bytes:
        """The next one.

        Raises:
            SignatureInvalid: it is cut off.
        """
        if len(self.rest) < 4:
            raise SignatureInvalid(reason="it is cut off")
        (length,) = struct.unpack(">I", self.rest[:4])
        if length > len(self.rest) - 4:
            raise SignatureInvalid(reason="it is cut off")
        taken, self.rest = self.rest[4 : 4 + length], self.rest[4 + length :]
        return taken
