"""The appliance's own certificate authority: who a machine is to the others.

ECDSA on P-256 throughout, because libpq cannot bind a channel to Ed25519 certificates. Of a request only the public key
is believed; names and addresses come from the registry. Certificates are short-lived and their serials registered, so
that one which was taken back ends nothing later than the next question.
"""

import ipaddress
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from appliance.kernel.durable import sync_folder
from appliance.nodes.errors import AuthorityDamaged, RequestInvalid

AUTHORITY_LIFETIME = timedelta(days=20 * 365)
BACKDATED = timedelta(minutes=5)
"""Two machines' clocks never agree to the second."""
REQUEST_LIMIT_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with what the registry keeps of it; ``serial`` is hexadecimal, as TLS libraries tell it."""

    pem: bytes
    serial: str
    until: datetime


class Authority:
    """An authority of one machine.

    Args:
        certificate: its certificate's file, for everybody.
        key: its key's file, for whoever may sign.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self._certificate_file = certificate
        self._key_file = key

    def exists(self) -> bool:
        """Whether it was made."""
        return self._certificate_file.exists()

    def create(self, *, name: str, now: datetime) -> bool:
        """Make it where there is none; true when that was so. The key is on the disk before the certificate."""
        if self.exists():
            return False
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - BACKDATED)
            .not_valid_after(now + AUTHORITY_LIFETIME)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        write_file(self._key_file, private_pem(key), mode=0o400)
        write_file(self._certificate_file, certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)
        return True

    @property
    def pem(self) -> bytes:
        """Its certificate."""
        try:
            return self._certificate_file.read_bytes()
        except FileNotFoundError as missing:
            raise self._damaged("the certificate is missing") from missing

    @property
    def fingerprint(self) -> str:
        """SHA-256 of its certificate: what tokens name it by."""
        return fingerprint_of(self.pem)

    def issue(
        self,
        public_key: ec.EllipticCurvePublicKey,
        *,
        name: str,
        addresses: tuple[str, ...],
        now: datetime,
        days: float,
    ) -> Issued:
        """A certificate for a machine, as client and as server.

        Args:
            name: whom it is made out to.
            addresses: under which the machine answers.

        Raises:
            AuthorityDamaged: there is no usable key.
        """
        issuer = x509.load_pem_x509_certificate(self.pem)
        serial = x509.random_serial_number()
        until = (now + timedelta(days=days)).replace(microsecond=0)
        alternatives: list[x509.GeneralName] = [x509.DNSName(name.replace("_", "-"))]
        alternatives += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
        purposes = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(issuer.subject)
            .public_key(public_key)
            .serial_number(serial)
            .not_valid_before(now - BACKDATED)
            .not_valid_after(until)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .sign(self._key(), hashes.SHA256())
        )
        return Issued(certificate.public_bytes(serialization.Encoding.PEM), serial_text(serial), until)

    def _key(self) -> ec.EllipticCurvePrivateKey:
        try:
            key = serialization.load_pem_private_key(self._key_file.read_bytes(), password=None)
        except (OSError, ValueError, UnsupportedAlgorithm) as error:
            raise self._damaged("the key is missing or not for us") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise self._damaged("the key is of another kind")
        return key

    def _damaged(self, reason: str) -> AuthorityDamaged:
        return AuthorityDamaged(folder=self._certificate_file.parent, reason=reason)


def request_for(key: ec.EllipticCurvePrivateKey, *, name: str) -> bytes:
    """What a machine sends to get a certificate: its public key, and the proof that it has the other half."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM)


def requested_key(pem: bytes) -> ec.EllipticCurvePublicKey:
    """The public key of a request whose sender has the private one.

    Raises:
        RequestInvalid: it is no request, too long, of another kind of key, or not signed by that key.
    """
    if len(pem) > REQUEST_LIMIT_BYTES:
        raise RequestInvalid(reason="it is too long")
    try:
        request = x509.load_pem_x509_csr(pem)
        key = request.public_key()
        signed = request.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature) as error:
        raise RequestInvalid(reason="it is no certificate request") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise RequestInvalid(reason="its key is not on P-256")
    if not signed:
        raise RequestInvalid(reason="its signature is not that of its key")
    return key


def new_key() -> ec.EllipticCurvePrivateKey:
    """A machine's key; it never leaves the machine."""
    return ec.generate_private_key(ec.SECP256R1())


def private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A key as files hold it."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def fingerprint_of(pem: bytes) -> str:
    """SHA-256 of a certificate, in lower-case hexadecimal.

    Raises:
        ValueError: it is no certificate.
    """
    return x509.load_pem_x509_certificate(pem).fingerprint(hashes.SHA256()).hex()


def valid_until(pem: bytes) -> datetime:
    """When a certificate ends."""
    return x509.load_pem_x509_certificate(pem).not_valid_after_utc


def serial_text(serial: int) -> str:
    """A serial as ``ssl`` tells that of a peer: whole bytes, upper case."""
    digits = f"{serial:X}"
    return digits if len(digits) % 2 == 0 else f"0{digits}"


def write_file(path: Path, data: bytes, *, mode: int, group: int = -1) -> None:
    """Put ``data`` at ``path`` in one piece, safely on disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        if group >= 0:
            os.fchown(file.fileno(), -1, group)
        os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_folder(path.parent)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
