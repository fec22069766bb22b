"""Backups and drills of this machine, wired; run as the database server's account, and what they did into the trail."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from appliance.adapters.age import Age
from appliance.adapters.debian_cluster import DebianCluster
from appliance.adapters.pgbackrest import Engine, PgBackRest
from appliance.adapters.postgres import open_server
from appliance.adapters.postgres.account import account_for
from appliance.adapters.rclone import RcloneTarget, place
from appliance.adapters.scratch_servers import LocalScratchServers
from appliance.adapters.signing_key import load_public_key
from appliance.audit.model import AuditName, Outcome
from appliance.backups.depot import PATIENCE_S, Depot, write_whole
from appliance.backups.drill import KIND as DRILL_KIND
from appliance.backups.drill import Drill, Rehearsal
from appliance.backups.errors import DepotSilent
from appliance.backups.model import BackupKind
from appliance.backups.mounts import answers
from appliance.backups.outstanding import Outstanding
from appliance.backups.retention import Retention
from appliance.backups.service import BackupService, Machine, Pruned, Taken, Tell
from appliance.backups.sets import set_id
from appliance.backups.state import read_state
from appliance.database.engine import Database
from appliance.database.roles import DatabaseRole
from appliance.entry.machine_trail import record_act
from appliance.entry.other_machines import serves
from appliance.entry.packs import open_registry
from appliance.entry.provision import describe, open_database
from appliance.entry.signing import open_signer
from appliance.kernel.clock import SystemClock
from appliance.kernel.errors import HangJegyzetError
from appliance.keyring.signing import verify
from appliance.migrations import runner
from appliance.settings import Settings

SCRATCH = Path("/var/lib/hangjegyzet-drill")
KEPT_FILES = (
    Path("/etc/hangjegyzet/appliance.toml"),
    Path("/etc/hangjegyzet/approvers"),
    Path("/etc/hangjegyzet/license.json"),
    Path("/etc/hangjegyzet/nodes"),
    Path("/etc/hangjegyzet/secrets"),
    Path("/etc/hangjegyzet/tls"),
    Path("/etc/hangjegyzet/trust"),
)
"""What the custodians' envelope holds."""
NEVER_S = 10 * 365 * 86_400
"""The age of what never came."""


def open_depot(settings: Settings) -> Depot:
    """The folder of backups.

    Raises:
        DepotMissing: its disk is not mounted.
        DepotSilent: it is a share that hangs.
    """
    depot = Depot(settings.backups.folder)
    if not answers(depot.folder):
        raise DepotSilent(place=depot.folder)
    if not settings.backups.same_disk:
        depot.require_mounted()
    return depot


def open_engine(settings: Settings) -> PgBackRest:
    """The machine's database in backups."""
    cluster = DebianCluster()
    return PgBackRest(Engine(account_for(cluster.files, None), settings.backups.folder / "pgbackrest"), cluster)


@contextmanager
def open_backups(settings: Settings) -> Iterator[BackupService]:
    """The use cases, while the database runs.

    Raises:
        DepotMissing: the backup's disk is not mounted.
    """
    depot = open_depot(settings)
    with open_database(open_server(settings), DatabaseRole.OWNER) as live:
        yield _service(settings, depot, live)


def nothing_to_follow(settings: Settings) -> str:
    """Why a pass has nothing to do on this machine, in words; empty where it has, also when the database is down."""
    if settings.cluster.members and not serves(settings):
        return "recordings, and so their backups, are another member's"
    report = describe(settings)
    if report.server.running and report.revision in {"", "base"}:
        return "the database has not been set up yet"
    return ""


def run(settings: Settings, tell: Tell, *, kind: BackupKind | None = None) -> Taken:
    """Take a backup; what came of it is in the trail either way.

    Raises:
        as ``BackupService.run``.
    """
    with _recorded(settings, AuditName.BACKUP_TAKEN) as detail, open_backups(settings) as backups:
        taken = backups.run(tell, kind=kind)
        detail |= {
            "set": taken.described.id,
            "database": taken.described.database.kind.value,
            "recordings": taken.described.blobs.count,
        }
    return taken


def prune(settings: Settings, tell: Tell) -> Pruned:
    """Forget what is not kept any longer.

    Raises:
        as ``BackupService.prune``.
    """
    with _recorded(settings, AuditName.BACKUPS_PRUNED) as detail, open_backups(settings) as backups:
        pruned = backups.prune(tell)
        detail |= {"sets": len(pruned.sets), "recordings": pruned.recordings.count}
    return pruned


