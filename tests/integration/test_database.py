"""Transactions on a real PostgreSQL."""

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from appliance.adapters.postgres import EmbeddedServer
from appliance.database.engine import Database, Tx
from appliance.database.errors import DatabaseUnavailable, DataDamaged, NotInitialised, SchemaBehind, SchemaUnknown
from appliance.database.roles import DatabaseRole
from appliance.kernel.ids import TenantId
from appliance.migrations import runner
from appliance.migrations.readiness import require_ready
from tests.factories.database import TestDatabase, kill_server


def visible(database: Database, tenant_id: TenantId | None) -> list[str]:
    with database.reading(tenant_id) as tx:
        return list(tx.execute(text("SELECT name FROM tenant ORDER BY name")).scalars())


def work_through_a_cut(db: TestDatabase, tx: Tx) -> None:
    pid = tx.execute(text("SELECT pg_backend_pid()")).scalar_one()
    with db.connect(db.superuser_url) as superuser:
        superuser.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    tx.execute(text("SELECT 1"))


def fail_after(_done: object) -> None:
    raise RuntimeError


def test_a_transaction_sees_its_own_tenant(db: TestDatabase, found_tenant: Callable[[str], TenantId]) -> None:
    """Whose transaction it is decides what it sees; nobody's sees nothing."""
    first, second = found_tenant("Alfa"), found_tenant("Béta")
    assert visible(db.web, first) == ["Alfa"]
    assert visible(db.web, second) == ["Béta"]
    assert visible(db.web, None) == []


def test_a_pooled_connection_forgets_the_tenant(db: TestDatabase, tenant: TenantId) -> None:
    """The next user of a connection starts without the last one's tenant, whether that committed or failed."""
    narrow = Database(db.web_url, pool_size=1)
    with narrow.transaction(tenant) as tx:
        connection = tx.execute(text("SELECT pg_backend_pid()")).scalar_one()
    with pytest.raises(RuntimeError), narrow.transaction(tenant) as tx:
        fail_after(tx.execute(text("SELECT 1")))
    with narrow.reading(None) as tx:
        assert tx.execute(text("SELECT pg_backend_pid()")).scalar_one() == connection
        assert tx.execute(text("SELECT count(*) FROM tenant")).scalar_one() == 0
    narrow.dispose()


def test_a_session_that_goes_on_after_a_commit_stays_bound(db: TestDatabase, tenant: TenantId) -> None:
    """A commit in the middle does not open the session to nobody's or everybody's rows."""
    with db.web.transaction(tenant) as tx:
        tx.commit()
        assert tx.execute(text("SELECT count(*) FROM tenant")).scalar_one() == 1


def test_an_error_rolls_everything_back(db: TestDatabase, tenant: TenantId) -> None:
    """A use case that fails leaves no trace."""
    with pytest.raises(RuntimeError), db.owner.transaction(tenant) as tx:
        fail_after(tx.execute(text("UPDATE tenant SET name = 'Gamma'")))
    assert visible(db.web, tenant) == ["Kékfa Egyesület"]


def test_a_reading_transaction_cannot_write(db: TestDatabase, tenant: TenantId) -> None:
    """PostgreSQL itself refuses."""
    with pytest.raises(DBAPIError, match="read-only"), db.owner.reading(tenant) as tx:
        tx.execute(text("UPDATE tenant SET name = 'Gamma'"))


def test_registered_acts_run_in_order_and_before_the_commit(db: TestDatabase, tenant: TenantId) -> None:
    """What is registered for the end, also by an act of the end, runs once, in this transaction."""
    seen: list[object] = []
    with db.owner.transaction(tenant) as tx:
        tx.before_commit(lambda: tx.before_commit(lambda: seen.append(visible(db.web, tenant))))
        tx.before_commit(lambda: seen.append("second"))
        tx.execute(text("UPDATE tenant SET name = 'Gamma'"))
    assert seen == ["second", ["Kékfa Egyesület"]]
    assert visible(db.web, tenant) == ["Gamma"]


def test_a_last_act_comes_after_everything_else(db: TestDatabase, tenant: TenantId) -> None:
    """Also after what is registered later, or by the others: it takes the lock that everybody needs."""
    seen: list[str] = []
    with db.web.transaction(tenant) as tx:
        tx.as_last_act(lambda: seen.append("last"))
        tx.before_commit(lambda: tx.before_commit(lambda: seen.append("third")))
        tx.before_commit(lambda: seen.append("second"))
    assert seen == ["second", "third", "last"]


