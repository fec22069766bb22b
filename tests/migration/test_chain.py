"""The whole chain: up, down, and the same as what the code expects."""

import importlib
import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, create_engine, inspect, pool
from sqlmodel import SQLModel

from appliance.migrations import runner
from appliance.migrations.comparison import NOT_MODELLED, compare_type, include_object
from appliance.migrations.models import import_tables
from tests.factories.database import TestDatabase

VERSIONS = sorted(path.stem for path in (runner.FOLDER / "versions").glob("0*.py"))

CATALOGUE = """
SELECT 'column', table_name || '.' || column_name, concat_ws(' ', data_type, is_nullable, column_default)
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'constraint', conrelid::regclass::text || '.' || conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'policy', tablename || '.' || policyname, concat_ws(' ', roles, cmd, qual, with_check)
FROM pg_policies WHERE schemaname = 'public'
UNION ALL SELECT 'grant', table_name || ' ' || grantee, privilege_type
FROM information_schema.role_table_grants WHERE table_schema = 'public' AND grantee LIKE 'hangjegyzet%'
UNION ALL SELECT 'function', p.oid::regprocedure::text, md5(pg_get_functiondef(p.oid)) || coalesce(proacl::text, '')
FROM pg_proc p WHERE pronamespace = 'public'::regnamespace
UNION ALL SELECT 'trigger', tgrelid::regclass::text || '.' || tgname, pg_get_triggerdef(oid)
FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'type', t.typname, t.typtype::text
FROM pg_type t WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd')
"""


def catalogue(db: TestDatabase) -> set[tuple[object, ...]]:
    """All that migrations make, in words."""
    with db.connect(db.superuser_url) as superuser:
        return set(superuser.execute(CATALOGUE).fetchall())


def test_the_chain_has_one_end_and_no_gap() -> None:
    """Revisions follow their file names, one after the other."""
    assert runner.revisions() == [name.split("_")[0] for name in VERSIONS]


@pytest.mark.parametrize("name", VERSIONS)
def test_a_migration_says_what_it_locks_and_for_how_long(name: str) -> None:
    """The operator reads it before the upgrade."""
    module = importlib.import_module(f"appliance.migrations.versions.{name}")
    assert module.__doc__ is not None
    assert "Locks:" in module.__doc__
    assert "Duration:" in module.__doc__


def test_migrations_do_not_lean_on_live_models() -> None:
    """A migration of today must do the same in a year, whatever the rooms look like then."""
    imports = [
        f"{path.name}: {line.strip()}"
        for path in (runner.FOLDER / "versions").glob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith(("from appliance", "import appliance")) and "appliance.migrations" not in line
    ]
    assert imports == []


def test_every_step_can_be_taken_back(empty_db: TestDatabase) -> None:
    """Down from each revision restores exactly what was there before it, and up again makes the same once more."""
    seen = [catalogue(empty_db)]
    for revision in runner.revisions():
        runner.upgrade(empty_db.owner_url, revision)
        seen.append(catalogue(empty_db))
    for earlier, revision in zip(reversed(seen[1:-1]), reversed(runner.revisions()[:-1]), strict=True):
        runner.downgrade(empty_db.owner_url, revision)
        assert catalogue(empty_db) == earlier, f"the way down to {revision} leaves something else behind"
    runner.downgrade(empty_db.owner_url, "base")
    left = {row for row in catalogue(empty_db) if "alembic_version" not in str(row)}
    assert left == seen[0]
    runner.upgrade(empty_db.owner_url)
    assert catalogue(empty_db) == seen[-1]


def test_the_schema_is_what_the_models_say(db: TestDatabase) -> None:
    """Tables, columns, types, indexes and keys of the migrated database equal those of the rooms' tables."""
    import_tables()
    engine = create_engine(db.owner_url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": compare_type, "include_object": include_object}
        )
        differences = compare_metadata(context, SQLModel.metadata)
    assert differences == [], "\n".join(str(difference) for difference in differences)


def test_checks_of_the_models_are_in_the_database(db: TestDatabase) -> None:
    """Alembic does not compare CHECK constraints: what a model promises, the database must keep."""
    import_tables()
    engine = create_engine(db.owner_url, poolclass=pool.NullPool)
    inspector = inspect(engine)
    wanted = {
        (table.name, str(constraint.name))
        for table in SQLModel.metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    }
    found = {
        (table, str(check["name"]))
        for table in inspector.get_table_names()
        if not table.startswith(NOT_MODELLED)
        for check in inspector.get_check_constraints(table)
    }
    assert wanted - found == set()


def test_two_upgrades_at_the_same_time_do_not_meet(empty_db: TestDatabase) -> None:
    """Two services that start together both migrate; one waits for the other."""
    program = "import sys; from appliance.migrations import runner; runner.upgrade(sys.argv[1])"
    children = [subprocess.Popen([sys.executable, "-c", program, empty_db.owner_url]) for _ in range(3)]
    assert [child.wait(timeout=120) for child in children] == [0, 0, 0]
    assert runner.current(empty_db.web_url) == runner.head()


def test_the_migrations_are_shipped() -> None:
    """Alembic finds its folder in the installed package, wherever we stand."""
    assert (runner.FOLDER / "env.py").is_file()
    assert runner.head() == runner.revisions()[-1]
