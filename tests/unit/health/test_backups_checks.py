"""What health says about backups, the archived log and the last proven restore."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from appliance.backups.model import Archive
from appliance.health.checks.backups import BackupState, DrillState, backups, drill, wal
from appliance.health.model import Severity
from appliance.kernel.clock import FixedClock

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
CLOCK = FixedClock(NOW)
WELL = BackupState(
    mounted=True,
    same_disk=False,
    custodians=2,
    newest=NOW - timedelta(hours=10),
    followed=NOW - timedelta(minutes=1),
    free_share=0.5,
    places={"nas": NOW - timedelta(minutes=2)},
)
ARCHIVED = Archive(
    last_at=NOW, last_segment="000000010000000000000002", failed_at=None, pending_s=10, queue_bytes=0, gap=False
)
PROVEN = DrillState(NOW - timedelta(days=3), "20260227T013000Z", passed=True, restore_s=40)


def test_all_is_well() -> None:
    """A backup of last night, everywhere."""
    assert backups(lambda: WELL, CLOCK).look().severity is Severity.OK
    assert wal(lambda: ARCHIVED, back_up=str).look().severity is Severity.OK
    assert drill(lambda: PROVEN, CLOCK, hold=str).look().severity is Severity.OK


@pytest.mark.parametrize(
    ("state", "severity", "words"),
    [
        (replace(WELL, newest=NOW - timedelta(hours=30)), Severity.WARNING, "newest"),
        (replace(WELL, newest=NOW - timedelta(days=4)), Severity.CRITICAL, "newest"),
        (replace(WELL, newest=None), Severity.CRITICAL, "none"),
        (replace(WELL, mounted=False), Severity.CRITICAL, "not mounted"),
        (replace(WELL, mounted=False, same_disk=True), Severity.WARNING, "dies takes both"),
        (replace(WELL, custodians=1, newest=None), Severity.WARNING, "custodian"),
        (replace(WELL, followed=NOW - timedelta(minutes=20)), Severity.WARNING, "pass"),
        (replace(WELL, followed=NOW - timedelta(hours=2)), Severity.CRITICAL, "pass"),
        (replace(WELL, places={"nas": NOW - timedelta(hours=3)}), Severity.WARNING, "nas"),
        (replace(WELL, places={"nas": None}), Severity.WARNING, "nas"),
        (replace(WELL, places={"nas": None}, failures={"nas": "no route"}), Severity.CRITICAL, "no route"),
        (replace(WELL, free_share=0.05), Severity.WARNING, "full"),
        (replace(WELL, answers=False), Severity.CRITICAL, "hangs"),
        (replace(WELL, unfinished_restore="begun"), Severity.CRITICAL, "restore"),
    ],
)
def test_what_is_wrong_with_backups_is_said(state: BackupState, severity: Severity, words: str) -> None:
    """The worst first, with what to do."""
    found = backups(lambda: state, CLOCK).look()
    assert found.severity is severity
    assert words in found.summary
    assert found.remedy


@pytest.mark.parametrize(
    ("state", "severity"),
    [
        (replace(ARCHIVED, gap=True), Severity.CRITICAL),
        (replace(ARCHIVED, pending_s=301), Severity.CRITICAL),
        (replace(ARCHIVED, pending_s=200), Severity.WARNING),
        (replace(ARCHIVED, failed_at=NOW + timedelta(seconds=1)), Severity.WARNING),
        (replace(ARCHIVED, failed_at=NOW - timedelta(hours=1)), Severity.OK),
    ],
)
def test_what_is_wrong_with_the_log_is_said(state: Archive, severity: Severity) -> None:
    """Five minutes are what may be lost; a failure that was overcome is none."""
    assert wal(lambda: state, back_up=str).look().severity is severity


@pytest.mark.parametrize(
    ("state", "severity"),
    [
        (None, Severity.WARNING),
        (replace(PROVEN, passed=False, fault="rows"), Severity.CRITICAL),
        (replace(PROVEN, at=NOW - timedelta(days=9)), Severity.WARNING),
        (replace(PROVEN, at=NOW - timedelta(days=30)), Severity.CRITICAL),
        (replace(PROVEN, restore_s=1000), Severity.WARNING),
    ],
)
def test_what_is_wrong_with_drills_is_said(state: DrillState | None, severity: Severity) -> None:
    """None, failed, late, or slower than promised."""
    assert drill(lambda: state, CLOCK, hold=str).look().severity is severity
