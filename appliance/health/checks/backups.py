"""Whether what is here could be brought back: the last backup, how far the log got, the last proven restore."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from appliance.backups.model import Archive
from appliance.health.model import Check, Evidence, Finding, Severity
from appliance.kernel.clock import Clock
from appliance.kernel.units import format_bytes

LATE, MUCH_TOO_LATE = timedelta(hours=26), timedelta(days=3)
DRILL_LATE, DRILL_MUCH_TOO_LATE = timedelta(days=8), timedelta(days=22)
PASS_LATE, PASS_MUCH_TOO_LATE = timedelta(minutes=5), timedelta(hours=1)
CUSTODIANS_NEEDED = 2
RPO_S = 300.0
"""What may be lost at most."""
RTO_S = 900.0
"""What a restore of the database may take at most."""
LITTLE = 0.10


@dataclass(frozen=True, slots=True)
class BackupState:
    """What is known of backups; times are None for what never was.

    Args:
        places: further places, each with until when it has everything.
        failures: why a place could not be brought up to date.
        answers: false for a share that hangs; nothing else is known of it then.
        unfinished_restore: what was begun and has not ended; empty where nothing was.
    """

    mounted: bool
    same_disk: bool
    custodians: int
    newest: datetime | None
    followed: datetime | None
    free_share: float
    places: Mapping[str, datetime | None] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)
    unfinished_restore: str = ""
    answers: bool = True


@dataclass(frozen=True, slots=True)
class DrillState:
    """The newest report of a drill."""

    at: datetime
    set_id: str
    passed: bool
    restore_s: float
    fault: str = ""


def backups(state: Callable[[], BackupState], clock: Clock) -> Check:
    """Whether there is a backup of today, here and in every further place, that somebody can open."""
    return Check("backups", "Backups", lambda: _look(state(), clock.now()))


def wal(state: Callable[[], Archive], *, back_up: Callable[[], str]) -> Check:
    """Whether what was committed is in the archive."""
    return Check("wal", "Archived log", lambda: _look_at_log(state()), fix=back_up)


def drill(state: Callable[[], DrillState | None], clock: Clock, *, hold: Callable[[], str]) -> Check:
    """Whether a restore was proven lately."""
    return Check("drill", "Last proven restore", lambda: _look_at_drill(state(), clock.now()), fix=hold)


def _look(state: BackupState, now: datetime) -> Finding:
    if not state.answers:
        return Finding(
            Severity.CRITICAL,
            "The disk or share of the backups hangs: nothing is kept.",
            {},
            "Mend the way to it, or unmount it: umount --lazy /var/backups/hangjegyzet. Then: hangjegyzet backup run",
        )
    evidence: dict[str, Evidence] = {
        "newest_backup": _written(state.newest),
        "recordings_copied_until": _written(state.followed),
        "custodians": state.custodians,
        "disk_of_its_own": state.mounted,
        "free": f"{state.free_share:.0%}",
        **{f"place {name}": _written(at) for name, at in state.places.items()},
    }
    findings = [
        Finding(severity, summary, evidence, remedy)
        for severity, summary, remedy in _complaints(state, now)
        if severity is not Severity.OK
    ]
    if findings:
        return max(findings, key=lambda found: found.severity.rank)
    return Finding(Severity.OK, f"The newest is of {_written(state.newest)}.", evidence)


def _complaints(state: BackupState, now: datetime) -> list[tuple[Severity, str, str]]:
    look = "See why: journalctl -u hangjegyzet-backup. Then: hangjegyzet backup run"
    found = [
        (
            Severity.CRITICAL if state.unfinished_restore else Severity.OK,
            f"A restore was begun and has not ended: {state.unfinished_restore}.",
            "Run it again, with the same words: hangjegyzet restore run",
        ),
        (
            Severity.OK if state.mounted or state.same_disk else Severity.CRITICAL,
            "The disk of the backups is not mounted.",
            "Mount it: mount /var/backups/hangjegyzet. Then: hangjegyzet backup run",
        ),
        (
            Severity.OK if state.custodians >= CUSTODIANS_NEEDED else Severity.WARNING,
            f"{state.custodians} custodian(s) are set; without {CUSTODIANS_NEEDED} no backup is taken.",
            "docs/backups.md shows how: hangjegyzet config set backups.custodians",
        ),
    ]
    if state.custodians >= CUSTODIANS_NEEDED:
        found.append((_by_age(state.newest, now, LATE, MUCH_TOO_LATE), _aged("The newest backup", state.newest), look))
        found.append(
            (
                _by_age(state.followed, now, PASS_LATE, PASS_MUCH_TOO_LATE),
                _aged("The last pass over recordings", state.followed),
                "See why: journalctl -u hangjegyzet-follow",
            )
        )
    for name, at in state.places.items():
        reason = state.failures.get(name, "")
        severity = _by_age(at, now, PASS_LATE, LATE) if at or reason else Severity.WARNING
        summary = f"The place {name} has everything until {_written(at)}." + (f" {reason}" if reason else "")
        found.append((severity, summary, "Mend the place or the way to it, then: hangjegyzet backup follow"))
    found += [
        (
            Severity.WARNING if state.free_share < LITTLE else Severity.OK,
            f"The disk of the backups is {1 - state.free_share:.0%} full.",
            "Give it more space, or keep fewer backups: hangjegyzet config set backups.keep_monthly",
        ),
        (
            Severity.WARNING if state.same_disk and not state.mounted else Severity.OK,
            "Backups lie on the disk of the data: a disk that dies takes both. This is for trials alone.",
            "Mount another disk at /var/backups/hangjegyzet, then: hangjegyzet config set backups.same_disk false",
        ),
    ]
    return found


def _look_at_log(state: Archive) -> Finding:
    evidence: dict[str, Evidence] = {
        "archived_until": _written(state.last_at),
        "last_segment": state.last_segment,
        "could_be_lost_s": round(state.pending_s),
        "waiting": format_bytes(state.queue_bytes),
        "failed_at": _written(state.failed_at),
    }
    why = "See why: journalctl -u 'postgresql@*'. Is the backup's disk mounted, and has it room?"
    if state.gap:
        return Finding(
            Severity.CRITICAL,
            "Log was dropped because it could not be archived: moments since the last backup cannot be gone back to.",
            evidence,
            "Make room on the backup's disk, then take a backup: hangjegyzet health --fix wal",
        )
    if state.pending_s > RPO_S:
        return Finding(
            Severity.CRITICAL, f"What was done in the last {state.pending_s:.0f} s could be lost.", evidence, why
        )
    failing = state.failed_at is not None and (state.last_at is None or state.failed_at > state.last_at)
    if failing or state.pending_s > RPO_S / 2:
        return Finding(
            Severity.WARNING, f"{format_bytes(state.queue_bytes)} of log wait to be archived.", evidence, why
        )
    return Finding(Severity.OK, f"All but the last {state.pending_s:.0f} s is archived.", evidence)


def _look_at_drill(state: DrillState | None, now: datetime) -> Finding:
    remedy = "Hold one: hangjegyzet health --fix drill"
    if state is None:
        return Finding(Severity.WARNING, "No restore was ever proven on this machine.", {}, remedy)
    evidence: dict[str, Evidence] = {
        "held": _written(state.at),
        "backup": state.set_id,
        "passed": state.passed,
        "restore_s": state.restore_s,
    }
    if not state.passed:
        return Finding(
            Severity.CRITICAL,
            f"The backup {state.set_id} could not be proven: {state.fault}",
            evidence,
            "Read the report (hangjegyzet drill report), verify the backup, take a new one, hold a drill again.",
        )
    severity = _by_age(state.at, now, DRILL_LATE, DRILL_MUCH_TOO_LATE)
    if severity is not Severity.OK:
        return Finding(severity, _aged("The last proven restore", state.at), evidence, remedy)
    if state.restore_s > RTO_S:
        return Finding(
            Severity.WARNING,
            f"A restore of the database takes {state.restore_s / 60:.0f} minutes.",
            evidence,
            "Put the backups on a faster disk, or take full backups more often: hangjegyzet backup run --full",
        )
    return Finding(Severity.OK, f"{_written(state.at)}, in {state.restore_s:.0f} s.", evidence)


def _by_age(at: datetime | None, now: datetime, late: timedelta, much_too_late: timedelta) -> Severity:
    if at is None or now - at > much_too_late:
        return Severity.CRITICAL
    return Severity.WARNING if now - at > late else Severity.OK


def _aged(what: str, at: datetime | None) -> str:
    return f"{what} is of {_written(at)}." if at else f"{what}: there is none."


def _written(at: datetime | None) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC") if at else "never"
