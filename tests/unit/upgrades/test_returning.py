"""When a machine may go back to the release it had."""

from datetime import UTC, datetime, timedelta

import pytest

from appliance.upgrades.errors import NoWayBack
from appliance.upgrades.model import Ending, Kind, Record, Rehearsal
from appliance.upgrades.returning import WINDOW, require_way_back

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ADDS = Rehearsal(before="0010", after="0011", restore_s=1.0, migrate_s=1.0, rows=3)
TAKES = Rehearsal(
    before="0010", after="0011", restore_s=1.0, migrate_s=1.0, rows=3, contracts=("the column meeting.note",)
)


def an_upgrade(**changes: object) -> Record:
    """An upgrade of yesterday that only added to the schema."""
    record = Record(
        id="0123456789ab", kind=Kind.UPGRADE, old="0.1.0", new="0.2.0", pid=1, boot_id="b", began_at=NOW,
        ending=Ending.DONE, ended_at=NOW - timedelta(days=1), rehearsal=ADDS,
    )  # fmt: skip
    return record.but(**changes)


def test_the_last_upgrade_leads_back_while_it_only_added() -> None:
    """To its old release and the revision of then."""
    assert require_way_back(an_upgrade(), current="0.2.0", previous="0.1.0", now=NOW) == ("0.1.0", "0010")


@pytest.mark.parametrize(
    ("last", "current", "previous", "reason"),
    [
        (None, "0.2.0", "0.1.0", "not an upgrade"),
        (an_upgrade(ending=Ending.UNDONE), "0.2.0", "0.1.0", "not an upgrade"),
        (an_upgrade(kind=Kind.DOWNGRADE), "0.2.0", "0.1.0", "not an upgrade"),
        (an_upgrade(), "0.3.0", "0.1.0", "not an upgrade"),
        (an_upgrade(), "0.2.0", None, "not there any more"),
        (an_upgrade(ended_at=NOW - WINDOW - timedelta(seconds=1)), "0.2.0", "0.1.0", "14 days"),
        (an_upgrade(rehearsal=TAKES), "0.2.0", "0.1.0", "meeting.note"),
        (an_upgrade(rehearsal=None), "0.2.0", "0.1.0", "nobody knows"),
    ],
)
def test_otherwise_it_is_refused_with_the_way_on(
    last: Record | None, current: str, previous: str | None, reason: str
) -> None:
    """The words say why, and what to do instead."""
    with pytest.raises(NoWayBack, match=reason) as refusal:
        require_way_back(last, current=current, previous=previous, now=NOW)
    assert "restore the backup" in refusal.value.remedy
