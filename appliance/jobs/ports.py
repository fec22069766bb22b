"""What the room of jobs needs from elsewhere: steps from other rooms, a doorbell, and news of changes."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from appliance.database.engine import Tx
from appliance.jobs.context import StepContext
from appliance.jobs.model import Queue
from appliance.kernel.ids import JobId, TenantId


class Step(Protocol):
    """One step of a saga, contributed by the room whose work it does.

    ``name`` is stable over releases: it is stored with every job. A worker that does not know a name leaves the step
    alone. Both methods are idempotent, because a process may die at any point in them.
    """

    @property
    def name(self) -> str: ...

    @property
    def queue(self) -> Queue: ...

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the steps whose results this one reads."""
        ...

    def run(self, ctx: StepContext) -> None:
        """Do the work; return when it is stored.

        Raises:
            Invalid, Refused, Corrupt, NotFound: trying again is useless; the job fails with this error's words.
            Exception: anything else is tried again after a while, and becomes a dead letter when tries are used up.
        """
        ...

    def compensate(self, ctx: StepContext) -> None:
        """Remove everything that ``run`` may have stored, finished or not."""
        ...


class Doorbell(Protocol):
    """Tells idle workers that a step became ready; losing a ring loses time, never work."""

    def ring(self, tx: Tx, queue: Queue, job_id: JobId, *, at: datetime | None = None) -> None:
        """Ring when ``tx`` commits, or from ``at`` on. The ring carries the job's id and nothing else."""
        ...

    def pending(self, tx: Tx, queue: Queue) -> int:
        """How many rings of a queue no worker has heard yet."""
        ...


class JobSubscription(Protocol):
    """One listener's view on changes of jobs."""

    def wait(self, timeout_s: float) -> bool:
        """Block until something changed since the last call; ``False`` when nothing did in that time."""
        ...


class JobNews(Protocol):
    """Hands changes of jobs to doors, over one connection of the process."""

    def subscribe(
        self, *, tenant_id: TenantId, job_id: JobId | None = None, wake: Callable[[], None] | None = None
    ) -> AbstractContextManager[JobSubscription]:
        """Listen to one job, or to all jobs of a tenant.

        A signal says only that something changed: the listener reads the job again. ``wake`` is called from the
        listening thread as well, for doors that wait in an event loop.
        """
        ...
