"""Whether the machine's clock can be right: it never went backwards past what was written down."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from appliance.health.model import Check, Evidence, Finding, Severity
from appliance.kernel.clock import Clock

TOLERATED = timedelta(seconds=5)
"""Two readings of one clock within a transaction may be so far apart."""
REMEDY = (
    "Set the clock: timedatectl set-time 'YYYY-MM-DD HH:MM:SS'. If it is right, and the earlier records were wrong: "
    "hangjegyzet guard accept-clock"
)


@dataclass(frozen=True, slots=True)
class Disbelieved:
    """A span in which the clock is known to have been wrong: marks within it count as its beginning."""

    after: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Marks:
    """Moments that have passed for certain, by what tells them, and a span that somebody said was wrong."""

    passed: Mapping[str, datetime]
    disbelieved: Disbelieved | None = None

    def newest(self) -> tuple[str, datetime] | None:
        """The last of them that is believed."""
        believed = [(name, self._believed(at)) for name, at in self.passed.items()]
        return max(believed, key=lambda mark: mark[1], default=None)

    def _believed(self, at: datetime) -> datetime:
        span = self.disbelieved
        return span.after if span is not None and span.after < at <= span.until else at


def clock(now: Clock, marks: Callable[[], Marks]) -> Check:
    """Whether ``now`` is after every moment that has passed; a clock behind one spoils sessions and records."""
    return Check("clock", "Clock", lambda: _look(now, marks()))


def _look(now: Clock, marks: Marks) -> Finding:
    here, newest = now.now(), marks.newest()
    evidence: dict[str, Evidence] = {"now": here.isoformat(timespec="seconds")}
    evidence |= {name: at.isoformat(timespec="seconds") for name, at in marks.passed.items()}
    if newest is not None and here < newest[1] - TOLERATED:
        name, at = newest
        behind = timedelta(seconds=round((at - here).total_seconds()))
        return Finding(Severity.CRITICAL, f"It says {here:%Y-%m-%d %H:%M}, {behind} before {name}.", evidence, REMEDY)
    return Finding(Severity.OK, "It is after everything that was written down.", evidence)