def drill(settings: Settings, tell: Tell, *, wanted: str = "latest") -> tuple[Drill, Path]:
    """Rehearse a restore; the signed report and where it lies.

    Raises:
        as ``Rehearsal.hold``.
    """
    depot, clock = open_depot(settings), SystemClock()
    engine = open_engine(settings)
    account = account_for(DebianCluster().files, None)
    with (
        _recorded(settings, AuditName.DRILL_HELD) as detail,
        open_backups(settings) as backups,
        depot.alone(patience_s=PATIENCE_S),
    ):
        rehearsal = Rehearsal(
            depot=depot,
            database=engine,
            scratch=LocalScratchServers(account),
            folder=SCRATCH,
            clock=clock,
            owed=lambda: owed(settings),
        )
        described = backups.describe(wanted)
        detail |= {"set": described.id}
        held = rehearsal.hold(described, tell)
        detail |= {"passed": held.passed}
        report = depot.reports / f"drill-{set_id(held.at)}.json"
        write_whole(report, open_signer(settings).sign(DRILL_KIND, held.payload()))
    return held, report


def last_drill(settings: Settings) -> Path | None:
    """The newest report of a drill."""
    reports = sorted(Depot(settings.backups.folder).reports.glob("drill-*.json"))
    return reports[-1] if reports else None


def _service(settings: Settings, depot: Depot, live: Database) -> BackupService:
    chosen = settings.backups
    return BackupService(
        depot=depot,
        database=open_engine(settings),
        live=live,
        envelope=Age(),
        signer=open_signer(settings),
        public_key=load_public_key(settings.signing_public_path),
        machine=_machine(settings),
        custodians=chosen.custodians,
        targets=[RcloneTarget(place(*target.split("=", 1))) for target in chosen.targets],
        retention=Retention(chosen.keep_daily, chosen.keep_weekly, chosen.keep_monthly),
        clock=SystemClock(),
    )


def _machine(settings: Settings) -> Machine:
    return Machine(
        host=socket.gethostname(),
        release=version("hangjegyzet"),
        schema=runner.head(),
        models=tuple(sorted(pack.pack.name for pack in open_registry(settings).list() if pack.in_use)),
        database_version=DebianCluster().version,
        blobs=settings.blobs_path / "stored",
        files=KEPT_FILES,
        owed=lambda: owed(settings),
    )


def owed(settings: Settings) -> frozenset[str]:
    """Recordings that a restore still owes, as they lie in a folder of stored ones."""
    return frozenset(f"{name[-2:]}/{name}" for name in Outstanding(settings.blobs_path).names())


@contextmanager
def _recorded(settings: Settings, name: AuditName) -> Iterator[dict[str, str | int | float | bool | None]]:
    """Put an act into the trail with what the block notes of it, and as a failure when it fails."""
    detail: dict[str, str | int | float | bool | None] = {}
    outcome = Outcome.FAILED
    try:
        yield detail
        outcome = Outcome.OK
    except HangJegyzetError as failure:
        detail["failure"] = failure.code
        raise
    finally:
        record_act(settings, name, subject_type="backup", detail=detail, outcome=outcome)


def standing(settings: Settings) -> dict[str, int | float | None]:
    """How much could be lost right now, and how long a restore took in the last drill; None where it is not known."""
    depot, now = Depot(settings.backups.folder), SystemClock().now()
    state = read_state(depot.folder)
    archive = open_engine(settings).archive()
    reached = [state.reached.get(target.partition("=")[0]) for target in settings.backups.targets]
    return {
        "rpo_database_s": round(archive.pending_s),
        "rpo_recordings_s": _age_s(now, state.followed_at),
        "rpo_places_s": max((_age_s(now, at) or NEVER_S for at in reached), default=None),
        "rto_s": _last_restore_s(settings),
    }


def _age_s(now: datetime, at: datetime | None) -> int | None:
    return None if at is None else round((now - at).total_seconds())


def _last_restore_s(settings: Settings) -> float | None:
    path = last_drill(settings)
    if path is None:
        return None
    payload = verify(path.read_bytes(), load_public_key(settings.signing_public_path), kind=DRILL_KIND).payload
    return round(float(payload["restore_s"]) + float(payload["replay_s"]), 1)
