"""The journal of transcripts, with an edit in it, up and down."""

from appliance.migrations import runner
from tests.factories.database import TestDatabase
from tests.migration.test_0006_to_0008 import ALFA, AT, MEETING, owner_runs, with_a_meeting

BEFORE = runner.revisions()[runner.revisions().index("0013") - 1]
EDIT = "INSERT INTO transcript_edit VALUES (%s, 2, %s, NULL, %s, 'put', NULL, '\\x00')"


def test_0013_brings_the_journal_and_takes_it_away(empty_db: TestDatabase) -> None:
    """Transcripts are not touched either way; edits go with their meeting, and with the table."""
    runner.upgrade(empty_db.owner_url, BEFORE)
    with_a_meeting(empty_db)
    runner.upgrade(empty_db.owner_url, "0013")
    owner_runs(empty_db, EDIT, MEETING, ALFA, AT)
    assert owner_runs(empty_db, "SELECT count(*) FROM transcript_edit") == 1
    runner.downgrade(empty_db.owner_url, BEFORE)
    assert owner_runs(empty_db, "SELECT to_regclass('transcript_edit')") is None
    assert owner_runs(empty_db, "SELECT count(*) FROM sealed_document") == 1
    runner.upgrade(empty_db.owner_url, "0013")
    owner_runs(empty_db, EDIT, MEETING, ALFA, AT)
    owner_runs(empty_db, "DELETE FROM meeting WHERE id = %s", MEETING)
    assert owner_runs(empty_db, "SELECT count(*) FROM transcript_edit") == 0
