"""A certificate that somebody brings: asked for with a request, checked before it is used, kept beside its key."""

import os
import shutil
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from appliance.adapters.portal_certificate import CertificateUnusable, general_name
from appliance.kernel.durable import sync_folder

TLS_DIR = Path("/etc/hangjegyzet/tls")
CHAIN_NAME, KEY_NAME, ASKED_KEY_NAME = "portal.pem", "portal.key", "asked.key"
MAX_PEM_BYTES = 1 << 18
LEAST_RSA_BITS = 2048
MODE, FOLDER_MODE = 0o640, 0o750


def make_request(names: Sequence[str], *, organisation: str, folder: Path = TLS_DIR) -> bytes:
    """A request (PKCS #10, PEM) for these names; its new key waits in ``folder`` for the certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])]
    if organisation:
        subject.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation[:64]))
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name(subject))
        .add_extension(x509.SubjectAlternativeName([general_name(name) for name in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _put(folder / ASKED_KEY_NAME, pem)
    return request.public_bytes(serialization.Encoding.PEM)


def read_pair(chain: bytes, key: bytes, *, now: datetime, source: str) -> tuple[list[x509.Certificate], bytes]:
    """The certificates of a chain, its own first, and the key as PKCS #8; if they belong together and serve now.

    Raises:
        CertificateUnusable: they do not, or cannot be read.
    """
    if max(len(chain), len(key)) > MAX_PEM_BYTES:
        raise CertificateUnusable(certificate=source, reason="the file is too large")
    try:
        certificates = x509.load_pem_x509_certificates(chain)
    except ValueError as error:
        raise CertificateUnusable(certificate=source, reason="it is no chain of certificates in PEM form") from error
    try:
        private_key = serialization.load_pem_private_key(key, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        reason = "its key cannot be read; it has to be in PEM form, without a password"
        raise CertificateUnusable(certificate=source, reason=reason) from error
    if not isinstance(private_key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise CertificateUnusable(certificate=source, reason="browsers know no such key; take RSA or ECDSA")
    if isinstance(private_key, rsa.RSAPrivateKey) and private_key.key_size < LEAST_RSA_BITS:
        raise CertificateUnusable(certificate=source, reason=f"its key is shorter than {LEAST_RSA_BITS} bits")
    own = next((one for one in certificates if _public(one) == _public(private_key)), None)
    if own is None:
        raise CertificateUnusable(certificate=source, reason="its key belongs to another certificate")
    if not own.not_valid_before_utc <= now < own.not_valid_after_utc:
        span = f"{own.not_valid_before_utc:%Y-%m-%d} to {own.not_valid_after_utc:%Y-%m-%d}"
        raise CertificateUnusable(certificate=source, reason=f"it is valid from {span}, and now is {now:%Y-%m-%d}")
    others = [one for one in certificates if one is not own]
    pem = private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return [own, *others], pem


def put_pair(certificates: Iterable[x509.Certificate], key: bytes, *, folder: Path = TLS_DIR) -> tuple[Path, Path]:
    """Put chain and key into place, the key first: until the chain is there too, the old pair is still on the wire."""
    chain = b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates)
    _put(folder / KEY_NAME, key)
    _put(folder / CHAIN_NAME, chain)
    (folder / ASKED_KEY_NAME).unlink(missing_ok=True)
    sync_folder(folder)
    return folder / CHAIN_NAME, folder / KEY_NAME


def names_of(certificate: x509.Certificate) -> frozenset[str]:
    """The names and addresses that it is made out to."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    return frozenset(str(name.value) for name in found)


def _public(holder: x509.Certificate | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return holder.public_key().public_bytes(serialization.Encoding.DER, form)


def _put(path: Path, content: bytes) -> None:
    """For root to write and the appliance's group to read."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    shutil.chown(partial, group=path.parent.stat().st_gid)
    partial.chmod(MODE)
    partial.replace(path)
