"""Whether the guard let the appliance start."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from appliance.health.model import Check, Evidence, Finding, Severity


@dataclass(frozen=True, slots=True)
class GuardState:
    """What the guard said when it looked last; ``refusals`` by check, empty when it let the appliance start."""

    at: datetime
    refusals: tuple[tuple[str, str], ...]


def guard(state: Callable[[], GuardState | None], start: Callable[[], None]) -> Check:
    """Whether clock, release and firewall were in order when the processes were to start."""

    def fix() -> str:
        start()
        return "The guard looked again, and the processes were started."

    return Check("guard", "Guard", lambda: _look(state()), fix=fix)


def _look(state: GuardState | None) -> Finding:
    if state is None:
        return Finding(
            Severity.WARNING,
            "It has not looked since this machine was started.",
            remedy="Let it look: hangjegyzet health --fix guard",
        )
    evidence: dict[str, Evidence] = {"at": state.at.isoformat(timespec="seconds"), **dict(state.refusals)}
    if state.refusals:
        why = " ".join(f"{check}: {reason}" for check, reason in state.refusals)
        remedy = "Mend what it names (hangjegyzet health NAME), then: hangjegyzet health --fix guard"
        return Finding(Severity.CRITICAL, f"It does not let the appliance start. {why}", evidence, remedy)
    return Finding(Severity.OK, f"It let the appliance start at {state.at:%Y-%m-%d %H:%M} UTC.", evidence)
