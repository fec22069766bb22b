"""Every metric, with what it means: the page about them is made from this, and nothing else is ever told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

METRICS: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "hangjegyzet_info": (("version",), "1, with the version that runs."),
    "hangjegyzet_health_severity": (("check",), "Of a check's last finding: 0 ok, 1 unknown, 2 warning, 3 critical."),
    "hangjegyzet_health_age_seconds": (("check",), "Since that finding."),
    "hangjegyzet_queue_waiting_steps": ((), "Steps that could run and do not."),
    "hangjegyzet_queue_longest_wait_seconds": ((), "Of one of them."),
    "hangjegyzet_jobs_given_up": ((), "Recordings that failed within a day."),
    "hangjegyzet_queues_without_worker": ((), "Queues in which work waits and of which no worker was heard."),
    "hangjegyzet_step_work_seconds": (("step", "quantile"), "Work on a step, over its last hundred runs."),
    "hangjegyzet_step_realtime_factor": (("step",), "Seconds of work for a second of sound: median of these runs."),
    "hangjegyzet_backup_age_seconds": ((), "Since the last backup; absent where there is none."),
    "hangjegyzet_disk_free_bytes": (("folder",), "Room on the file system under a folder."),
    "hangjegyzet_requests_total": (("method", "route", "status"), "Requests to the portal; a route is a pattern."),
    "hangjegyzet_request_seconds": (("route",), "Time until the portal's answer began, as a histogram."),
}
"""Names of metrics, their labels, and what they mean."""


@dataclass(frozen=True, slots=True)
class StepCost:
    """What the last runs of a step cost."""

    step: str
    median_s: float
    slow_s: float
    realtime_factor: float


@dataclass(frozen=True, slots=True)
class HealthFigure:
    """A check's last finding, as a number; greater is worse."""

    check: str
    severity: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Reading:
    """The machine at one moment. What could not be read is absent."""

    at: datetime
    version: str
    health: Sequence[HealthFigure] = ()
    waiting: int | None = None
    longest_wait_s: float = 0.0
    given_up: int = 0
    without_worker: int = 0
    steps: Sequence[StepCost] = ()
    backup_at: datetime | None = None
    free_bytes: Mapping[str, int] | None = None
