"""Nobody reads or writes another tenant's rows, by any table that the rooms have or will have.

The rows are made up from the catalogue: foreign keys and checks are switched off in a scratch database, so a table that
is added tomorrow is tested tomorrow without a line here.
"""

import uuid
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg import sql

from appliance.database.roles import DatabaseRole
from appliance.kernel.ids import TenantId
from tests.factories.database import TestDatabase

ROLES = (DatabaseRole.WEB, DatabaseRole.WORKER)
NOT_CONTENT = {
    "alembic_version": "the schema's revision",
    "rate_bucket": "counts attempts before anybody has signed in",
    "job_history": "how long steps took on this machine, for its estimates",
    "job_share": "how much of the machine each user had lately",
    "job_worker": "which workers live",
    "node": "which machines work for this one",
}
"""Tables without a tenant, each with its reason."""

OWNERS_VIEWS = {"job_line": "the line of waiting steps, over all tenants, for workers"}
"""Views that look with their owner's eyes, each with its reason; never for the web."""

QUEUE_TABLES = ("huey",)
"""Prefixes of the doorbell's tables: they hold job ids and nothing else."""

Connection = psycopg.Connection[tuple[Any, ...]]


def tables_with_tenant(connection: Connection) -> list[str]:
    rows = connection.execute(
        "SELECT relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY 1"
    )
    return [str(name) for (name,) in rows]


def all_tables(connection: Connection) -> list[str]:
    return [str(name) for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]


def may(connection: Connection, role: str, table: str, right: str) -> bool:
    asks = "has_table_privilege" if right == "DELETE" else "has_any_column_privilege"
    row = connection.execute(f"SELECT {asks}(%s, %s, %s)".encode(), [role, table, right]).fetchone()
    assert row is not None
    return bool(row[0])


def sees_all(connection: Connection, role: str, table: str) -> bool:
    """Whether a policy lets the role look over all tenants in this table on purpose."""
    row = connection.execute(
        "SELECT count(*) FROM pg_policies WHERE tablename = %s AND %s = ANY (roles) AND qual = 'true'", [table, role]
    ).fetchone()
    assert row is not None
    return bool(row[0])


def made_up_value(data_type: str, tenant_id: TenantId, column: str) -> object:
    if column == "tenant_id":
        return tenant_id
    made_up: dict[str, Callable[[], object]] = {
        "uuid": uuid.uuid4,
        "text": lambda: uuid.uuid4().hex,
        "character varying": lambda: uuid.uuid4().hex,
        "integer": lambda: uuid.uuid4().int % 10**6 + 1,
        "smallint": lambda: uuid.uuid4().int % 10**3 + 1,
        "bigint": lambda: uuid.uuid4().int % 10**9 + 1,
        "double precision": lambda: 0.5,
        "real": lambda: 0.5,
        "numeric": lambda: 1,
        "boolean": lambda: False,
        "bytea": lambda: uuid.uuid4().bytes * 2,
        "timestamp with time zone": lambda: "2026-03-02T12:00:00Z",
        "jsonb": lambda: "{}",
        "ARRAY": list,
        "tsvector": lambda: "",
        "inet": lambda: "127.0.0.1",
    }
    return made_up[data_type]()


def insert_row(connection: Connection, table: str, tenant_id: TenantId) -> None:
    columns = connection.execute(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'"
        " AND table_name = %s AND is_generated = 'NEVER' AND identity_generation IS NULL",
        [table],
    ).fetchall()
    names = sql.SQL(", ").join(sql.Identifier(str(name)) for name, _ in columns)
    values = [made_up_value(str(kind), tenant_id, str(name)) for name, kind in columns]
    places = sql.SQL(", ").join(sql.Placeholder() for _ in columns)
    connection.execute(sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(sql.Identifier(table), names, places), values)


@pytest.fixture
def filled(db: TestDatabase, found_tenant: Callable[[str], TenantId]) -> tuple[TenantId, TenantId]:
    """Two tenants, with a made-up row in every table for each."""
    tenants = found_tenant("Alfa"), found_tenant("Béta")
    with db.connect(db.superuser_url) as superuser:
        superuser.execute("SET session_replication_role = replica")
        checks = superuser.execute(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint"
            " WHERE contype = 'c' AND connamespace = 'public'::regnamespace AND conrelid <> 0"
        ).fetchall()
        for table, name in checks:
            superuser.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"'.encode())
        for table in tables_with_tenant(superuser):
            for tenant_id in tenants:
                insert_row(superuser, table, tenant_id)
    return tenants


