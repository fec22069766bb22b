"""The chain: intact when nobody touched it, and otherwise the first touched event, by name."""

import hashlib
import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.audit.chain import first_finding
from appliance.audit.model import GENESIS, AuditEvent, AuditName, ChainHead, Finding, Tampering, canonical_json
from appliance.kernel.ids import EventId, TenantId

TENANT = TenantId(uuid.uuid4())
START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
LENGTHS = st.integers(2, 12)


def chain(length: int) -> list[AuditEvent]:
    """So many events, each after the one before it."""
    events: list[AuditEvent] = []
    for seq in range(1, length + 1):
        events.append(
            AuditEvent(
                tenant_id=TENANT,
                seq=seq,
                id=EventId(uuid.uuid4()),
                at=START + timedelta(seconds=seq),
                name="meetings:meeting:renamed",
                outcome="ok",
                actor_kind="user",
                actor_name="Őri Ágnes",
                actor_user_id=uuid.uuid4(),
                actor_session_id=None,
                origin="127.0.0.1",
                subject_type="meeting",
                subject_id=uuid.uuid4(),
                detail='{"n":1}',
                prev_hash=events[-1].hash if events else GENESIS,
            ).sealed()
        )
    return events


def renumbered(events: list[AuditEvent]) -> list[AuditEvent]:
    """The events in a row without gaps, their hashes left as they were."""
    return [replace(event, seq=seq) for seq, event in enumerate(events, 1)]


def verdict(events: list[AuditEvent], head: ChainHead) -> Finding | None:
    def later(seq: int) -> Iterator[AuditEvent]:
        return (event for event in events if event.seq >= seq)

    bounded = [event for event in events if event.seq <= head.seq]
    return first_finding(bounded, head, later=later)[1]


def head_of(events: list[AuditEvent]) -> ChainHead:
    return ChainHead(events[-1].seq, events[-1].hash) if events else ChainHead(0, GENESIS)


@given(st.integers(0, 12))
def test_an_untouched_chain_is_intact(length: int) -> None:
    """Any length, none included."""
    events = chain(length)
    assert verdict(events, head_of(events)) is None


FIELDS = {
    "name": "meetings:meeting:deleted",
    "outcome": "refused",
    "actor_kind": "operator",
    "actor_name": "somebody else",
    "actor_user_id": uuid.uuid4(),
    "actor_session_id": uuid.uuid4(),
    "origin": "10.0.0.1",
    "subject_type": "user",
    "subject_id": None,
    "detail": '{"n":2}',
    "at": START,
    "id": EventId(uuid.uuid4()),
    "tenant_id": TenantId(uuid.uuid4()),
    "prev_hash": bytes([1]) * 32,
    "hash": bytes([1]) * 32,
}


@pytest.mark.parametrize("field", FIELDS)
@given(LENGTHS, st.data())
def test_any_changed_field_is_found(field: str, length: int, data: st.DataObject) -> None:
    """Every field of an event is under its hash, and the event is named."""
    events = chain(length)
    head = head_of(events)
    place = data.draw(st.integers(0, length - 1))
    events[place] = replace(events[place], **{field: FIELDS[field]})  # type: ignore[arg-type]  # one field of many types
    finding = verdict(events, head)
    assert finding is not None
    assert finding.kind is Tampering.CHANGED
    assert finding.seq == place + 1
    assert finding.event_id == events[place].id


def test_the_table_of_fields_is_complete() -> None:
    """A field that is added tomorrow is under the hash tomorrow."""
    assert set(FIELDS) | {"seq"} == set(AuditEvent.__dataclass_fields__)


@given(LENGTHS, st.data())
def test_a_change_with_a_fitting_hash_is_found_by_its_successor(length: int, data: st.DataObject) -> None:
    """Computing the event's own hash anew does not help: the next one vouches for the old one."""
    events = chain(length)
    head = head_of(events)
    place = data.draw(st.integers(0, length - 1))
    events[place] = replace(events[place], actor_name="somebody else").sealed()
    finding = verdict(events, head)
    assert finding == Finding(Tampering.CHANGED, place + 1, events[place].id, events[place].name)


@given(LENGTHS, st.data())
def test_a_removed_event_is_found(length: int, data: st.DataObject) -> None:
    """In the middle its number is missing; at the end the head knows of it."""
    events = chain(length)
    head = head_of(events)
    place = data.draw(st.integers(0, length - 1))
    del events[place]
    kind = Tampering.TRUNCATED if place == length - 1 else Tampering.REMOVED
    assert verdict(events, head) == Finding(kind, place + 1)


