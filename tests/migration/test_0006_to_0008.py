"""Meetings, the search index and the outbox, with rows in them, up and down."""

import uuid
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from appliance.migrations import runner
from tests.factories.database import TestDatabase

AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ALFA, BETA = uuid.uuid4(), uuid.uuid4()
MEETING, RECORDING_BLOB = uuid.uuid4(), "0190a1b2"


def owner_runs(db: TestDatabase, statement: str, *values: Any) -> Any:
    """The first column of the first row, if there is one."""
    with db.connect(db.owner_url) as owner:
        cursor = owner.execute(statement, values)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def with_a_meeting(db: TestDatabase) -> None:
    """Two organisations, one of which has a meeting with everything that hangs on it."""
    for tenant, name in ((ALFA, "Alfa"), (BETA, "Béta")):
        owner_runs(db, "INSERT INTO tenant VALUES (%s, %s, %s)", tenant, name, AT)
    owner_runs(
        db,
        "INSERT INTO meeting (id, tenant_id, title_sealed, created_at) VALUES (%s, %s, '\\x00', %s)",
        MEETING,
        ALFA,
        AT,
    )
    owner_runs(
        db,
        "INSERT INTO recording (meeting_id, tenant_id, blob, filename_sealed, size_bytes)"
        " VALUES (%s, %s, %s, '\\x00', 1)",
        MEETING,
        ALFA,
        RECORDING_BLOB,
    )
    owner_runs(
        db,
        "INSERT INTO sealed_document VALUES (%s, 'transcript', %s, 1, '\\x00', %s)",
        MEETING,
        ALFA,
        AT,
    )


def an_upload(db: TestDatabase, *, size: int, offset: int, tenant: uuid.UUID = ALFA, done: bool = False) -> None:
    """An upload that has got so far."""
    owner_runs(
        db,
        "INSERT INTO upload (id, tenant_id, meeting_id, blob, filename_sealed, title_sealed, size_bytes, offset_bytes,"
        " created_at, expires_at, job_id) VALUES (%s, %s, %s, %s, '\\x00', '\\x00', %s, %s, %s, %s, %s)",
        uuid.uuid4(),
        tenant,
        uuid.uuid4(),
        uuid.uuid4().hex,
        size,
        offset,
        AT,
        AT,
        uuid.uuid4() if done else None,
    )


def test_0006_takes_documents_along_with_their_meeting(empty_db: TestDatabase) -> None:
    """Nothing of a meeting outlives its row."""
    runner.upgrade(empty_db.owner_url, "0006")
    with_a_meeting(empty_db)
    owner_runs(empty_db, "DELETE FROM meeting WHERE id = %s", MEETING)
    for table in ("recording", "sealed_document"):
        assert owner_runs(empty_db, f"SELECT count(*) FROM {table}") == 0


def test_0006_keeps_an_offset_within_its_file(empty_db: TestDatabase) -> None:
    """No program can claim more bytes than there are to come."""
    runner.upgrade(empty_db.owner_url, "0006")
    with_a_meeting(empty_db)
    for offset in (-1, 101):
        with pytest.raises(psycopg.errors.CheckViolation):
            an_upload(empty_db, size=100, offset=offset)


def test_0006_counts_what_open_uploads_of_all_tenants_need(empty_db: TestDatabase) -> None:
    """The portal learns the sum without a tenant, and still sees no upload of another."""
    runner.upgrade(empty_db.owner_url, "0006")
    with_a_meeting(empty_db)
    an_upload(empty_db, size=100, offset=40)
    an_upload(empty_db, size=1000, offset=0, tenant=BETA)
    an_upload(empty_db, size=5000, offset=5000, done=True)
    with empty_db.connect(empty_db.web_url) as web:
        assert web.execute("SELECT open_upload_bytes()").fetchone() == (1060,)
        assert web.execute("SELECT count(*) FROM upload").fetchone() == (0,)
    with empty_db.connect(empty_db.worker_url) as worker, pytest.raises(psycopg.errors.InsufficientPrivilege):
        worker.execute("SELECT open_upload_bytes()")


def test_0006_down_keeps_what_was_there_before(empty_db: TestDatabase) -> None:
    """The tenants stay; up again starts without meetings."""
    runner.upgrade(empty_db.owner_url, "0006")
    with_a_meeting(empty_db)
    runner.downgrade(empty_db.owner_url, "0005")
    assert owner_runs(empty_db, "SELECT count(*) FROM tenant") == 2
    runner.upgrade(empty_db.owner_url, "0006")
    assert owner_runs(empty_db, "SELECT count(*) FROM meeting") == 0


def test_0007_answers_for_the_tenant_of_the_transaction_alone(empty_db: TestDatabase) -> None:
    """The function runs as the owner, who sees everything: it must state the tenant itself."""
    runner.upgrade(empty_db.owner_url, "0007")
    with_a_meeting(empty_db)
    tokens = "INSERT INTO segment_lexemes VALUES (%s, 3, %s, array_to_tsvector(ARRAY['abc']))"
    owner_runs(empty_db, tokens, MEETING, ALFA)
    ask = "SELECT meeting_id, segment_id FROM find_segments('abc'::tsquery, %s, %s, 10)"
    with empty_db.connect(empty_db.web_url) as web:
        for tenant, reader, sees_all, expected in (
            (ALFA, None, True, [(MEETING, 3)]),
            (ALFA, uuid.uuid4(), False, []),
            (BETA, None, True, []),
            ("", None, True, []),
        ):
            web.execute("SELECT set_config('app.tenant', %s, false)", [str(tenant)])
            assert web.execute(ask, [reader, sees_all]).fetchall() == expected


def test_0007_down_keeps_the_meetings(empty_db: TestDatabase) -> None:
    """The index goes, and can be made again from the transcripts."""
    runner.upgrade(empty_db.owner_url, "0007")
    with_a_meeting(empty_db)
    runner.downgrade(empty_db.owner_url, "0006")
    assert owner_runs(empty_db, "SELECT count(*) FROM sealed_document") == 1


def test_0008_owes_a_message_once_per_job_and_kind(empty_db: TestDatabase) -> None:
    """Whatever a step does twice, its owner hears once; down and up again owes nothing."""
    runner.upgrade(empty_db.owner_url, "0008")
    with_a_meeting(empty_db)
    job = uuid.uuid4()
    post = (
        "INSERT INTO outbox (id, tenant_id, kind, meeting_id, job_id, created_at)"
        " VALUES (%s, %s, 'meeting_ready', %s, %s, %s)"
    )
    owner_runs(empty_db, post, uuid.uuid4(), ALFA, MEETING, job, AT)
    with pytest.raises(psycopg.errors.UniqueViolation):
        owner_runs(empty_db, post, uuid.uuid4(), ALFA, MEETING, job, AT)
    runner.downgrade(empty_db.owner_url, "0007")
    runner.upgrade(empty_db.owner_url, "0008")
    assert owner_runs(empty_db, "SELECT count(*) FROM outbox") == 0
    assert owner_runs(empty_db, "SELECT count(*) FROM meeting") == 1
