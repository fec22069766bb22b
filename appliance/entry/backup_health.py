"""What the health of backups is asked of, on this machine."""

import os
import subprocess
from collections.abc import Sequence
from datetime import datetime

from appliance.adapters.signing_key import load_public_key
from appliance.backups.depot import Depot
from appliance.backups.drill import KIND
from appliance.backups.errors import DepotSilent
from appliance.backups.model import Archive
from appliance.backups.mounts import answers
from appliance.backups.outstanding import Outstanding
from appliance.backups.restore import JOURNAL
from appliance.backups.sets import instant
from appliance.backups.state import read_state
from appliance.entry.backups import last_drill, open_engine
from appliance.entry.restores import STATE_DIR
from appliance.health.checks.backups import BackupState, DrillState, backups, drill, wal
from appliance.health.checks.recordings import recordings
from appliance.health.model import Check
from appliance.kernel.clock import SystemClock
from appliance.keyring.signing import verify
from appliance.settings import Settings

FIX_LIMIT_S = 6 * 3600


def backup_checks(settings: Settings) -> Sequence[Check]:
    """Backups, the archived log, the last proven restore, recordings that a restore still owes."""
    clock = SystemClock()
    return (
        backups(lambda: _backups(settings), clock),
        wal(lambda: _archive(settings), back_up=lambda: _start("backup", "A backup was taken.")),
        drill(lambda: _drill(settings), clock, hold=lambda: _start("drill", "A drill was held.")),
        recordings(Outstanding(settings.blobs_path).standing, clock),
    )


def _archive(settings: Settings) -> Archive:
    _require_answer(settings)
    return open_engine(settings).archive()


def _require_answer(settings: Settings) -> None:
    """Let a share that hangs hold no other check.

    Raises:
        DepotSilent.
    """
    if not answers(settings.backups.folder):
        raise DepotSilent(place=settings.backups.folder)


def _backups(settings: Settings) -> BackupState:
    if not answers(settings.backups.folder):
        return BackupState(
            mounted=True, same_disk=False, custodians=0, newest=None, followed=None, free_share=1.0, answers=False
        )
    depot = Depot(settings.backups.folder)
    state = read_state(depot.folder)
    sets = depot.set_ids()
    space = os.statvfs(depot.folder)
    names = [target.partition("=")[0] for target in settings.backups.targets]
    return BackupState(
        mounted=depot.folder.is_mount(),
        same_disk=settings.backups.same_disk,
        custodians=len(settings.backups.custodians),
        newest=state.taken_at if sets else None,
        followed=state.followed_at,
        free_share=space.f_bavail / max(space.f_blocks, 1),
        places={name: state.reached.get(name) for name in names},
        failures={name: state.failed[name] for name in names if name in state.failed},
        unfinished_restore=_unfinished(),
    )


def _unfinished() -> str:
    return "its notes are in place" if (STATE_DIR / JOURNAL).exists() else ""


def _drill(settings: Settings) -> DrillState | None:
    _require_answer(settings)
    path = last_drill(settings)
    if path is None:
        return None
    payload = verify(path.read_bytes(), load_public_key(settings.signing_public_path), kind=KIND).payload
    faults = [fault for proof in payload["proofs"] for fault in proof["faults"]]
    at: datetime = instant(payload["at"])
    took = float(payload["restore_s"]) + float(payload["replay_s"])
    return DrillState(at, str(payload["set"]), bool(payload["passed"]), took, str(faults[0]) if faults else "")


def _start(name: str, done: str) -> str:
    command = ["systemctl", "start", f"hangjegyzet-{name}.service"]
    subprocess.run(command, capture_output=True, check=True, timeout=FIX_LIMIT_S, stdin=subprocess.DEVNULL)
    return done
