"""This machine's vitals, with what they are read from."""

from collections.abc import Sequence
from datetime import datetime

from appliance.adapters.gauges import MachineGauges
from appliance.entry.health import ON_DISK, backlog_now
from appliance.entry.health_log import HealthLog
from appliance.entry.last_proof import last_proof
from appliance.entry.machine import installed_release
from appliance.kernel.clock import SystemClock
from appliance.kernel.errors import HangJegyzetError
from appliance.settings import Settings
from appliance.vitals.model import CheckGlance, QueueGlance
from appliance.vitals.ring import Ring
from appliance.vitals.service import RING_FILE, VitalsService


def open_vitals(settings: Settings) -> VitalsService:
    """The vitals of this machine."""
    return VitalsService(
        gauges=MachineGauges(settings, (settings.data_dir, *ON_DISK)),
        sources=_House(settings),
        ring=Ring(RING_FILE),
        clock=SystemClock(),
        version=installed_release().version,
    )


class _House:
    """What the services say, each within what it may cost on a display that looks again and again."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def checks(self) -> Sequence[CheckGlance]:
        """What the timers found last: looking costs seconds, and some checks have rights that a display lacks."""
        return [CheckGlance(kept.id, kept.title, kept.severity) for kept in HealthLog().latest()]

    def queue(self) -> QueueGlance | None:
        """How much waits."""
        try:
            now = backlog_now(self._settings)
        except HangJegyzetError:
            return None
        return QueueGlance(now.waiting, now.longest_wait.total_seconds(), now.given_up)

    def restore_proven_at(self) -> datetime | None:
        """When a rehearsal last found everything; a report that nobody can read proves nothing."""
        try:
            proof = last_proof(self._settings)
        except (HangJegyzetError, OSError):
            return None
        return datetime.fromisoformat(proof["at"]) if proof is not None and proof["passed"] else None
