"""Room in the database that nobody uses, and transactions that nobody froze: what makes it slow, then stops it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from appliance.database.room import WORTH_A_LOOK_BYTES, Room
from appliance.health.model import Check, Evidence, Finding, Severity
from appliance.kernel.units import GIB, format_bytes

MUCH_SHARE, TOO_MUCH_SHARE, TOO_MUCH_BYTES = 0.5, 0.8, 8 * GIB
OLD_TRANSACTIONS, TOO_OLD_TRANSACTIONS = 500_000_000, 1_500_000_000
"""PostgreSQL freezes from 200 million on by itself, and takes no writes at 2.1 billion (manual, Routine Vacuuming)."""
SHOWN = 5


@dataclass(frozen=True, slots=True)
class DatabaseRoom:
    """How the database stands.

    Args:
        oldest_transactions: how many transactions ago its oldest row was written that is not frozen.
    """

    rooms: Sequence[Room]
    oldest_transactions: int


def bloat(state: Callable[[], DatabaseRoom], clean: Callable[[Sequence[Room]], None]) -> Check:
    """Whether the database gives room back, and freezes old rows in time."""

    def fix() -> str:
        found = _much(state())
        clean(found)
        return f"Cleaned: {', '.join(one.name for one in found) or 'nothing needed it'}."

    return Check("bloat", "Room in the database", lambda: _look(state()), slow=True, fix=fix)


def _much(now: DatabaseRoom) -> Sequence[Room]:
    found = [one for one in now.rooms if one.wasted_bytes > WORTH_A_LOOK_BYTES and one.share > MUCH_SHARE]
    return sorted(found, key=lambda one: -one.wasted_bytes)


def _look(now: DatabaseRoom) -> Finding:
    found = _much(now)
    empty = format_bytes(sum(one.wasted_bytes for one in now.rooms))
    evidence: dict[str, Evidence] = {"empty": empty, "oldest_transactions": now.oldest_transactions}
    evidence |= {
        f"{one.kind} {one.name}": f"{format_bytes(one.wasted_bytes)} of {format_bytes(one.bytes)} ({one.share:.0%})"
        for one in found[:SHOWN]
    }
    if now.oldest_transactions > OLD_TRANSACTIONS:
        severity = Severity.CRITICAL if now.oldest_transactions > TOO_OLD_TRANSACTIONS else Severity.WARNING
        summary = (
            f"Rows of {now.oldest_transactions:,} transactions ago are not frozen; at 2 billion it takes no writes."
        )
        remedy = (
            "Freeze them: runuser -u postgres -- vacuumdb --freeze --port 5432 hangjegyzet. Read the runbook bloat."
        )
        return Finding(severity, summary, evidence, remedy)
    if not found:
        return Finding(Severity.OK, f"{empty} of its large tables and indexes is empty.", evidence)
    worst = found[0]
    terrible = worst.share > TOO_MUCH_SHARE and worst.wasted_bytes > TOO_MUCH_BYTES
    summary = f"The {worst.kind} {worst.name} is {worst.share:.0%} empty ({format_bytes(worst.wasted_bytes)})."
    remedy = "Clean it while people work: hangjegyzet health --fix bloat"
    return Finding(Severity.CRITICAL if terrible else Severity.WARNING, summary, evidence, remedy)