def as_role(db: TestDatabase, role: DatabaseRole, tenant_id: TenantId | None) -> Connection:
    connection = db.connect(db.server.url(role, db.name))
    if tenant_id is not None:
        connection.execute("SELECT set_config('app.tenant', %s, false)", [str(tenant_id)])
    return connection


def test_every_table_is_protected_or_has_its_reason(db: TestDatabase) -> None:
    """A table has a tenant under forced row-level security, or it is on the list of those that hold no content."""
    with db.connect(db.superuser_url) as superuser:
        with_tenant = tables_with_tenant(superuser)
        unprotected = superuser.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
            " AND NOT (relrowsecurity AND relforcerowsecurity)"
        ).fetchall()
        names = {str(name) for (name,) in unprotected if not str(name).startswith(QUEUE_TABLES)}
        assert names <= set(NOT_CONTENT), "forced row-level security is missing"
        without = set(all_tables(superuser)) - set(with_tenant) - set(NOT_CONTENT) - {"tenant"}
        assert not {name for name in without if not name.startswith(QUEUE_TABLES)}, (
            "no column says whose rows these are"
        )
        nullable = superuser.execute(
            "SELECT relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'"
            " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT a.attnotnull"
        ).fetchall()
        assert nullable == []


def test_the_roles_have_no_way_past_the_policies(db: TestDatabase) -> None:
    """No BYPASSRLS, no SUPERUSER, no right to become one of the others."""
    with db.connect(db.superuser_url) as superuser:
        powers = superuser.execute(
            "SELECT rolname FROM pg_roles WHERE rolname LIKE 'hangjegyzet%' AND"
            " (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)"
        ).fetchall()
        members = superuser.execute(
            "SELECT 1 FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE r.rolname LIKE 'hangjegyzet%'"
        ).fetchall()
    assert powers == []
    assert members == []


@pytest.mark.parametrize("role", ROLES)
def test_rows_of_another_tenant_are_not_seen(
    db: TestDatabase, filled: tuple[TenantId, TenantId], role: DatabaseRole
) -> None:
    """In every table that the role may read, a transaction sees its own tenant's rows, and without one none."""
    ours, theirs = filled
    tried = 0
    with db.connect(db.superuser_url) as superuser:
        for table in tables_with_tenant(superuser):
            if not may(superuser, role, table, "SELECT") or sees_all(superuser, role, table):
                continue
            tried += 1
            query = sql.SQL("SELECT DISTINCT tenant_id FROM {}").format(sql.Identifier(table))
            with as_role(db, role, ours) as connection:
                seen = {value for (value,) in connection.execute(query)}
            assert seen == {ours}, f"{table} shows {'the rows of another tenant' if theirs in seen else 'nothing'}"
            with as_role(db, role, None) as connection:
                assert connection.execute(query).fetchall() == [], f"{table} shows rows to nobody"
    assert tried >= 4


@pytest.mark.parametrize("role", ROLES)
def test_rows_of_another_tenant_are_not_written(
    db: TestDatabase, filled: tuple[TenantId, TenantId], role: DatabaseRole
) -> None:
    """Neither changed nor removed nor planted, in any table that the role may write."""
    ours, theirs = filled
    tried = 0
    with db.connect(db.superuser_url) as superuser, as_role(db, role, ours) as connection:
        for table in tables_with_tenant(superuser):
            if sees_all(superuser, role, table):
                continue
            name = sql.Identifier(table)
            if may(superuser, role, table, "DELETE"):
                tried += 1
                gone = connection.execute(sql.SQL("DELETE FROM {} WHERE tenant_id = %s").format(name), [theirs])
                assert gone.rowcount == 0, f"{table} let the rows of another tenant be removed"
            if may(superuser, role, table, "INSERT"):
                tried += 1
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    insert_row(connection, table, theirs)
            updatable = superuser.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s"
                " AND has_column_privilege(%s, table_name::regclass, column_name, 'UPDATE')",
                [table, role.value],
            ).fetchall()
            if updatable:
                tried += 1
                column = sql.Identifier(str(updatable[0][0]))
                touch = sql.SQL("UPDATE {} SET {} = {} WHERE tenant_id = %s").format(name, column, column)
                assert connection.execute(touch, [theirs]).rowcount == 0, (
                    f"{table} let another tenant's rows be changed"
                )
    assert tried >= 4


