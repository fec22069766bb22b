"""The notes of this machine's upgrades, for whoever only wants to look."""

from pathlib import Path

from appliance.entry.machine import installed_release
from appliance.health.checks.updates import UpdatesState
from appliance.health.checks.upgrade import UpgradeState
from appliance.releases.model import Manifest, instant, read_document
from appliance.releases.verification import MANIFEST_NAME
from appliance.upgrades.journal import Journal, boot_id
from appliance.upgrades.model import Ending

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
        what=f"The {record.kind.value} from {record.old} to {record.aim}",
        stage=(record.stage or "its beginning"),
        is_driven=under_way is not None and journal.is_driven(),
        ended=record.ending.value if record.ending else "",
        reason=record.reason[:400],
    )


def updates_state() -> UpdatesState:
    """How old the distribution's packages are here, and what waits for a start of the machine; for a health check."""
    journal = open_journal()
    last, done = journal.last_updates(), journal.last_updates_done()
    manifest = read_document((installed_release().path / MANIFEST_NAME).read_bytes(), Manifest)
    updates = done.updates if done is not None else None
    built = instant(manifest.built_at)
    return UpdatesState(
        as_of=built if updates is None else max(built, updates.built_at),
        version="" if updates is None else updates.version,
        waiting=updates.reboot if updates is not None and updates.since == boot_id() else (),
        undone=last.reason[:400] if last is not None and last.ending is Ending.UNDONE else "",
    )
