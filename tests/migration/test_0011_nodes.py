"""The registry of machines, with a machine in it, up and down."""

from appliance.migrations import runner
from tests.factories.database import TestDatabase
from tests.migration.test_0006_to_0008 import owner_runs, with_a_meeting


def test_0011_brings_the_registry_and_takes_it_away(empty_db: TestDatabase) -> None:
    """Meetings are not touched either way; machines have to join again after a return."""
    runner.upgrade(empty_db.owner_url, "0010")
    with_a_meeting(empty_db)
    runner.upgrade(empty_db.owner_url, "0011")
    owner_runs(
        empty_db,
        "INSERT INTO node (id, name, address, state, host, invited_at)"
        " VALUES (gen_random_uuid(), 'lathe', '10.0.0.2', 'invited', '', now())",
    )
    assert owner_runs(empty_db, "SELECT name FROM node") == "lathe"
    runner.downgrade(empty_db.owner_url, "0010")
    assert owner_runs(empty_db, "SELECT count(*) FROM meeting") == 1
    assert owner_runs(empty_db, "SELECT to_regclass('node')") is None
