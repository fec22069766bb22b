"""Work that waits too long, or was given up."""

from collections.abc import Callable
from datetime import timedelta

from appliance.health.model import Check, Evidence, Finding, Severity
from appliance.jobs.backlog import Backlog

LONG = timedelta(hours=2)


def queue(state: Callable[[], Backlog]) -> Check:
    """Whether recordings get through; ``state`` is the backlog now."""
    return Check("queue", "Queue", lambda: _look(state()))


def _look(now: Backlog) -> Finding:
    evidence: dict[str, Evidence] = {
        "waiting_steps": now.waiting,
        "longest_wait_s": round(now.longest_wait.total_seconds()),
        "given_up_in_a_day": now.given_up,
        "queues_without_worker": ", ".join(now.without_worker),
    }
    if now.without_worker:
        summary = f"Nobody works on: {', '.join(now.without_worker)}."
        return Finding(Severity.CRITICAL, summary, evidence, "See whether the workers run: hangjegyzet health units")
    if now.longest_wait > LONG:
        summary = f"Work has been waiting for {now.longest_wait.total_seconds() / 3600:.1f} hours."
        remedy = "Let it work off what waits, or join a GPU worker."
        return Finding(Severity.WARNING, summary, evidence, remedy)
    if now.given_up:
        summary = f"{now.given_up} recording(s) of the last day did not get through."
        return Finding(Severity.WARNING, summary, evidence, "See what each needs: hangjegyzet job list --state failed")
    return Finding(Severity.OK, f"{now.waiting} step(s) wait.", evidence)
