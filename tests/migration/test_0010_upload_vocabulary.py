"""Expected words on uploads, with an upload under way, up and down."""

from appliance.migrations import runner
from tests.factories.database import TestDatabase
from tests.migration.test_0006_to_0008 import an_upload, owner_runs, with_a_meeting


def test_0010_lets_uploads_under_way_go_on_both_ways(empty_db: TestDatabase) -> None:
    """An upload that began before the upgrade expects no words; one with words goes on without them after a return."""
    runner.upgrade(empty_db.owner_url, "0009")
    with_a_meeting(empty_db)
    an_upload(empty_db, size=10, offset=5)
    runner.upgrade(empty_db.owner_url, "0010")
    assert owner_runs(empty_db, "SELECT vocabulary_sealed FROM upload") is None
    owner_runs(empty_db, "UPDATE upload SET vocabulary_sealed = '\\x01'")
    assert owner_runs(empty_db, "SELECT vocabulary_sealed FROM upload") == b"\x01"
    runner.downgrade(empty_db.owner_url, "0009")
    assert owner_runs(empty_db, "SELECT offset_bytes FROM upload") == 5
