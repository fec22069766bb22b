"""Whether the machine's clock can be right: it never went backwards past what was written down."""

from collections.abc import Callable
from datetime import datetime, timedelta

from appliance.health.model import Check, Evidence, Finding, Severity
from appliance.kernel.clock import Clock

TOLERATED = timedelta(seconds=5)
"""Two readings of one clock within a transaction may be so far apart."""


def clock(now: Clock, newest_event: Callable[[], datetime | None]) -> Check:
    """Whether ``now`` is after the newest event of the audit trail; a clock behind it spoils sessions and records."""
    return Check("clock", "Clock", lambda: _look(now, newest_event()))


def _look(now: Clock, newest: datetime | None) -> Finding:
    here = now.now()
    evidence: dict[str, Evidence] = {
        "now": here.isoformat(timespec="seconds"),
        "newest_event": newest.isoformat() if newest else None,
    }
    if newest is not None and here < newest - TOLERATED:
        return Finding(
            Severity.CRITICAL,
            f"The clock is {(newest - here)} behind the newest event of the audit trail.",
            evidence,
            "Set the machine's clock; until then sessions, certificates and records carry wrong times.",
        )
    return Finding(Severity.OK, "It agrees with the audit trail.", evidence)
