"""When a failed step is tried again, and when it is given up. Pure rules."""

from dataclasses import dataclass
from enum import StrEnum

from appliance.jobs.errors import StepFailedUnexpectedly
from appliance.jobs.model import Failure
from appliance.kernel.errors import Corrupt, HangJegyzetError, Invalid, NotFound, Refused

LONGEST_PAUSE_S = 300.0
UNSHAKEN = 0.5
"""The part of a pause that chance leaves alone; the rest keeps workers from trying again in step."""


class Verdict(StrEnum):
    """What becomes of a step that failed."""

    AGAIN = "again"
    """It may pass: tried again after a pause."""
    GIVEN_UP = "given_up"
    """It may pass, but not by itself: a dead letter that keeps its checkpoint."""
    REFUSED = "refused"
    """It can never pass: a dead letter, cleaned up."""


@dataclass(frozen=True, slots=True)
class LeasePolicy:
    """How long leases last, and how patient the house is with a step."""

    lease_s: float = 30.0
    heartbeat_s: float = 5.0
    reap_s: float = 5.0
    max_attempts: int = 5
    retry_s: float = 2.0
    """Pause after the first failed try; doubled with every further one."""
    stop_s: float = 20.0
    """How long a stopping worker waits for a step to reach its next checkpoint."""


def pause_s(tries: int, *, first_s: float, chance: float) -> float:
    """Seconds until the next try: doubled with each, bounded, and shaken by ``chance`` (0 to 1).

    Args:
        tries: failed tries so far, at least 1.
    """
    pause = min(LONGEST_PAUSE_S, first_s * 2.0 ** min(tries - 1, 32))
    return pause * (UNSHAKEN + (1 - UNSHAKEN) * chance)


def judge(error: Exception, *, tries: int, max_attempts: int) -> Verdict:
    """What becomes of a step that raised ``error`` on its try number ``tries``."""
    if isinstance(error, Invalid | Refused | Corrupt | NotFound):
        return Verdict.REFUSED
    return Verdict.AGAIN if tries < max_attempts else Verdict.GIVEN_UP


def explain(error: Exception, *, step: str, job_id: object, tries: int) -> Failure:
    """What a person is told; of an error that nobody foresaw only its kind, because its words may quote content."""
    if not isinstance(error, HangJegyzetError):
        error = StepFailedUnexpectedly(step=step, job_id=job_id, tries=tries, kind=type(error).__name__)
    return Failure(error.code, str(error), error.remedy)
