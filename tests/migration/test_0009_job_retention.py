"""The right to forget jobs, with jobs in the table, up and down."""

import psycopg
import pytest

from appliance.migrations import runner
from tests.factories.database import TestDatabase
from tests.migration.test_0005_jobs import with_a_job

FORGET = "DELETE FROM job"


def left(db: TestDatabase) -> tuple[int, int]:
    """How many jobs and steps there are."""
    with db.connect(db.owner_url) as owner:
        row = owner.execute("SELECT (SELECT count(*) FROM job), (SELECT count(*) FROM job_step)").fetchone()
    assert row is not None
    return row  # type: ignore[return-value]  # two numbers


def forget(db: TestDatabase, url: str) -> None:
    with db.connect(url) as connection:
        connection.execute(FORGET)


def test_0009_lets_workers_and_nobody_else_forget(empty_db: TestDatabase) -> None:
    """A job goes with its steps, for workers; the web process may not, before or after."""
    runner.upgrade(empty_db.owner_url, "0009")
    with_a_job(empty_db)
    assert min(left(empty_db)) > 0
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        forget(empty_db, empty_db.web_url)
    forget(empty_db, empty_db.worker_url)
    assert left(empty_db) == (0, 0)


def test_0009_keeps_every_job_both_ways(empty_db: TestDatabase) -> None:
    """Going up and down changes rights and an index, and no row."""
    runner.upgrade(empty_db.owner_url, "0008")
    with_a_job(empty_db)
    before = left(empty_db)
    runner.upgrade(empty_db.owner_url, "0009")
    runner.downgrade(empty_db.owner_url, "0008")
    assert left(empty_db) == before
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        forget(empty_db, empty_db.worker_url)
