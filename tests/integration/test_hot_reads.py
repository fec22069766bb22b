"""Hot reads on a real PostgreSQL: one journey, one tenant, nothing written, nothing left behind."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from appliance.adapters.postgres import EmbeddedServer
from appliance.database.engine import Database
from appliance.database.errors import DatabaseUnavailable
from appliance.database.reads import Question, limited
from appliance.kernel.ids import TenantId
from tests.factories.database import TestDatabase, kill_server

NAMES = Question("SELECT name FROM tenant ORDER BY name")
BACKEND = Question("SELECT pg_backend_pid()")
SNAPSHOT = Question("SELECT current_setting('app.tenant'), current_setting('transaction_read_only'), now()")
TENANT_SEEN = Question("SELECT coalesce(current_setting('app.tenant', true), ''), (SELECT count(*) FROM tenant)")


@pytest.fixture
def narrow(db: TestDatabase) -> Iterator[Database]:
    """A database with a single connection for hot reads: whoever comes next gets the same one."""
    database = Database(db.web_url, pool_size=1)
    yield database
    database.dispose()


def terminate(db: TestDatabase, pid: int) -> None:
    with db.connect(db.superuser_url) as superuser:
        superuser.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


def test_questions_see_the_rows_of_their_tenant_alone(
    narrow: Database, found_tenant: Callable[[str], TenantId]
) -> None:
    """Two tenants take turns on one connection and never see one another."""
    first, second = found_tenant("Alfa"), found_tenant("Béta")
    for _ in range(3):
        assert narrow.ask(first, NAMES) == [[("Alfa",)]]
        assert narrow.ask(second, NAMES) == [[("Béta",)]]


def test_the_next_question_starts_without_a_tenant(narrow: Database, tenant: TenantId) -> None:
    """The tenant ends with the journey, after an answer as after an error."""
    narrow.ask(tenant, NAMES)
    assert narrow.call(TENANT_SEEN) == [("", 0)]
    with pytest.raises(psycopg.errors.DivisionByZero):
        narrow.ask(tenant, NAMES, Question("SELECT 1 / 0"))
    assert narrow.call(TENANT_SEEN) == [("", 0)]


def test_all_questions_of_a_journey_are_one_transaction(narrow: Database, tenant: TenantId) -> None:
    """The later ones are bound and read-only as the first one is, and share its time."""
    first, second = narrow.ask(tenant, SNAPSHOT, SNAPSHOT)
    assert first == second
    assert first[0][:2] == (str(tenant), "on")


def test_a_statement_is_planned_once_and_not_for_every_value(narrow: Database, tenant: TenantId) -> None:
    """On every connection, those included that take the place of dead ones."""
    mode = Question("SELECT current_setting('plan_cache_mode')")
    assert narrow.ask(tenant, mode) == [[("force_generic_plan",)]]
    assert narrow.ask(tenant, Question(limited("SELECT n FROM generate_series(1, 9) n", 2))) == [[(1,), (2,)]]


def test_a_hot_read_cannot_write(db: TestDatabase, tenant: TenantId) -> None:
    """PostgreSQL refuses it, whatever the role may do elsewhere."""
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        db.owner.ask(tenant, Question("UPDATE tenant SET name = 'Gamma'"))
    assert db.web.ask(tenant, NAMES) == [[("Kékfa Egyesület",)]]


def test_values_travel_as_values(db: TestDatabase, tenant: TenantId) -> None:
    """What somebody typed is never read as SQL, and comes back as it was."""
    typed = "'; DROP TABLE tenant; --"
    assert db.web.ask(tenant, Question("SELECT %(typed)s::text", {"typed": typed})) == [[(typed,)]]


def test_a_read_outlives_its_connection(db: TestDatabase, narrow: Database, tenant: TenantId) -> None:
    """A connection that died while it rested costs nobody an error."""
    ((pid,),) = narrow.call(BACKEND)
    terminate(db, pid)
    assert narrow.ask(tenant, NAMES) == [[("Kékfa Egyesület",)]]


def test_reads_survive_a_killed_server(scratch: Path, postgres_bin_dir: Path) -> None:
    """After kill -9 of the server and its restart, the same Database object answers at once."""
    server = EmbeddedServer(scratch / "killed", bin_dir=postgres_bin_dir, durable=False)
    with server.running():
        database = Database(server.superuser_url())
        database.call(BACKEND)
        kill_server(server)
        server.ensure()
        assert database.call(Question("SELECT 1")) == [(1,)]
        database.dispose()


def test_a_server_that_is_gone_is_told_plainly(scratch: Path) -> None:
    """The same error as by every other way in."""
    nowhere = Database(f"postgresql+psycopg://nobody@/nothing?host={scratch}")
    with pytest.raises(DatabaseUnavailable):
        nowhere.call(Question("SELECT 1"))
