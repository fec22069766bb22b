"""The process that may read the backups: copies recordings that a restore still owes, and hands them out meanwhile."""

import signal
import threading
from pathlib import Path

import structlog

from appliance.adapters.read_through import SOCKET, BackupDoor
from appliance.backups.copier import Copier
from appliance.backups.outstanding import Outstanding
from appliance.kernel.clock import SystemClock
from appliance.settings import Settings

log = structlog.get_logger(__name__)


def copy_outstanding(settings: Settings, *, place: Path = SOCKET) -> None:
    """Copy until nothing is outstanding, or until the process is asked to end (SIGTERM, SIGINT)."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    outstanding = Outstanding(settings.blobs_path)
    copier = Copier(outstanding, settings.blobs_path / "stored", clock=SystemClock(), stop=stop)
    with BackupDoor(place, outstanding, wanted=copier.ask) as door:
        threading.Thread(target=door.serve_forever, name="door", daemon=True).start()
        copier.run()
        door.shutdown()
    log.info("recordings_copied", left=len(outstanding.names()))
