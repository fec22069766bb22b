"""The process that tells metrics: reads the database, what health found, and what the portal counted."""

import os
from importlib.metadata import version
from pathlib import Path
from statistics import median, quantiles

from sqlalchemy import text

from appliance.adapters.postgres import open_server
from appliance.adapters.prometheus import serve_metrics
from appliance.backups.state import read_state
from appliance.database.engine import Tx
from appliance.database.roles import DatabaseRole
from appliance.entry.health_log import HealthLog
from appliance.entry.provision import open_database
from appliance.jobs.backlog import backlog
from appliance.kernel.clock import SystemClock
from appliance.kernel.errors import HangJegyzetError
from appliance.settings import Settings
from appliance.telemetry.errors import MetricsOff, TokenUnreadable
from appliance.telemetry.model import HealthFigure, Reading, StepCost

RUNS = 100
SILENT_LEASES = 2
MAX_TOKEN_BYTES = 512
LEAST_TOKEN = 16
_RUNS = text(
    """
    SELECT step, audio_s, work_s FROM (
        SELECT step, audio_s, work_s, row_number() OVER (PARTITION BY step ORDER BY id DESC) AS place FROM job_history
    ) latest WHERE place <= :runs
    """
)


def run_metrics(settings: Settings) -> None:
    """Serve the page until the process is ended.

    Raises:
        MetricsOff: the configuration names no port.
        TokenUnreadable: the token's file is not as it must be.
    """
    wanted = settings.monitoring
    if not wanted.metrics_port:
        raise MetricsOff
    server = serve_metrics(
        wanted.metrics_host,
        wanted.metrics_port,
        token=_token(wanted.metrics_token_file),
        read=lambda: take_reading(settings),
        shared=_shared(),
    )
    with server:
        server.serve_forever()


def take_reading(settings: Settings) -> Reading:
    """The machine now; a database that does not answer leaves its figures out."""
    now = SystemClock().now()
    health = [HealthFigure(one.id, one.severity.rank, one.at) for one in HealthLog().latest()]
    folders = (settings.data_dir, Path("/"), settings.backups.folder)
    base = Reading(
        at=now,
        version=version("hangjegyzet"),
        health=health,
        backup_at=read_state(settings.backups.folder).taken_at,
        free_bytes={str(folder): _free(folder) for folder in folders if folder.exists()},
    )
    try:
        with open_database(open_server(settings), DatabaseRole.WORKER) as opened, opened.reading(None) as tx:
            line = backlog(tx, silent_s=SILENT_LEASES * settings.jobs.lease_s)
            steps = step_costs(tx)
    except HangJegyzetError:
        return base
    return Reading(
        at=base.at,
        version=base.version,
        health=base.health,
        waiting=line.waiting,
        longest_wait_s=line.longest_wait.total_seconds(),
        given_up=line.given_up,
        without_worker=len(line.without_worker),
        steps=steps,
        backup_at=base.backup_at,
        free_bytes=base.free_bytes,
    )


def step_costs(tx: Tx) -> list[StepCost]:
    """What the last runs of each step cost."""
    by_step: dict[str, list[tuple[float, float]]] = {}
    for row in tx.execute(_RUNS, {"runs": RUNS}):
        by_step.setdefault(row.step, []).append((row.audio_s, row.work_s))
    return [_cost(step, runs) for step, runs in sorted(by_step.items())]


def _cost(step: str, runs: list[tuple[float, float]]) -> StepCost:
    work = sorted(work_s for _, work_s in runs)
    slow = quantiles(work, n=20, method="inclusive")[-1] if len(work) > 1 else work[0]
    factors = [work_s / audio_s for audio_s, work_s in runs if audio_s > 0]
    return StepCost(step, median(work), slow, median(factors) if factors else 0.0)


def _shared() -> Path | None:
    """Where the portal counts its requests; the library's own name for it."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    return Path(folder) if folder else None


def _free(folder: Path) -> int:
    space = os.statvfs(folder)
    return space.f_bavail * space.f_frsize


def _token(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        with file.open("rb") as opened:
            token = opened.read(MAX_TOKEN_BYTES).decode("ascii").strip()
    except (OSError, ValueError) as error:
        raise TokenUnreadable(file=file, reason="it cannot be read") from error
    if len(token) < LEAST_TOKEN:
        raise TokenUnreadable(file=file, reason=f"it holds fewer than {LEAST_TOKEN} characters")
    return token
