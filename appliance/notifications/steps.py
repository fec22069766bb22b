"""The last step of a recording: its owner is to hear about it."""

from appliance.audit.model import AuditName
from appliance.audit.service import AuditTrail
from appliance.jobs.context import StepContext
from appliance.jobs.model import Queue
from appliance.notifications.model import MessageKind
from appliance.notifications.service import Outbox


class NotifyStep:
    """Puts a message for the owner into the outbox, exactly once per job."""

    name = "notify"
    queue = Queue.GENERAL
    needs: tuple[str, ...] = ("minutes", "index")

    def __init__(self, *, outbox: Outbox, audit: AuditTrail) -> None:
        self._outbox = outbox
        self._audit = audit

    def run(self, ctx: StepContext) -> None:
        """Owe the owner of the job the news that transcript and minutes are there."""
        job = ctx.job
        with ctx.transaction() as tx:
            self._outbox.post(
                tx,
                MessageKind.MEETING_READY,
                recipient_id=job.owner_id,
                meeting_id=ctx.meeting_id,
                job_id=job.id,
            )
            self._audit.record(
                tx,
                AuditName.MESSAGE_POSTED,
                actor=ctx.actor,
                subject_type="meeting",
                subject_id=ctx.meeting_id,
                detail={"kind": MessageKind.MEETING_READY.value, "job_id": str(job.id)},
            )
            ctx.finish(tx)

    def compensate(self, ctx: StepContext) -> None:
        """Owe it no longer, unless it was sent."""
        with ctx.transaction() as tx:
            self._outbox.take_back(tx, MessageKind.MEETING_READY, job_id=ctx.job.id)
