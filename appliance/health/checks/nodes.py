"""Machines that work for this one: whether they are heard of, and how long their certificates last."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from appliance.health.model import Check, Evidence, Finding, Severity
from appliance.kernel.clock import Clock

SILENT = timedelta(minutes=2)
"""Workers ask every few seconds."""
SOON = timedelta(days=3)
"""Certificates are renewed when five days are left."""


@dataclass(frozen=True, slots=True)
class NodeHeard:
    """A machine that has joined: when it was last heard of, and until when its certificate is good."""

    name: str
    seen_at: datetime | None
    certificate_until: datetime | None
    draining: bool = False


def nodes(state: Callable[[], Sequence[NodeHeard]], clock: Clock) -> Check:
    """On a main box: whether its workers are there."""
    return Check("nodes", "Other machines", lambda: _look(state(), clock.now()))


def node_certificate(until: Callable[[], datetime | None], clock: Clock) -> Check:
    """What this machine shows to others, and for how long they believe it; for whoever has one."""
    return Check("node-certificate", "Certificate for other machines", lambda: _look_at_own(until(), clock.now()))


def _look(heard: Sequence[NodeHeard], now: datetime) -> Finding:
    silent = [node.name for node in heard if node.seen_at is None or now - node.seen_at > SILENT]
    ending = [node.name for node in heard if node.certificate_until is not None and node.certificate_until - now < SOON]
    drained = [node.name for node in heard if node.draining]
    evidence: dict[str, Evidence] = {
        "joined": len(heard),
        "silent": ", ".join(silent),
        "draining": ", ".join(drained),
        "certificates_ending": ", ".join(ending),
    }
    if silent:
        remedy = "Look at that machine: hangjegyzet health there. For good: hangjegyzet node remove NAME"
        return Finding(Severity.WARNING, f"Not heard of for minutes: {', '.join(silent)}.", evidence, remedy)
    if ending:
        remedy = (
            "On that machine: systemctl start hangjegyzet-node-certificate; journalctl -u hangjegyzet-node-certificate"
        )
        return Finding(Severity.WARNING, f"Certificates are not renewed: {', '.join(ending)}.", evidence, remedy)
    if drained:
        remedy = "Let it work again: hangjegyzet node resume NAME"
        return Finding(Severity.WARNING, f"Drained: {', '.join(drained)}.", evidence, remedy)
    return Finding(Severity.OK, f"{len(heard)} machine(s) work for this one.", evidence)


def _look_at_own(until: datetime | None, now: datetime) -> Finding:
    if until is None:
        return Finding(Severity.OK, "No other machine needs one.")
    left = until - now
    evidence: dict[str, Evidence] = {"until": until.isoformat(), "hours_left": round(left.total_seconds() / 3600)}
    remedy = (
        "Renew it: systemctl start hangjegyzet-node-certificate; why not: journalctl -u hangjegyzet-node-certificate"
    )
    if left < timedelta(0):
        return Finding(Severity.CRITICAL, "It has ended: no machine lets this one in.", evidence, remedy)
    if left < SOON:
        return Finding(Severity.WARNING, f"It ends in {left.days} days and was not renewed.", evidence, remedy)
    return Finding(Severity.OK, f"It is good for {left.days} days.", evidence)
