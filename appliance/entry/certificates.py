"""The portal's certificate on an installed machine: shown, renewed, asked for, replaced.

The portal reads it when it starts. A restart breaks no upload: the portal ends what it is doing, and whoever sends a
recording goes on at the chunk where it stopped.
"""

import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from appliance.adapters.portal_certificate import RENEW_BEFORE, CertificateUnusable, own_names
from appliance.adapters.uploaded_certificate import (
    ASKED_KEY_NAME,
    MAX_PEM_BYTES,
    TLS_DIR,
    make_request,
    names_of,
    put_pair,
    read_pair,
)
from appliance.audit.model import AuditName
from appliance.entry.machine import open_configuration
from appliance.entry.machine_trail import record_act
from appliance.health.errors import NothingToFix
from appliance.kernel.clock import SystemClock
from appliance.settings import Settings

PORTAL = "hangjegyzet-web.service"
SAFE_MARGIN = timedelta(days=1)
"""The portal renews its own from thirty days before the end on, when it starts; the clock's look comes once a day."""


@dataclass(frozen=True, slots=True)
class CertificateView:
    """What is on the wire, or will be after the next start."""

    file: Path
    self_made: bool
    subject: str
    issuer: str
    names: frozenset[str]
    missing_names: frozenset[str]
    not_before: datetime
    not_after: datetime
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Installed:
    """A certificate that was put into place; ``apply_needed`` where the configuration did not name it yet."""

    view: CertificateView
    apply_needed: bool


def show(settings: Settings) -> CertificateView:
    """The portal's certificate.

    Raises:
        CertificateUnusable: there is none, or it cannot be read.
    """
    file = settings.certificate_path
    try:
        found = x509.load_pem_x509_certificate(file.read_bytes())
    except (OSError, ValueError) as error:
        raise CertificateUnusable(certificate=file, reason="it is not there, or no certificate") from error
    names = names_of(found)
    return CertificateView(
        file=file,
        self_made=settings.web.certificate is None,
        subject=found.subject.rfc4514_string(),
        issuer=found.issuer.rfc4514_string(),
        names=names,
        missing_names=frozenset(own_names(settings.web)) - names,
        not_before=found.not_valid_before_utc,
        not_after=found.not_valid_after_utc,
        fingerprint=found.fingerprint(hashes.SHA256()).hex(":").upper(),
    )


def due(settings: Settings) -> bool:
    """Whether the machine's own certificate is to be made again; one that was brought never is."""
    if settings.web.certificate is not None:
        return False
    try:
        view = show(settings)
    except CertificateUnusable:
        return True
    now = SystemClock().now()
    return bool(view.missing_names) or now >= view.not_after - RENEW_BEFORE or now < view.not_before


def renew(settings: Settings) -> CertificateView:
    """Make the machine's own certificate again, with a new key, and put it on the wire.

    Raises:
        NothingToFix: somebody brought this one; only who issued it can renew it.
    """
    if settings.web.certificate is not None:
        raise NothingToFix(check="certificate", remedy="Ask for it again: hangjegyzet cert csr --out FILE")
    settings.certificate_path.unlink(missing_ok=True)
    restart_portal()
    view = show(settings)
    _record(settings, AuditName.CERTIFICATE_RENEWED, view)
    return view


def restart_portal() -> None:
    """Have the portal read its certificate; one that is due it makes again by itself."""
    subprocess.run(
        ["systemctl", "restart", PORTAL], check=True, capture_output=True, timeout=120, stdin=subprocess.DEVNULL
    )


def ask(settings: Settings, *, names: tuple[str, ...], organisation: str) -> bytes:
    """A request for the names of this machine, or for those that are given."""
    return make_request(names or own_names(settings.web), organisation=organisation)


def install(settings: Settings, chain: Path, key: Path | None) -> Installed:
    """Put a brought certificate into place, if it can serve.

    Args:
        key: its key; None takes the one that waits since ``ask``.

    Raises:
        CertificateUnusable: it cannot serve; nothing was changed.
    """
    contents = [_read(path) for path in (chain, key or TLS_DIR / ASKED_KEY_NAME)]
    certificates, pem = read_pair(contents[0], contents[1], now=SystemClock().now(), source=str(chain))
    files = put_pair(certificates, pem)
    named = (settings.web.certificate, settings.web.private_key) == files
    if not named:
        configuration = open_configuration()
        configuration.set("web.certificate", f'"{files[0]}"')
        configuration.set("web.private_key", f'"{files[1]}"')
    else:
        restart_portal()
    view = show(Settings())
    _record(settings, AuditName.CERTIFICATE_INSTALLED, view)
    return Installed(view, apply_needed=not named)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_PEM_BYTES + 1)
    except OSError as error:
        raise CertificateUnusable(certificate=path, reason="it cannot be read") from error


def _record(settings: Settings, name: AuditName, view: CertificateView) -> None:
    detail = {"sha256": view.fingerprint, "not_after": view.not_after.isoformat(), "issuer": view.issuer[:200]}
    record_act(settings, name, subject_type="certificate", detail=detail)
