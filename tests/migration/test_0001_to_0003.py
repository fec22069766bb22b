"""Tenants, trail and keys, with rows in them, up and down."""

import uuid
from datetime import UTC, datetime

import psycopg
import pytest

from appliance.migrations import runner
from tests.factories.database import TestDatabase

AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ALFA, BETA = uuid.uuid4(), uuid.uuid4()


def found(db: TestDatabase, tenant_id: uuid.UUID, name: str, at: datetime = AT) -> None:
    with db.connect(db.owner_url) as owner:
        owner.execute("INSERT INTO tenant VALUES (%s, %s, %s)", [tenant_id, name, at])


def append(db: TestDatabase, tenant_id: uuid.UUID, seq: int) -> None:
    with db.connect(db.owner_url) as owner:
        owner.execute(
            "INSERT INTO audit_event (tenant_id, seq, id, at, name, outcome, actor_kind, actor_name, origin,"
            " subject_type, detail, prev_hash, hash)"
            " VALUES (%s, %s, %s, %s, 'a:b:c', 'ok', 'system', 'x', '', 'x', '{}', %s, %s)",
            [tenant_id, seq, uuid.uuid4(), AT, bytes(32), bytes(32)],
        )


def test_0001_keeps_names_apart(empty_db: TestDatabase) -> None:
    """Two organisations never share a name, in whatever case, and none is without."""
    runner.upgrade(empty_db.owner_url, "0001")
    found(empty_db, ALFA, "Őszirózsa")
    with pytest.raises(psycopg.errors.UniqueViolation):
        found(empty_db, BETA, "ŐSZIRÓZSA")
    with pytest.raises(psycopg.errors.CheckViolation):
        found(empty_db, BETA, "   ")


def test_0001_names_the_first_tenant_to_somebody_without_one(empty_db: TestDatabase) -> None:
    """Before anybody has signed in, the oldest tenant's trail takes the events."""
    runner.upgrade(empty_db.owner_url, "0001")
    found(empty_db, BETA, "Béta", AT.replace(year=2027))
    found(empty_db, ALFA, "Alfa")
    with empty_db.connect(empty_db.web_url) as web:
        assert web.execute("SELECT first_tenant()").fetchone() == (ALFA,)
        assert web.execute("SELECT count(*) FROM tenant").fetchone() == (0,)


def test_0001_down_takes_the_tenants_away(empty_db: TestDatabase) -> None:
    """Down removes the rows with the table; up again starts empty."""
    runner.upgrade(empty_db.owner_url, "0001")
    found(empty_db, ALFA, "Alfa")
    runner.downgrade(empty_db.owner_url, "base")
    runner.upgrade(empty_db.owner_url, "0001")
    with empty_db.connect(empty_db.owner_url) as owner:
        assert owner.execute("SELECT count(*) FROM tenant").fetchone() == (0,)


def test_0002_makes_events_final_even_for_their_owner(empty_db: TestDatabase) -> None:
    """An UPDATE or DELETE by mistake is stopped; only somebody who first removes the guard gets through."""
    runner.upgrade(empty_db.owner_url, "0002")
    found(empty_db, ALFA, "Alfa")
    append(empty_db, ALFA, 1)
    with empty_db.connect(empty_db.owner_url) as owner:
        for statement in (b"UPDATE audit_event SET name = 'x'", b"DELETE FROM audit_event", b"TRUNCATE audit_event"):
            with pytest.raises(psycopg.Error) as refusal:
                owner.execute(statement)
            assert refusal.value.sqlstate == "HJ001"
        assert owner.execute("SELECT count(*) FROM audit_event").fetchone() == (1,)


def test_0002_down_keeps_the_tenants(empty_db: TestDatabase) -> None:
    """Taking the trail away leaves the rows of the step before as they were."""
    runner.upgrade(empty_db.owner_url, "0002")
    found(empty_db, ALFA, "Alfa")
    append(empty_db, ALFA, 1)
    runner.downgrade(empty_db.owner_url, "0001")
    with empty_db.connect(empty_db.owner_url) as owner:
        assert owner.execute("SELECT id, name, created_at FROM tenant").fetchall() == [(ALFA, "Alfa", AT)]


def test_0003_lets_a_key_go_only_with_its_date(empty_db: TestDatabase) -> None:
    """A row without a key says when it was destroyed; a row with one was not."""
    runner.upgrade(empty_db.owner_url, "0003")
    found(empty_db, ALFA, "Alfa")
    insert = "INSERT INTO meeting_key VALUES (%s, %s, 1, %s, %s, %s)"
    with empty_db.connect(empty_db.owner_url) as owner:
        owner.execute("INSERT INTO tenant_key VALUES (%s, 1, 'file', %s, %s)", [ALFA, bytes(61), AT])
        owner.execute(insert, [uuid.uuid4(), ALFA, bytes(61), AT, None])
        owner.execute(insert, [uuid.uuid4(), ALFA, None, AT, AT])
        for wrapped, destroyed_at in ((None, None), (bytes(61), AT)):
            with pytest.raises(psycopg.errors.CheckViolation):
                owner.execute(insert, [uuid.uuid4(), ALFA, wrapped, AT, destroyed_at])


def test_0003_binds_a_meetings_key_to_a_key_of_its_tenant(empty_db: TestDatabase) -> None:
    """A meeting's key can't be wrapped under a key that is not there, or another tenant's."""
    runner.upgrade(empty_db.owner_url, "0003")
    found(empty_db, ALFA, "Alfa")
    found(empty_db, BETA, "Béta")
    with empty_db.connect(empty_db.owner_url) as owner:
        owner.execute("INSERT INTO tenant_key VALUES (%s, 1, 'file', %s, %s)", [ALFA, bytes(61), AT])
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            owner.execute(
                "INSERT INTO meeting_key VALUES (%s, %s, 1, %s, %s, NULL)", [uuid.uuid4(), BETA, bytes(61), AT]
            )


def test_0003_down_keeps_trail_and_tenants(empty_db: TestDatabase) -> None:
    """Taking the keys away leaves the steps before as they were."""
    runner.upgrade(empty_db.owner_url, "0003")
    found(empty_db, ALFA, "Alfa")
    append(empty_db, ALFA, 1)
    runner.downgrade(empty_db.owner_url, "0002")
    with empty_db.connect(empty_db.owner_url) as owner:
        assert owner.execute("SELECT count(*) FROM audit_event").fetchone() == (1,)
        assert owner.execute("SELECT count(*) FROM tenant").fetchone() == (1,)
