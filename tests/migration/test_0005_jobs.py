"""The migration of jobs, with a job in it."""

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from appliance.kernel.ids import new_uuid
from appliance.migrations import runner
from tests.factories.database import TestDatabase

AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ALFA, BETA, JOB = new_uuid(), new_uuid(), new_uuid()

JOB_ROW = """
INSERT INTO job (id, tenant_id, kind, state, priority, options, created_at)
VALUES (%(id)s, %(tenant)s, 'recording', %(state)s, %(priority)s, '{}', %(at)s)
"""
STEP_ROW = """
INSERT INTO job_step (job_id, name, tenant_id, position, kind, queue, needs, priority, owner_key, state, dirty, attempt,
                      tries, losses, ready_at, worker, lease_expires_at, after_undo, progress, progress_from, resumed)
VALUES (%(job)s, 'validate', %(tenant)s, 0, 'recording', 'general', '{}', 0, %(tenant)s, %(state)s, false, 0,
        0, 0, %(ready_at)s, %(worker)s, %(expires)s, %(after_undo)s, %(progress)s, 0, false)
"""
JOB_VALUES: dict[str, Any] = {"id": JOB, "tenant": ALFA, "state": "queued", "priority": 0, "at": AT}
STEP_VALUES: dict[str, Any] = {
    "job": JOB,
    "tenant": ALFA,
    "state": "ready",
    "ready_at": AT,
    "worker": None,
    "expires": None,
    "after_undo": None,
    "progress": 0,
}


def with_a_job(db: TestDatabase) -> None:
    """Two organisations; one of them has a job that waits."""
    with db.connect(db.owner_url) as owner:
        for tenant, name in ((ALFA, "Alfa"), (BETA, "Béta")):
            owner.execute("INSERT INTO tenant (id, name, created_at) VALUES (%s, %s, %s)", (tenant, name, AT))
        owner.execute(JOB_ROW.encode(), JOB_VALUES)
        owner.execute(STEP_ROW.encode(), STEP_VALUES)
        owner.execute("INSERT INTO huey_task (queue, data) VALUES ('general', 'x')")


def as_tenant(db: TestDatabase, url: str, tenant: object, statement: str) -> list[tuple[object, ...]]:
    with db.connect(url) as connection, connection.transaction():
        connection.execute("SELECT set_config('app.tenant', %s, true)", (str(tenant),))
        return connection.execute(statement.encode()).fetchall()


def test_going_down_takes_jobs_away_and_leaves_the_rest(empty_db: TestDatabase) -> None:
    """And up again makes the same empty tables."""
    runner.upgrade(empty_db.owner_url, "0005")
    with_a_job(empty_db)
    runner.downgrade(empty_db.owner_url, "0004")
    with empty_db.connect(empty_db.owner_url) as owner:
        assert owner.execute("SELECT count(*) FROM tenant").fetchone() == (2,)
        gone = "SELECT to_regclass('job'), to_regclass('huey_task'), to_regclass('job_line'), to_regproc('job_places')"
        assert owner.execute(gone).fetchone() == (None, None, None, None)
    runner.upgrade(empty_db.owner_url, "0005")
    with empty_db.connect(empty_db.owner_url) as owner:
        assert owner.execute("SELECT count(*) FROM job_step").fetchone() == (0,)


def test_a_tenant_sees_its_own_place_and_nobody_elses_job(empty_db: TestDatabase) -> None:
    """The line counts everybody, and shows each only what is theirs."""
    runner.upgrade(empty_db.owner_url, "0005")
    with_a_job(empty_db)
    for statement in ("SELECT id FROM job", "SELECT job_id FROM job_step", "SELECT job_id FROM job_places()"):
        assert as_tenant(empty_db, empty_db.web_url, ALFA, statement) == [(JOB,)]
        assert as_tenant(empty_db, empty_db.web_url, BETA, statement) == []


@pytest.mark.parametrize(
    "statement",
    ["SELECT * FROM job_line", "SELECT * FROM huey_task", "SELECT * FROM job_checkpoint", "DELETE FROM job"],
)
def test_the_portal_may_not_do_what_only_workers_do(empty_db: TestDatabase, statement: str) -> None:
    """Whoever takes the portal over sees no line, no queue and no checkpoint, and removes no job."""
    runner.upgrade(empty_db.owner_url, "0005")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_tenant(empty_db, empty_db.web_url, ALFA, statement)


def test_a_worker_finds_work_of_every_tenant(empty_db: TestDatabase) -> None:
    """Workers look for work before they know whose it is; content stays behind the tenant's wall."""
    runner.upgrade(empty_db.owner_url, "0005")
    with_a_job(empty_db)
    with empty_db.connect(empty_db.owner_url) as owner:
        owner.execute(
            "INSERT INTO job_checkpoint (job_id, step, tenant_id, attempt, sealed, saved_at)"
            " VALUES (%s, 'validate', %s, 1, '', %s)",
            (JOB, ALFA, AT),
        )
    with empty_db.connect(empty_db.worker_url) as worker:
        assert worker.execute("SELECT job_id FROM job_line").fetchall() == [(JOB,)]
        assert worker.execute("SELECT job_id FROM job_checkpoint").fetchall() == []


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "asleep"},
        {"state": "running"},
        {"worker": "somebody", "expires": AT},
        {"ready_at": None},
        {"state": "undo_ready"},
        {"progress": 1.5},
    ],
    ids=[
        "unknown state",
        "running without a lease",
        "a lease without running",
        "ready since never",
        "undo to nothing",
        "150 %",
    ],
)
def test_the_database_itself_refuses_impossible_steps(empty_db: TestDatabase, changes: dict[str, Any]) -> None:
    """Whatever a program gets wrong: a step is held exactly while it runs, and knows what it becomes."""
    runner.upgrade(empty_db.owner_url, "0005")
    with_a_job(empty_db)
    with empty_db.connect(empty_db.owner_url) as owner:
        owner.execute("DELETE FROM job_step")
        with pytest.raises(psycopg.errors.CheckViolation):
            owner.execute(STEP_ROW.encode(), {**STEP_VALUES, **changes})


@pytest.mark.parametrize("changes", [{"state": "failed"}, {"priority": 11}, {"state": "?"}])
def test_the_database_itself_refuses_impossible_jobs(empty_db: TestDatabase, changes: dict[str, Any]) -> None:
    """No job fails without saying why."""
    runner.upgrade(empty_db.owner_url, "0005")
    with_a_job(empty_db)
    with empty_db.connect(empty_db.owner_url) as owner, pytest.raises(psycopg.errors.CheckViolation):
        owner.execute(JOB_ROW.encode(), {**JOB_VALUES, "id": new_uuid(), **changes})
