"""People with SSH keys of their own, who sign as people do: with ``ssh-keygen``."""

import hashlib
import struct
import subprocess
from base64 import b64encode
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from appliance.approvals.model import NAMESPACE


class Person:
    """Somebody with a key file on their own stick."""

    def __init__(self, name: str, folder: Path, *, key_type: str = "ed25519", key: str = "key") -> None:
        self.name = name
        self.key = folder / f"{name}-{key}"
        make = ["ssh-keygen", "-q", "-t", key_type, "-N", "", "-C", name, "-f", str(self.key)]
        subprocess.run(make, check=True, stdin=subprocess.DEVNULL)

    @property
    def line(self) -> str:
        """Their line in the list of approvers."""
        key_type, blob, *_ = self.key.with_name(f"{self.key.name}.pub").read_text().split()
        return f"{self.name} {key_type} {blob}\n"

    def sign(self, document: bytes, *, namespace: str = NAMESPACE) -> bytes:
        """Their signature over a file."""
        file = self.key.with_name(f"{self.key.name}.document")
        file.write_bytes(document)
        command = ["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", str(self.key), str(file)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True)
        signature = file.with_name(f"{file.name}.sig")
        data = signature.read_bytes()
        signature.unlink()
        return data


class SecurityKeyPerson:
    """Somebody with a FIDO2 key, of which this is the arithmetic (OpenSSH's PROTOCOL.u2f)."""

    application = b"ssh:"
    key_type = b"sk-ssh-ed25519@openssh.com"

    def __init__(self, name: str) -> None:
        self.name = name
        self._private = Ed25519PrivateKey.generate()

    @property
    def blob(self) -> bytes:
        """The public key as SSH writes it."""
        public = self._private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return _strings(self.key_type, public, self.application)

    @property
    def line(self) -> str:
        """Their line in the list of approvers."""
        return f"{self.name} {self.key_type.decode()} {b64encode(self.blob).decode()}\n"

    def sign(self, document: bytes, *, touched: bool = True) -> bytes:
        """Their signature, with or without a finger on the key."""
        namespace, name = NAMESPACE.encode(), b"sha512"
        message = b"SSHSIG" + _strings(namespace, b"", name, hashlib.sha512(document).digest())
        state = struct.pack(">BI", 0x01 if touched else 0x00, 7)
        challenge = hashlib.sha256(self.application).digest() + state + hashlib.sha256(message).digest()
        signature = _strings(self.key_type, self._private.sign(challenge)) + state
        blob = b"SSHSIG\0\0\0\1" + _strings(self.blob, namespace, b"", name, signature)
        lines = b64encode(blob).decode()
        wrapped = "\n".join(lines[at : at + 70] for at in range(0, len(lines), 70))
        return f"-----BEGIN SSH SIGNATURE-----\n{wrapped}\n-----END SSH SIGNATURE-----\n".encode()


def _strings(*parts: bytes) -> bytes:
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)
