"""What a rehearsal finds missing afterwards, and how long people are told to wait."""

from datetime import UTC, datetime, timedelta

from appliance.adapters.upgrades.rehearsals import Shape, contractions
from appliance.upgrades.estimates import expected_s
from appliance.upgrades.model import Kind, Passed, Record, Rehearsal, Stage

BEFORE = Shape(
    {("meeting", "id"): "uuid", ("meeting", "note"): "text", ("job", "id"): "uuid"}, {"meeting": 3, "job": 9}
)
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def test_what_is_only_added_is_no_contraction() -> None:
    """A table, a column and rows more take nothing from the release before."""
    after = Shape(
        {**BEFORE.columns, ("meeting", "more"): "text", ("new", "id"): "int8"}, {"meeting": 4, "job": 9, "new": 0}
    )
    assert contractions(BEFORE, after) == ()


def test_what_is_gone_is_named() -> None:
    """A table, a column, a column of another type, and rows."""
    after = Shape({("meeting", "id"): "text"}, {"meeting": 2})
    assert contractions(BEFORE, after) == (
        "the table job", "the column meeting.id", "the column meeting.note", "rows of meeting",
    )  # fmt: skip


def a_record(migrate_s: float) -> Record:
    """An upgrade whose rehearsal took so long."""
    rehearsal = Rehearsal(before="0010", after="0011", restore_s=1.0, migrate_s=migrate_s, rows=1)
    return Record(
        id="0123456789ab", kind=Kind.UPGRADE, old="0.1.0", new="0.2.0", pid=1, boot_id="b", began_at=NOW,
        rehearsal=rehearsal,
    )  # fmt: skip


def test_a_longer_rehearsal_is_a_longer_wait() -> None:
    """What the migrations took on the copy is what people are told, with a margin."""
    assert expected_s(a_record(100.0), None) - expected_s(a_record(10.0), None) > 90.0


def test_what_this_machine_took_last_time_counts() -> None:
    """A machine whose gate takes five seconds does not keep people waiting for ninety."""
    last = a_record(1.0).but(passed=(Passed(Stage.GATE, NOW, NOW + timedelta(seconds=5)),))
    assert expected_s(a_record(1.0), last) < expected_s(a_record(1.0), None) - 80.0
