"""How long browsers will believe the portal's certificate."""

from collections.abc import Callable
from pathlib import Path

from cryptography import x509

from appliance.health.model import Check, Evidence, Finding, Severity
from appliance.kernel.clock import Clock

SOON_DAYS = 30
VERY_SOON_DAYS = 7


def certificate(file: Path, clock: Clock, renew: Callable[[], object] | None = None) -> Check:
    """Whether the certificate in ``file`` is valid, and for how long.

    Args:
        renew: makes it again; None where somebody brought it.
    """

    def fix() -> str:
        if renew is not None:
            renew()
        return "The portal has a new certificate; its fingerprint is another one."

    return Check("certificate", "TLS certificate", lambda: _look(file, clock), fix=fix if renew else None)


def _look(file: Path, clock: Clock) -> Finding:
    remedy = "Our own: hangjegyzet cert renew. One from your authority: hangjegyzet cert csr, hangjegyzet cert install"
    if not file.exists():
        return Finding(Severity.CRITICAL, "The portal has no certificate yet.", {"file": str(file)}, remedy)
    found = x509.load_pem_x509_certificate(file.read_bytes())
    days = (found.not_valid_after_utc - clock.now()).days
    evidence: dict[str, Evidence] = {
        "file": str(file),
        "not_after": found.not_valid_after_utc.isoformat(),
        "days_left": days,
    }
    if clock.now() < found.not_valid_before_utc:
        return Finding(
            Severity.CRITICAL,
            f"It is valid only from {found.not_valid_before_utc:%Y-%m-%d}.",
            evidence,
            "Set the machine's clock.",
        )
    if days < VERY_SOON_DAYS:
        return Finding(Severity.CRITICAL, f"It ends in {days} days.", evidence, remedy)
    if days < SOON_DAYS:
        return Finding(Severity.WARNING, f"It ends in {days} days.", evidence, remedy)
    return Finding(Severity.OK, f"It is valid for {days} days more.", evidence)
