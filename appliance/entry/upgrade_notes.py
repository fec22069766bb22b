"""The notes of this machine's upgrades, for whoever only wants to look."""

from pathlib import Path

from appliance.health.checks.upgrade import UpgradeState
from appliance.upgrades.journal import Journal

STATE_DIR = Path("/var/lib/hangjegyzet-upgrade")


def open_journal() -> Journal:
    """The notes of this machine's upgrades."""
    return Journal(STATE_DIR)


def upgrade_state() -> UpgradeState | None:
    """Where the last upgrade stands, for a health check."""
    journal = open_journal()
    under_way = journal.read()
    record = under_way or journal.last()
    if record is None:
        return None
    return UpgradeState(
        what=f"The {record.kind.value} from {record.old} to {record.new}",
        stage=(record.stage or "its beginning"),
        is_driven=under_way is not None and journal.is_driven(),
        ended=record.ending.value if record.ending else "",
        reason=record.reason[:400],
    )
