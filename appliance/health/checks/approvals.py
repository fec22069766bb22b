"""Whether two people have to approve what one must not do alone, and who they are is who was enrolled."""

from collections.abc import Callable
from dataclasses import dataclass

from appliance.approvals.errors import ApproversChanged
from appliance.health.model import Check, Evidence, Finding, Severity


@dataclass(frozen=True, slots=True)
class ApproversState:
    """Who may approve, what the trail does not know yet, and the hash of the list here and in the trail."""

    people: tuple[str, ...]
    unrecorded: int
    enrolled_in_trail: str
    sha256: str = ""


def approvals(state: Callable[[], ApproversState], *, record: Callable[[], int]) -> Check:
    """Whether the two-person rule is in force.

    Args:
        state: raises ApproversChanged when the list was changed by hand.
        record: puts into the trail what it lacks, and says how much that was.
    """
    return Check("approvals", "Two-person rule", lambda: _look(state), fix=lambda: f"{record()} put into the trail.")


def _look(state: Callable[[], ApproversState]) -> Finding:
    changed = "Find out who changed it, and put the enrolled list back: hangjegyzet approval approvers"
    try:
        found = state()
    except ApproversChanged as error:
        return Finding(Severity.CRITICAL, str(error), {"approvers": "changed"}, changed)
    evidence: dict[str, Evidence] = {
        "approvers": len(found.people),
        "unrecorded": found.unrecorded,
        "sha256": found.sha256,
        "enrolled": found.enrolled_in_trail,
    }
    if found.sha256 != found.enrolled_in_trail:
        summary = "The list of approvers is not the one that the audit trail saw enrolled."
        return Finding(Severity.CRITICAL, summary, evidence, changed)
    if not found.people:
        summary = "On trial: nobody is enrolled, so that one person alone can restore, purge, export keys and open up."
        return Finding(Severity.WARNING, summary, evidence, "Enrol two people or more: hangjegyzet approval enrol FILE")
    if found.unrecorded:
        summary = f"{found.unrecorded} approval(s) were used that the audit trail does not have yet."
        return Finding(Severity.WARNING, summary, evidence, "Put them there: hangjegyzet health --fix approvals")
    return Finding(Severity.OK, f"{len(found.people)} people may approve.", evidence)
