"""The trail on a real database: kept with its use case, in line, final, and tampering found."""

import hashlib
import json
import threading
import time
import uuid
from collections.abc import Callable

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from appliance.audit import queries
from appliance.audit.errors import ForeignEvent
from appliance.audit.model import AuditName, Finding, Outcome, Tampering
from appliance.audit.service import AuditTrail, export, verify
from appliance.kernel.actor import Actor, ActorKind
from appliance.kernel.clock import FixedClock
from appliance.kernel.ids import TenantId
from tests.factories.database import TestDatabase

NAME = AuditName.MEETING_RENAMED


def actor_of(tenant_id: TenantId) -> Actor:
    return Actor(ActorKind.USER, tenant_id, "agnes@example.org", user_id=uuid.uuid4(), origin="127.0.0.1")


@pytest.fixture
def record(db: TestDatabase, audit: AuditTrail) -> Callable[..., None]:
    """Appends so many events to a tenant's trail, one transaction each."""

    def append(tenant_id: TenantId, count: int = 1) -> None:
        for number in range(count):
            with db.web.transaction(tenant_id) as tx:
                audit.record(
                    tx,
                    NAME,
                    actor=actor_of(tenant_id),
                    subject_type="meeting",
                    subject_id=uuid.uuid4(),
                    detail={"number": number, "share": 0.1, "árvíztűrő": None},
                )

    return append


def finding(db: TestDatabase, tenant_id: TenantId) -> Finding | None:
    with db.worker.reading(tenant_id) as tx:
        return verify(tx, tenant_id).finding


def tamper(db: TestDatabase, *statements: str) -> None:
    """As the owner of the tables, who can switch the guard off."""
    with db.connect(db.owner_url) as owner:
        owner.execute("ALTER TABLE audit_event DISABLE TRIGGER audit_event_is_final")
        for statement in statements:
            owner.execute(statement.encode())
        owner.execute("ALTER TABLE audit_event ENABLE TRIGGER audit_event_is_final")


def test_an_event_is_kept_with_its_use_case(
    db: TestDatabase, audit: AuditTrail, tenant: TenantId, clock: FixedClock
) -> None:
    """Who, what, to which thing, when, from where, how it ended."""
    actor, subject, detail = actor_of(tenant), uuid.uuid4(), {"b": 1, "a": "é"}
    with db.web.transaction(tenant) as tx:
        audit.record(
            tx,
            NAME,
            actor=actor,
            subject_type="meeting",
            subject_id=subject,
            outcome=Outcome.REFUSED,
            detail=detail,
        )
    with db.web.reading(tenant) as tx:
        (event,) = queries.about(tx, tenant, "meeting", subject)
    assert (event.seq, event.name, event.outcome, event.at) == (1, NAME, "refused", clock.now())
    assert (event.actor_name, event.actor_user_id, event.origin) == (actor.name, actor.user_id, actor.origin)
    assert event.detail == '{"a":"é","b":1}'


def test_a_use_case_that_fails_leaves_no_event(db: TestDatabase, audit: AuditTrail, tenant: TenantId) -> None:
    """The trail says what happened, and that did not."""
    with db.web.transaction(tenant) as tx:
        audit.record(tx, NAME, actor=actor_of(tenant), subject_type="x", subject_id=None)
        tx.rollback()
        tx._last_acts.clear()
    with db.web.reading(tenant) as tx:
        assert queries.latest(tx, tenant) == []


def test_events_of_one_use_case_keep_their_order(db: TestDatabase, audit: AuditTrail, tenant: TenantId) -> None:
    """As they were recorded."""
    with db.web.transaction(tenant) as tx:
        for name in (AuditName.UPLOAD_STARTED, AuditName.UPLOAD_COMPLETED, AuditName.JOB_STARTED):
            audit.record(tx, name, actor=actor_of(tenant), subject_type="x", subject_id=None)
    with db.web.reading(tenant) as tx:
        names = [event.name for event in queries.iterate(tx, tenant)]
    assert names == ["meetings:upload:started", "meetings:upload:completed", "jobs:job:started"]


def test_an_event_of_another_tenant_is_refused(
    db: TestDatabase, audit: AuditTrail, found_tenant: Callable[[str], TenantId]
) -> None:
    """A mix-up of tenants is a programming error, and stops there."""
    ours, theirs = found_tenant("Alfa"), found_tenant("Béta")
    with db.web.transaction(ours) as tx, pytest.raises(ForeignEvent):
        audit.record(tx, NAME, actor=actor_of(theirs), subject_type="x", subject_id=None)


def test_a_name_that_nobody_knows_is_refused(db: TestDatabase, audit: AuditTrail, tenant: TenantId) -> None:
    """Names are one list, so that an auditor can know them all."""
    with db.web.transaction(tenant) as tx, pytest.raises(ValueError, match="made:up:name"):
        audit.record(tx, "made:up:name", actor=actor_of(tenant), subject_type="x", subject_id=None)


