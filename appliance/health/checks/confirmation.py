"""Whether a change of who reaches the machine waits for confirmation."""

from collections.abc import Callable

from appliance.health.model import Check, Finding, Severity

Waiting = tuple[tuple[str, ...], float] | None


def confirmation(waiting: Callable[[], Waiting]) -> Check:
    """Whether something waits; ``waiting`` gives its settings and the seconds that are left."""
    return Check("confirmation", "Network changes", lambda: _look(waiting()))


def _look(waiting: Waiting) -> Finding:
    if waiting is None:
        return Finding(Severity.OK, "None waits for confirmation.")
    keys, left_s = waiting
    if left_s <= 0:
        return Finding(
            Severity.CRITICAL,
            f"A change of {', '.join(keys)} was not confirmed, and is not undone yet.",
            {"settings": ", ".join(keys), "left_s": 0},
            "Read why: journalctl -u hangjegyzet-confirmation. It is tried again by itself.",
        )
    return Finding(
        Severity.WARNING,
        f"A change of {', '.join(keys)} is undone in {left_s:.0f} s unless somebody confirms it.",
        {"settings": ", ".join(keys), "left_s": round(left_s)},
        "Confirm it from a new connection: hangjegyzet apply --confirm",
    )