@given(LENGTHS, st.data())
def test_a_removed_event_is_found_when_the_gap_was_closed(length: int, data: st.DataObject) -> None:
    """Numbering the rest anew does not hide it: each event was written for its own number."""
    events = chain(length)
    head = head_of(events)
    place = data.draw(st.integers(0, length - 2))
    del events[place]
    assert verdict(renumbered(events), head) == Finding(Tampering.REMOVED, place + 1)


@given(LENGTHS, st.data())
def test_a_cut_off_end_is_found(length: int, data: st.DataObject) -> None:
    """However much is missing, the first missing number is named."""
    events = chain(length)
    head = head_of(events)
    keep = data.draw(st.integers(0, length - 1))
    assert verdict(events[:keep], head) == Finding(Tampering.TRUNCATED, keep + 1)


@given(LENGTHS, st.data(), st.booleans())
def test_an_inserted_event_is_found(length: int, data: st.DataObject, with_fitting_hash: bool) -> None:
    """Put between two others and the rest moved on; a hash that fits its place does not help."""
    events = chain(length)
    head = head_of(events)
    place = data.draw(st.integers(0, length - 1))
    forged = replace(events[place], id=EventId(uuid.uuid4()), actor_name="forged")
    events = renumbered([*events[:place], forged, *events[place:]])
    if not with_fitting_hash:
        assert verdict(events, head) == Finding(Tampering.INSERTED, place + 1, events[place].id, events[place].name)
        return
    events[place] = replace(events[place], prev_hash=events[place - 1].hash if place else GENESIS).sealed()
    finding = verdict(events, head)
    assert finding is not None
    assert finding.seq in (place + 1, place + 2)


@given(LENGTHS, st.data())
def test_events_that_changed_places_are_found(length: int, data: st.DataObject) -> None:
    """The earlier of the two is named."""
    events = chain(length)
    head = head_of(events)
    first = data.draw(st.integers(0, length - 2))
    second = data.draw(st.integers(first + 1, length - 1))
    events[first], events[second] = events[second], events[first]
    finding = verdict(renumbered(events), head)
    assert finding == Finding(Tampering.REORDERED, first + 1, events[first].id, events[first].name)


def test_a_last_event_written_anew_is_found_by_the_head() -> None:
    """It has no successor, but the head holds its hash."""
    events = chain(3)
    head = head_of(events)
    events[-1] = replace(events[-1], actor_name="somebody else").sealed()
    finding = verdict(events, head)
    assert finding is not None
    assert (finding.kind, finding.seq) == (Tampering.CHANGED, 3)


def test_the_hash_can_be_computed_without_us() -> None:
    """SHA-256 over sorted, spaceless JSON with the previous hash in it: a few lines in any language."""
    event = chain(2)[1]
    fields = {
        "tenant_id": str(event.tenant_id),
        "seq": 2,
        "id": str(event.id),
        "at": "2026-03-02T12:00:02.000000Z",
        "name": "meetings:meeting:renamed",
        "outcome": "ok",
        "actor_kind": "user",
        "actor_name": "Őri Ágnes",
        "actor_user_id": str(event.actor_user_id),
        "actor_session_id": None,
        "origin": "127.0.0.1",
        "subject_type": "meeting",
        "subject_id": str(event.subject_id),
        "detail": '{"n":1}',
        "prev_hash": event.prev_hash.hex(),
    }
    line = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(line.encode()).digest() == event.hash


VALUES = st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False)


@given(st.dictionaries(st.text(), VALUES))
def test_canonical_json_is_the_same_for_the_same_facts(detail: dict[str, object]) -> None:
    """The order in which facts were given does not matter, and reading them back loses nothing."""
    written = canonical_json(detail)
    assert canonical_json(dict(reversed(detail.items()))) == written
    assert canonical_json(json.loads(written)) == written


def test_what_is_no_number_is_not_written_down() -> None:
    """NaN is not JSON, and no two of them are equal."""
    with pytest.raises(ValueError, match="JSON"):
        canonical_json({"rtf": float("nan")})


def test_times_are_compared_in_utc() -> None:
    """The same moment in another zone is the same event."""
    event = chain(1)[0]
    there = event.at.astimezone(datetime.strptime("+0200", "%z").tzinfo)
    assert replace(event, at=there).computed_hash() == event.hash


def test_names_are_room_thing_verb() -> None:
    """So that an auditor can filter them."""
    assert [name for name in AuditName if len(name.value.split(":")) != 3] == []
