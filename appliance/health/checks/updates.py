"""Whether the operating system is as new as it should be, and what of it is not in use yet."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from appliance.health.model import Check, Finding, Severity
from appliance.kernel.clock import Clock

OLD = timedelta(days=60)
"""Debian brings its stable release up to date about every two months; holes become known in between."""
SHOWN = 5


@dataclass(frozen=True, slots=True)
class UpdatesState:
    """Where this machine stands.

    Args:
        as_of: the day that its packages are as new as: of its release, or of the last updates.
        version: of the last updates; empty where there were none.
        waiting: packages and services that are in use only after the machine has started again.
        undone: why the last updates were taken back; empty when they were not.
    """

    as_of: datetime
    version: str = ""
    waiting: tuple[str, ...] = ()
    undone: str = ""


def updates(state: Callable[[], UpdatesState], clock: Clock) -> Check:
    """Whether security updates are due, wait for a start of the machine, or were taken back."""
    return Check("updates", "Security updates of the system", lambda: _look(state(), clock.now()))


def _look(state: UpdatesState, now: datetime) -> Finding:
    age = now - state.as_of
    evidence: dict[str, str | int | float | bool | None] = {
        "as_of": state.as_of.date().isoformat(),
        "age_days": age.days,
        "updates": state.version or None,
        "waiting": len(state.waiting),
    }
    if state.waiting:
        names = ", ".join(state.waiting[:SHOWN]) + (" and others" if len(state.waiting) > SHOWN else "")
        return Finding(
            Severity.WARNING,
            f"{names}: updated, and in use only when the machine has started again.",
            evidence,
            "In a quiet hour: hangjegyzet power restart",
        )
    if state.undone:
        return Finding(
            Severity.WARNING,
            f"The last security updates were taken back: {state.undone}",
            evidence,
            "See the stages and the reason, mend it, try again: hangjegyzet updates status",
        )
    if age > OLD:
        return Finding(
            Severity.WARNING,
            f"The system's packages are {age.days} days old.",
            evidence,
            "Ask the maker for the newest updates, then: hangjegyzet updates run FILE",
        )
    return Finding(Severity.OK, f"The system's packages are of {state.as_of:%Y-%m-%d}.", evidence)
