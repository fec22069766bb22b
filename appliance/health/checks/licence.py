"""How the machine stands with its licence, which stops nothing but new recordings, and that late."""

from collections.abc import Callable
from dataclasses import dataclass

from appliance.health.model import Check, Evidence, Finding, Severity

SOON_DAYS = 30


@dataclass(frozen=True, slots=True)
class LicenceState:
    """The standing, its days, and people with accounts beside those that it is meant for."""

    state: str
    days_left: int
    customer: str
    people: int
    meant_for: int | None


def licence(state: Callable[[], LicenceState]) -> Check:
    """Whether the licence holds; ``state`` gives how the machine stands."""
    return Check("licence", "Licence", lambda: _look(state()))


def _look(found: LicenceState) -> Finding:
    evidence: dict[str, Evidence] = {"state": found.state, "days_left": found.days_left, "people": found.people}
    remedy = "Ask the maker for a new one: hangjegyzet licence install FILE"
    match found.state:
        case "trial":
            return Finding(Severity.OK, "There is none: the machine is on trial, and everything works.", evidence)
        case "early":
            return Finding(Severity.WARNING, "It is not valid yet; everything works.", evidence, "Look at the clock.")
        case "grace":
            summary = f"It ended. Everything works for {found.days_left} days more; then no new recordings are taken."
            return Finding(Severity.WARNING, summary, evidence, remedy)
        case "ended":
            summary = "It ended: no new recordings are taken. Reading, exporting and deleting go on."
            return Finding(Severity.CRITICAL, summary, evidence, remedy)
    if found.days_left < SOON_DAYS:
        return Finding(Severity.WARNING, f"It ends in {found.days_left} days.", evidence, remedy)
    if found.meant_for is not None and found.people > found.meant_for:
        summary = f"{found.people} people have accounts; it is meant for {found.meant_for}. Nothing is refused."
        return Finding(Severity.WARNING, summary, evidence, "Talk to the maker about a larger one.")
    return Finding(Severity.OK, f"It is valid for {found.days_left} days more.", evidence)
