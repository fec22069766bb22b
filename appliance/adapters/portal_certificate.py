"""The portal's own certificate, made where nobody has given one.

Self-signed, ECDSA P-256, for the names and addresses under which this machine answers. It is made again when it is
about to run out or when the names have changed; whoever trusts it compares the fingerprint that ``hangjegyzet serve``
prints.
"""

import contextlib
import ipaddress
import os
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from appliance.kernel.errors import Unavailable
from appliance.settings import WebSettings

LIFETIME: Final = timedelta(days=397)
"""Longer ones are refused by Apple's platforms even when they are trusted by hand."""
RENEW_BEFORE: Final = timedelta(days=30)
_CLOCK_SKEW: Final = timedelta(hours=1)
_ANY_ADDRESS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104  # recognised here, listened on only when set


class CertificateUnusable(Unavailable):
    """The configured certificate or key cannot be used."""

    code = "web.certificate_unusable"
    message = "The TLS certificate {certificate} cannot be used: {reason}"
    hint = "Set web.certificate and web.private_key (PKCS#8 PEM) together, or unset both to have one made."


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate chain and its key, as files."""

    chain: Path
    private_key: Path
    fingerprint: str
    """SHA-256 of the certificate, as browsers show it."""
    not_after: datetime


def certificate_for(settings: WebSettings, folder: Path, *, now: datetime) -> Certificate:
    """The configured certificate, or one of our own in ``folder``, made when there is none that still serves.

    Raises:
        CertificateUnusable: the configured files are missing, unreadable, or of the wrong kind.
    """
    if settings.certificate is not None and settings.private_key is not None:
        return _configured(settings.certificate, settings.private_key)
    if settings.certificate is not None or settings.private_key is not None:
        raise CertificateUnusable(certificate=settings.certificate, reason="certificate and key are set together only")
    chain, key = folder / "portal.pem", folder / "portal.key"
    names = own_names(settings)
    if not _still_serves(chain, key, names, now=now):
        _make(chain, key, names, now=now)
    return _read(chain, key)


def own_names(settings: WebSettings) -> tuple[str, ...]:
    """Every name and address under which people may reach the portal from this machine's point of view."""
    names = {"localhost", "127.0.0.1", "::1", socket.gethostname().casefold()}
    if settings.host not in _ANY_ADDRESS:
        names.add(settings.host.casefold())
    else:
        names |= _interface_addresses()
    if settings.public_url and (host := urlsplit(settings.public_url).hostname):
        names.add(host)
    return tuple(sorted(_ascii(name) for name in names if name))


def _ascii(name: str) -> str:
    """A name as certificates hold it; addresses stay as they are."""
    return name if ":" in name else name.encode("idna").decode()


def _interface_addresses() -> set[str]:
    """Addresses that the machine's name stands for; a missing name is no failure."""
    with contextlib.suppress(OSError):
        return {str(entry[4][0]).partition("%")[0] for entry in socket.getaddrinfo(socket.gethostname(), None)}
    return set()


def _configured(chain: Path, key: Path) -> Certificate:
    try:
        if b"-----BEGIN PRIVATE KEY-----" not in key.read_bytes():
            raise CertificateUnusable(certificate=chain, reason=f"the key {key} is not in PKCS#8 PEM form")
        return _read(chain, key)
    except (OSError, ValueError) as fault:
        raise CertificateUnusable(certificate=chain, reason=str(fault)) from fault


def _read(chain: Path, key: Path) -> Certificate:
    certificate = x509.load_pem_x509_certificate(chain.read_bytes())
    digest = certificate.fingerprint(hashes.SHA256()).hex(":").upper()
    return Certificate(chain, key, digest, certificate.not_valid_after_utc)


def _still_serves(chain: Path, key: Path, names: Iterable[str], *, now: datetime) -> bool:
    if not (chain.is_file() and key.is_file()):
        return False
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(chain, key)
        certificate = x509.load_pem_x509_certificate(chain.read_bytes())
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ssl.SSLError, ValueError, x509.ExtensionNotFound):
        return False
    known = {str(name.value) for name in alternative}
    return (
        set(names) <= known
        and certificate.not_valid_before_utc <= now
        and now < certificate.not_valid_after_utc - RENEW_BEFORE
    )


def _make(chain: Path, key: Path, names: Iterable[str], *, now: datetime) -> None:
    private_key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "HangJegyzet")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectAlternativeName([general_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private_key, hashes.SHA256())
    )
    chain.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    pem = private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    # A crash in between leaves a key without a certificate: the next start makes both again.
    chain.unlink(missing_ok=True)
    _write(key, pem, mode=0o600)
    _write(chain, certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)


def general_name(name: str) -> x509.GeneralName:
    """A name or an address, as certificates hold it."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write(path: Path, content: bytes, *, mode: int) -> None:
    """Write a file that is either there whole, with its mode, or not there."""
    partial = path.with_suffix(path.suffix + ".partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
