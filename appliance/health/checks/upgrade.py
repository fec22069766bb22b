"""Whether the last upgrade came to its end, and to which."""

from collections.abc import Callable
from dataclasses import dataclass

from appliance.health.model import Check, Finding, Severity


@dataclass(frozen=True, slots=True)
class UpgradeState:
    """The upgrade that is under way, was interrupted, or ended last.

    Args:
        what: from which release to which.
        stage: where it stands or stood.
        is_driven: whether a process is at it right now.
        ended: ``done``, ``undone``, or empty while it has not.
        reason: why it was undone.
    """

    what: str
    stage: str
    is_driven: bool
    ended: str
    reason: str = ""


def upgrade(state: Callable[[], UpgradeState | None]) -> Check:
    """Whether an upgrade waits to be brought to its end, or was taken back."""
    return Check("upgrade", "Last upgrade", lambda: _look(state()))


def _look(state: UpgradeState | None) -> Finding:
    if state is None:
        return Finding(Severity.OK, "This machine was never upgraded.")
    evidence = {"upgrade": state.what, "stage": state.stage, "ended": state.ended or None}
    if not state.ended and state.is_driven:
        return Finding(Severity.OK, f"{state.what} is under way, at {state.stage}.", evidence)
    if not state.ended:
        return Finding(
            Severity.CRITICAL, f"{state.what} was interrupted at {state.stage}.", evidence, "hangjegyzet upgrade resume"
        )
    if state.ended == "undone":
        return Finding(
            Severity.WARNING,
            f"{state.what} was undone: {state.reason}",
            evidence,
            "See the stages and the reason, mend it, try again: hangjegyzet upgrade status",
        )
    return Finding(Severity.OK, f"{state.what} is done.", evidence)
