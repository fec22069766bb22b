"""Finds the first event at which a chain does not hold, and says what was done there. Pure: events in, finding out."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from appliance.audit.model import GENESIS, AuditEvent, ChainHead, Finding, Tampering


def first_finding(
    events: Iterable[AuditEvent], head: ChainHead, *, later: Callable[[int], Iterator[AuditEvent]]
) -> tuple[int, Finding | None]:
    """Walk a chain once.

    Args:
        events: those up to the head, by number.
        head: where the chain says that it ends.
        later: gives the events from a number on once more; asked only when something is wrong, to tell what it was.

    Returns:
        How many events were walked, and the first fault.
    """
    count = 0
    previous: AuditEvent | None = None
    for event in events:
        count += 1
        if finding := _fault_of(event, previous, head, later):
            return count, finding
        previous = event
    return count, _fault_of_end(previous, head)


def _fault_of(
    event: AuditEvent, previous: AuditEvent | None, head: ChainHead, later: Callable[[int], Iterator[AuditEvent]]
) -> Finding | None:
    expected_seq, expected_hash = (previous.seq + 1, previous.hash) if previous else (1, GENESIS)
    if event.seq != expected_seq:
        return Finding(Tampering.REMOVED, expected_seq)
    if event.computed_hash() != event.hash:
        return _diagnose(event, head, later)
    if event.prev_hash != expected_hash:
        # The event holds by itself and vouches for another predecessor than the one that is there now.
        return _named(Tampering.CHANGED, previous or event)
    return None


def _fault_of_end(last: AuditEvent | None, head: ChainHead) -> Finding | None:
    seq, hashed = (last.seq, last.hash) if last else (0, GENESIS)
    if seq < head.seq:
        return Finding(Tampering.TRUNCATED, seq + 1)
    if last is not None and hashed != head.hash:
        return _named(Tampering.CHANGED, last)
    return None


def _diagnose(event: AuditEvent, head: ChainHead, later: Callable[[int], Iterator[AuditEvent]]) -> Finding:
    """Tell why an event's hash does not fit its place: it was edited, or it was written for another place."""
    its_place_is_claimed = any(_fits(other, event.seq) for other in later(event.seq) if other.seq != event.seq)
    belongs_elsewhere = any(_fits(event, seq) for seq in range(1, head.seq + 2) if seq != event.seq)
    if belongs_elsewhere:
        return _named(Tampering.REORDERED, event) if its_place_is_claimed else Finding(Tampering.REMOVED, event.seq)
    return _named(Tampering.INSERTED if its_place_is_claimed else Tampering.CHANGED, event)


def _fits(event: AuditEvent, seq: int) -> bool:
    return replace(event, seq=seq).computed_hash() == event.hash


def _named(kind: Tampering, event: AuditEvent) -> Finding:
    return Finding(kind, event.seq, event.id, event.name)