def test_registered_acts_do_not_run_after_an_error(db: TestDatabase, tenant: TenantId) -> None:
    """A failed use case has no end to act at."""
    seen: list[str] = []
    with pytest.raises(RuntimeError), db.owner.transaction(tenant) as tx:
        fail_after(tx.before_commit(lambda: seen.append("ran")))
    assert seen == []


def test_values_stay_out_of_error_messages(db: TestDatabase, tenant: TenantId) -> None:
    """Parameters of a failed statement may be content; they are not shown."""
    with pytest.raises(DBAPIError) as failure, db.web.transaction(tenant) as tx:
        tx.execute(text("SELECT CAST(:word AS integer) / 0 WHERE :word = :word"), {"word": "titkosszó"})
    assert "parameters hidden" in str(failure.value)


def test_a_cut_connection_is_told_as_unavailable(db: TestDatabase, tenant: TenantId) -> None:
    """A server that goes away in the middle is an error that workers try again, and the pool recovers."""
    with pytest.raises(DatabaseUnavailable), db.web.transaction(tenant) as tx:
        work_through_a_cut(db, tx)
    assert visible(db.web, tenant) == ["Kékfa Egyesület"]


def test_a_server_that_is_not_there_is_told_as_unavailable(scratch: Path) -> None:
    """No server at the address: the same error, by every way in."""
    nowhere = Database(f"postgresql+psycopg://nobody@/nothing?host={scratch}")
    with pytest.raises(DatabaseUnavailable), nowhere.transaction(None) as tx:
        tx.execute(text("SELECT 1"))
    with pytest.raises(DatabaseUnavailable):
        nowhere.raw_connection()


def test_a_database_that_was_never_made_is_told_as_such(postgres_server: EmbeddedServer) -> None:
    """The remedy is another one than for a server that is down."""
    missing = Database(postgres_server.url(DatabaseRole.WEB, "no_such_database"))
    with pytest.raises(NotInitialised), missing.transaction(None) as tx:
        tx.execute(text("SELECT 1"))


def test_damaged_data_is_told_as_such(db: TestDatabase) -> None:
    """A page that fails its checksum is no reason to try again, but to stop."""
    damage = "DO $$ BEGIN RAISE EXCEPTION 'invalid page in block 7' USING ERRCODE = 'data_corrupted'; END $$"
    with pytest.raises(DataDamaged, match="block 7"), db.web.transaction(None) as tx:
        tx.execute(text(damage))


def test_a_mistake_in_a_statement_is_not_told_as_unavailable(db: TestDatabase) -> None:
    """Errors of ours are not tried again."""
    with pytest.raises(DBAPIError), db.web.transaction(None) as tx:
        tx.execute(text("SELECT no_such_column"))


def test_the_pool_survives_a_killed_server(scratch: Path, postgres_bin_dir: Path) -> None:
    """After kill -9 of the server and its restart, the same Database object works on."""
    server = EmbeddedServer(scratch / "killed", bin_dir=postgres_bin_dir, durable=False)
    with server.running():
        database = Database(server.superuser_url())
        with database.reading(None) as tx:
            tx.execute(text("SELECT 1"))
        kill_server(server)
        server.ensure()
        with database.reading(None) as tx:
            assert tx.execute(text("SELECT 1")).scalar_one() == 1
        database.dispose()


def test_a_process_starts_on_the_schema_of_its_release(db: TestDatabase, empty_db: TestDatabase) -> None:
    """Missing migrations are told with the command that runs them."""
    require_ready(db.web)
    with pytest.raises(SchemaBehind) as refusal:
        require_ready(empty_db.web)
    assert "hangjegyzet db migrate" in refusal.value.remedy


def test_a_schema_of_a_newer_release_is_not_touched(db: TestDatabase) -> None:
    """An older release does not guess what a newer one meant."""
    with db.connect(db.owner_url) as owner:
        owner.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaUnknown):
        require_ready(db.worker)
    assert runner.current(db.web_url) == "9999"


def test_a_raw_connection_is_its_callers(db: TestDatabase) -> None:
    """For LISTEN: outside the pool, in autocommit mode."""
    connection = db.worker.raw_connection()
    assert isinstance(connection, psycopg.Connection)
    assert connection.autocommit
    connection.close()
