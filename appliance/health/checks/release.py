"""Whether what runs is a release that this machine may run: never one older than it has had."""

from collections.abc import Callable
from dataclasses import dataclass

from appliance.health.model import Check, Evidence, Finding, Severity


@dataclass(frozen=True, slots=True)
class Running:
    """What runs.

    Args:
        seq: the release's number.
        high_seq: that of the newest release which this machine has had.
        allowed_seq: an older one to which two people took it back; 0 where nobody did.
    """

    version: str
    seq: int
    high_seq: int
    allowed_seq: int = 0


def release(running: Callable[[], Running]) -> Check:
    """Whether nobody put an older release, with holes that are closed by now, in the place of the current one."""
    return Check("release", "Release", lambda: _look(running()))


def _look(running: Running) -> Finding:
    evidence: dict[str, Evidence] = {
        "version": running.version,
        "release_seq": running.seq,
        "high_seq": running.high_seq,
        "allowed_seq": running.allowed_seq or None,
    }
    if running.seq >= running.high_seq:
        return Finding(Severity.OK, f"{running.version} is the newest that this machine has had.", evidence)
    if running.seq and running.seq == running.allowed_seq:
        summary = f"{running.version} is older than one that this machine has had; two people took it back to it."
        return Finding(Severity.WARNING, summary, evidence, "Upgrade again as soon as a corrected release is there.")
    return Finding(
        Severity.CRITICAL,
        f"{running.version} (number {running.seq}) is older than number {running.high_seq}, which ran here before.",
        evidence,
        "Find out who exchanged it: ls -l /opt/hangjegyzet. Install the current release again from its bundle.",
    )
