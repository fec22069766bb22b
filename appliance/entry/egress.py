"""This machine's proof of silence: made, signed, kept, checked again."""

import os
import socket
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import msgspec

from appliance.adapters.egress import LinuxWire, Nftables, SystemdAskers
from appliance.adapters.signing_key import load_public_key
from appliance.audit.model import AuditName, Outcome
from appliance.egress.errors import EgressNeedsRoot
from appliance.egress.model import EgressReport, Verdict
from appliance.egress.service import EgressService
from appliance.entry.machine_trail import record_act
from appliance.entry.reports import ReportShelf
from appliance.entry.signing import open_signer
from appliance.kernel.clock import SystemClock
from appliance.keyring.errors import EnvelopeInvalid
from appliance.keyring.signing import MAX_ENVELOPE_BYTES, Statement, verify
from appliance.settings import Settings

KIND = "egress-report"


@dataclass(frozen=True, slots=True)
class SignedReport:
    """A report with what vouches for it."""

    report: EgressReport
    statement: Statement
    path: Path


def open_egress() -> EgressService:
    """Looks at this machine.

    Raises:
        EgressNeedsRoot: for somebody else nothing could be seen, which would look like silence.
    """
    if os.geteuid() != 0:
        raise EgressNeedsRoot
    return EgressService(
        firewall=Nftables(),
        askers=SystemdAskers(),
        wire=LinuxWire(),
        clock=SystemClock(),
        release=version("hangjegyzet"),
        host=socket.gethostname(),
    )


def load_rules() -> None:
    """Bring the firewall's rules back from their file.

    Raises:
        FirewallStuck: they could not be loaded.
    """
    Nftables().load()


def make_report(settings: Settings, *, shelf: ReportShelf | None = None) -> SignedReport:
    """Examine everything, sign it, keep it, and put into the trail that it was done and what it says.

    Raises:
        EgressNeedsRoot, ProbeFailed: it could not be examined.
        SigningKeyMissing, SigningKeyExposed, SigningKeyMisshapen: it could not be signed.
    """
    signer = open_signer(settings)
    report = open_egress().examine()
    envelope = signer.sign(KIND, msgspec.to_builtins(report))
    path = (shelf or ReportShelf()).put(KIND, envelope)
    record_act(
        settings,
        AuditName.EGRESS_REPORTED,
        subject_type="report",
        outcome=Outcome.FAILED if report.verdict is Verdict.LEAKS else Outcome.OK,
        detail={"verdict": report.verdict.value, "file": path.name, "attempts": len(report.attempts)},
    )
    return SignedReport(report, verify(envelope, signer.public_key, kind=KIND), path)


def read_report(path: Path, public_key: Path) -> SignedReport:
    """A report, if the key signed it; works anywhere, without the machine that made it.

    Raises:
        SigningKeyMisshapen: there is no public key in that file.
        EnvelopeInvalid, EnvelopeOfAnotherKey, EnvelopeForged, EnvelopeOfAnotherKind: it is not what it claims.
    """
    try:
        with path.open("rb") as file:
            envelope = file.read(MAX_ENVELOPE_BYTES + 1)
    except OSError as error:
        raise EnvelopeInvalid(reason=f"{path} cannot be read") from error
    statement = verify(envelope, load_public_key(public_key), kind=KIND)
    try:
        return SignedReport(msgspec.convert(statement.payload, EgressReport), statement, path)
    except msgspec.ValidationError as error:
        raise EnvelopeInvalid(reason="another release wrote it, with other fields") from error
