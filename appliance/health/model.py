"""Check, finding, severity: plain data that any door can render."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

Evidence = str | int | float | bool | None


class Severity(StrEnum):
    """How much a finding matters, worst last."""

    OK = "ok"
    UNKNOWN = "unknown"
    """It could not be looked at; that is told, and never taken for well."""
    WARNING = "warning"
    """Somebody should act, in days."""
    CRITICAL = "critical"
    """Somebody must act now: the appliance does not do its work, or will stop to."""

    @property
    def rank(self) -> int:
        """Greater is worse."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check saw.

    Args:
        summary: one sentence.
        evidence: the figures that it rests on, by name.
        remedy: what to do now; empty when all is well.
    """

    severity: Severity
    summary: str
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One question about the machine.

    Args:
        id: stable; names the runbook and the metric.
        look: answers it; may raise, which is a finding too.
        slow: takes long on a large installation, so that it is left out of a quick look.
        fix: applies the remedy where that is safe to do by itself, and says what was done.
    """

    id: str
    title: str
    look: Callable[[], Finding]
    slow: bool = False
    fix: Callable[[], str] | None = None


@dataclass(frozen=True, slots=True)
class Examined:
    """A check that was made."""

    check: Check
    finding: Finding
    took_s: float


@dataclass(frozen=True, slots=True)
class Report:
    """All checks that were made, in their order."""

    at: datetime
    examined: Sequence[Examined]

    @property
    def severity(self) -> Severity:
        """The worst finding."""
        return max((one.finding.severity for one in self.examined), key=lambda found: found.rank, default=Severity.OK)
