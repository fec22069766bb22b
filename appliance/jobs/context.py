"""What a running step may ask of the worker that runs it."""

from contextlib import AbstractContextManager
from typing import Protocol

from appliance.database.engine import Tx
from appliance.jobs.model import JobRef
from appliance.kernel.actor import Actor
from appliance.kernel.ids import MeetingId


class StepContext(Protocol):
    """One attempt at one step.

    Every method that writes is fenced: it raises ``LeaseLost`` once the step belongs to another worker, and leaves
    nothing behind. A step lets ``LeaseLost``, ``StepCancelled`` and ``StepPaused`` pass through; it never catches them.
    """

    @property
    def job(self) -> JobRef:
        """The job, as it was when the step was claimed."""
        ...

    @property
    def meeting_id(self) -> MeetingId:
        """The meeting of the job; a ``TypeError`` where the job has none."""
        ...

    @property
    def step(self) -> str:
        """The name of this step."""
        ...

    @property
    def actor(self) -> Actor:
        """Who the audit trail names: the system, acting through this worker."""
        ...

    @property
    def attempt(self) -> int:
        """How many times a worker took this step, this time included; the fencing token."""
        ...

    def transaction(self) -> AbstractContextManager[Tx]:
        """One transaction on the job's tenant that commits only while the step is still ours.

        Raises:
            LeaseLost: somebody else has the step; everything was rolled back.
            StepCancelled: the job was cancelled; nothing was begun.
        """
        ...

    def progress(self, fraction: float) -> None:
        """Tell how much of the step is done, 0 to 1. Cheap: call it as often as you like.

        Raises:
            LeaseLost, StepCancelled: stop now.
            StepPaused: the worker is stopping and can wait no longer; what is not checkpointed is done again.
        """
        ...

    def set_audio_seconds(self, audio_s: float) -> None:
        """Tell how long the recording is: estimates and fair turns are reckoned by it."""
        ...

    def checkpoint(self) -> bytes | None:
        """What the last ``save_checkpoint`` of any attempt stored; nothing on a first start.

        Raises:
            Corrupt: it is damaged.
        """
        ...

    def save_checkpoint(self, data: bytes, *, tx: Tx | None = None) -> None:
        """Keep ``data``, sealed with the meeting's key, so that the next attempt goes on from here.

        With ``tx``, a transaction of this context, it becomes durable together with the rest of that transaction: then
        what the step wrote and how far it got can never disagree.

        Raises:
            StepPaused: it is stored, and the worker is stopping. With ``tx`` this is raised after the commit, by
                ``transaction`` itself.
        """
        ...

    def finish(self, tx: Tx) -> None:
        """Let the step be done exactly when ``tx`` commits, together with its last write; return from ``run`` after it.

        Without this a crash between the last write and the return repeats the step once: fine for what is idempotent.
        """
        ...