def plant(db: TestDatabase, *, policy: str) -> None:
    """A table that somebody added, with a row of everybody's."""
    with db.connect(db.owner_url) as owner:
        owner.execute("CREATE TABLE planted (tenant_id uuid NOT NULL, word text NOT NULL)")
        owner.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON planted TO hangjegyzet_web, hangjegyzet_worker")
        owner.execute(policy.encode())
        owner.execute("INSERT INTO planted SELECT id, 'x' FROM tenant")


def test_a_table_without_protection_would_be_found(db: TestDatabase, filled: tuple[TenantId, TenantId]) -> None:
    """The tests above fail for a table whose author forgot the policy."""
    plant(db, policy="SELECT 1")
    with pytest.raises(AssertionError, match="missing"):
        test_every_table_is_protected_or_has_its_reason(db)
    with pytest.raises(AssertionError, match="planted shows the rows of another tenant"):
        test_rows_of_another_tenant_are_not_seen(db, filled, DatabaseRole.WEB)
    with pytest.raises(AssertionError, match="planted let the rows of another tenant be removed"):
        test_rows_of_another_tenant_are_not_written(db, filled, DatabaseRole.WEB)


def test_a_policy_that_forgets_writing_would_be_found(db: TestDatabase, filled: tuple[TenantId, TenantId]) -> None:
    """Reading one's own rows and planting into another's is the mistake that WITH CHECK is there for."""
    plant(
        db,
        policy="ALTER TABLE planted ENABLE ROW LEVEL SECURITY;"
        " CREATE POLICY reading ON planted FOR SELECT USING"
        " (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);"
        " CREATE POLICY planting ON planted FOR INSERT WITH CHECK (true)",
    )
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        test_rows_of_another_tenant_are_not_written(db, filled, DatabaseRole.WEB)


def test_the_table_of_tenants_shows_the_web_its_own_row(db: TestDatabase, filled: tuple[TenantId, TenantId]) -> None:
    """Who else uses this appliance is nobody's business; workers look for work over all."""
    ours, theirs = filled
    with as_role(db, DatabaseRole.WEB, ours) as connection:
        assert connection.execute("SELECT id FROM tenant").fetchall() == [(ours,)]
    with as_role(db, DatabaseRole.WORKER, None) as connection:
        assert {value for (value,) in connection.execute("SELECT id FROM tenant")} == {ours, theirs}


def test_views_look_with_the_eyes_of_their_reader(db: TestDatabase) -> None:
    """A view shows what its owner sees, which is everything, unless it says otherwise."""
    with db.connect(db.superuser_url) as superuser:
        views = superuser.execute(
            "SELECT relname, has_table_privilege('hangjegyzet_web', oid, 'SELECT') FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm')"
            " AND NOT coalesce('security_invoker=true' = ANY (reloptions), false)"
        ).fetchall()
    assert {name for name, _ in views} <= set(OWNERS_VIEWS)
    assert [name for name, for_web in views if for_web] == []


def test_functions_with_the_owners_rights_pin_their_search_path(db: TestDatabase) -> None:
    """A SECURITY DEFINER function without a fixed search_path can be led to a caller's objects."""
    with db.connect(db.superuser_url) as superuser:
        loose = superuser.execute(
            "SELECT proname FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace"
            " AND NOT EXISTS (SELECT 1 FROM unnest(proconfig) setting WHERE setting LIKE 'search_path=%')"
        ).fetchall()
        open_to_all = superuser.execute(
            "SELECT proname FROM pg_proc p WHERE prosecdef AND pronamespace = 'public'::regnamespace"
            " AND (proacl IS NULL OR EXISTS (SELECT 1 FROM aclexplode(p.proacl) WHERE grantee = 0))"
        ).fetchall()
    assert loose == []
    assert open_to_all == []