def test_foreign_text_never_breaks_a_use_case(db: TestDatabase, audit: AuditTrail, tenant: TenantId) -> None:
    """Somebody who signs in as a zero byte or half a surrogate is recorded, not a server error."""
    actor = Actor(ActorKind.ANONYMOUS, tenant, "a\0b\ud800" + "x" * 10_000)
    with db.web.transaction(tenant) as tx:
        audit.record(tx, NAME, actor=actor, subject_type="x", subject_id=None, detail={"typed": "\0\ud800"})
    assert finding(db, tenant) is None
    with db.web.reading(tenant) as tx:
        (event,) = queries.latest(tx, tenant)
    assert event.actor_name.startswith("a\ufffdb?")
    assert len(event.actor_name) == 500


def test_tenants_have_chains_of_their_own(
    db: TestDatabase, record: Callable[..., None], found_tenant: Callable[[str], TenantId]
) -> None:
    """One tenant's trail can be handed out without another's."""
    ours, theirs = found_tenant("Alfa"), found_tenant("Béta")
    record(ours, 3)
    record(theirs, 2)
    with db.web.reading(ours) as tx:
        assert verify(tx, ours).events == 3
        assert queries.latest(tx, theirs) == []


def test_writers_at_the_same_time_stand_in_line(
    db: TestDatabase, record: Callable[..., None], tenant: TenantId
) -> None:
    """Eight threads append at once; the chain has every event, no gap and no fork."""
    threads = [threading.Thread(target=record, args=(tenant, 5)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    with db.worker.reading(tenant) as tx:
        report = verify(tx, tenant)
    assert report.events == 40
    assert report.intact


def test_verifying_while_others_write_finds_nothing_wrong(
    db: TestDatabase, record: Callable[..., None], tenant: TenantId
) -> None:
    """An event that was appended between two reads is not taken for a forged one."""
    writer = threading.Thread(target=record, args=(tenant, 30))
    writer.start()
    found = [finding(db, tenant) for _ in range(30)]
    writer.join(timeout=60)
    assert found == [None] * 30


def test_the_head_is_locked_for_the_last_moment_only(
    db: TestDatabase, audit: AuditTrail, record: Callable[..., None], tenant: TenantId
) -> None:
    """A long use case that recorded early does not hold up the others."""
    with db.web.transaction(tenant) as tx:
        audit.record(tx, NAME, actor=actor_of(tenant), subject_type="x", subject_id=None)
        tx.flush()
        record(tenant)
    with db.web.reading(tenant) as tx:
        assert verify(tx, tenant).events == 2


@pytest.mark.parametrize("role", ["web", "worker"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_event SET name = 'x'",
        "DELETE FROM audit_event",
        "TRUNCATE audit_event",
        "DELETE FROM audit_head",
    ],
)
def test_those_who_append_cannot_change(
    db: TestDatabase, record: Callable[..., None], tenant: TenantId, role: str, statement: str
) -> None:
    """The roles of the appliance may insert and read, nothing else."""
    record(tenant)
    with db.connect(db.web_url if role == "web" else db.worker_url) as connection:
        connection.execute("SELECT set_config('app.tenant', %s, false)", [str(tenant)])
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())


def test_a_second_event_with_the_same_number_is_refused(
    db: TestDatabase, record: Callable[..., None], tenant: TenantId
) -> None:
    """A chain cannot fork."""
    record(tenant)
    with db.connect(db.owner_url) as owner, pytest.raises(psycopg.errors.UniqueViolation):
        owner.execute(FORGED.format(seq="seq", prev="prev_hash", like=1).encode())


FORGED = (
    "INSERT INTO audit_event SELECT tenant_id, {seq}, gen_random_uuid(), at, name, outcome, actor_kind, 'forged',"
    " actor_user_id, actor_session_id, origin, subject_type, subject_id, detail, {prev}, hash"
    " FROM audit_event WHERE seq = {like}"
)
MOVE = "UPDATE audit_event SET seq = {to} WHERE seq = {seq}"
SET_HEAD_BACK = "UPDATE audit_head SET seq = 4, hash = (SELECT hash FROM audit_event WHERE seq = 4)"

TAMPERING: dict[str, tuple[list[str], Tampering, int]] = {
    "changed": (["UPDATE audit_event SET actor_name = 'x' WHERE seq = 3"], Tampering.CHANGED, 3),
    "changed detail": (["UPDATE audit_event SET detail = '{}' WHERE seq = 5"], Tampering.CHANGED, 5),
    "removed": (["DELETE FROM audit_event WHERE seq = 2"], Tampering.REMOVED, 2),
    "removed and closed": (
        ["DELETE FROM audit_event WHERE seq = 2", *(MOVE.format(seq=seq, to=seq - 1) for seq in (3, 4, 5))],
        Tampering.REMOVED,
        2,
    ),
    "cut off": (["DELETE FROM audit_event WHERE seq >= 4"], Tampering.TRUNCATED, 4),
    "emptied": (["DELETE FROM audit_event"], Tampering.TRUNCATED, 1),
    "inserted": (
        [*(MOVE.format(seq=seq, to=seq + 1) for seq in (5, 4, 3)), FORGED.format(seq=3, prev="prev_hash", like=2)],
        Tampering.INSERTED,
        3,
    ),
    "appended": ([FORGED.format(seq=6, prev="hash", like=5)], Tampering.INSERTED, 6),
    "reordered": (
        [MOVE.format(seq=2, to=99), MOVE.format(seq=4, to=2), MOVE.format(seq=99, to=4)],
        Tampering.REORDERED,
        2,
    ),
    "beheaded": (["DELETE FROM audit_head"], Tampering.REMOVED, 0),
    "head set back": ([SET_HEAD_BACK], Tampering.INSERTED, 5),
}


@pytest.mark.parametrize("what", TAMPERING)
def test_tampering_by_the_owner_of_the_tables_is_found(
    db: TestDatabase, record: Callable[..., None], tenant: TenantId, what: str
) -> None:
    """Whoever can switch off every guard in the database still can't hide what they did to the chain."""
    statements, kind, seq = TAMPERING[what]
    record(tenant, 5)
    assert finding(db, tenant) is None
    tamper(db, *statements)
    found = finding(db, tenant)
    assert found is not None
    assert (found.kind, found.seq) == (kind, seq)


def test_a_trail_longer_than_a_batch_is_walked_whole(
    db: TestDatabase, record: Callable[..., None], tenant: TenantId, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory does not grow with the trail, and no event falls between two batches."""
    monkeypatch.setattr(queries, "BATCH", 4)
    record(tenant, 11)
    with db.worker.reading(tenant) as tx:
        assert verify(tx, tenant).events == 11
    tamper(db, "UPDATE audit_event SET origin = 'x' WHERE seq = 9")
    found = finding(db, tenant)
    assert found is not None
    assert found.seq == 9


def test_an_export_can_be_checked_without_us(db: TestDatabase, record: Callable[..., None], tenant: TenantId) -> None:
    """Each line without its hash has that hash, and follows the line before it."""
    record(tenant, 3)
    with db.worker.reading(tenant) as tx:
        first, *lines = export(tx, tenant)
    previous = bytes(32).hex()
    for line in lines:
        fields = json.loads(line)
        hashed = fields.pop("hash")
        assert fields["prev_hash"] == previous
        canonical = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert hashlib.sha256(canonical.encode()).hexdigest() == hashed
        previous = hashed
    assert json.loads(first) == {
        "format": "hangjegyzet-audit/1",
        "tenant_id": str(tenant),
        "head_seq": 3,
        "head_hash": previous,
    }


def test_the_latest_events_come_in_pages(db: TestDatabase, record: Callable[..., None], tenant: TenantId) -> None:
    """Newest first, each once."""
    record(tenant, 5)
    with db.web.reading(tenant) as tx:
        first = queries.latest(tx, tenant, limit=3)
        second = queries.latest(tx, tenant, limit=3, before=first[-1].seq)
    assert [event.seq for event in [*first, *second]] == [5, 4, 3, 2, 1]


def test_an_event_without_its_tenant_is_refused_by_the_database(
    db: TestDatabase, audit: AuditTrail, tenant: TenantId
) -> None:
    """In a transaction of nobody the web can't write into anybody's trail."""
    with pytest.raises(DBAPIError, match="row-level security"), db.web.transaction(None) as tx:
        audit.record(tx, NAME, actor=actor_of(tenant), subject_type="x", subject_id=None)


def test_use_cases_that_lock_the_same_rows_do_not_wait_for_each_other(
    db: TestDatabase, audit: AuditTrail, tenant: TenantId
) -> None:
    """One that checks its lease at the end, after it recorded, and one that holds that row and records: no deadlock."""
    with db.connect(db.superuser_url) as superuser:
        superuser.execute("CREATE TABLE leased (n integer)")
        superuser.execute("INSERT INTO leased VALUES (0)")
        superuser.execute("GRANT SELECT, UPDATE ON leased TO hangjegyzet_web")
    held, failures = threading.Event(), []

    def checks_its_lease_at_the_end() -> None:
        try:
            with db.web.transaction(tenant) as tx:
                audit.record(tx, NAME, actor=actor_of(tenant), subject_type="x", subject_id=None)
                tx.before_commit(lambda: tx.execute(text("UPDATE leased SET n = n + 1")))
                held.wait(10)
        except Exception as error:  # noqa: BLE001  # handed to the test's own thread
            failures.append(error)

    other = threading.Thread(target=checks_its_lease_at_the_end)
    other.start()
    with db.web.transaction(tenant) as tx:
        tx.execute(text("UPDATE leased SET n = n + 1"))
        held.set()
        time.sleep(0.5)
        audit.record(tx, NAME, actor=actor_of(tenant), subject_type="x", subject_id=None)
    other.join(timeout=30)
    assert failures == []
    with db.web.reading(tenant) as tx:
        assert verify(tx, tenant).events == 2
