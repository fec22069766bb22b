"""Whether nobody changed the audit trail."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from appliance.health.model import Check, Evidence, Finding, Severity


@dataclass(frozen=True, slots=True)
class TrailState:
    """What verifying one organisation's chain said; ``fault`` is empty where it is intact."""

    organisation: str
    events: int
    fault: str


def trail(verify: Callable[[], Sequence[TrailState]]) -> Check:
    """Whether every chain is intact from its first event to its last."""
    return Check("audit", "Audit trail", lambda: _look(verify()), slow=True)


def _look(trails: Sequence[TrailState]) -> Finding:
    evidence: dict[str, Evidence] = {
        state.organisation: state.fault or f"{state.events} events, intact" for state in trails
    }
    broken = [state for state in trails if state.fault]
    if broken:
        return Finding(
            Severity.CRITICAL,
            f"The audit trail of {broken[0].organisation} was changed: {broken[0].fault}",
            evidence,
            "Keep the machine as it is, export the trail (hangjegyzet audit export), and call those who audit you.",
        )
    events = sum(state.events for state in trails)
    return Finding(Severity.OK, f"{events} events, each with the hash of the one before.", evidence)
