"""The outbox: what somebody is owed is written in the transaction that made it true, and sent after it."""

from sqlalchemy import text

from appliance.database.engine import Tx
from appliance.kernel.clock import Clock
from appliance.kernel.ids import JobId, MeetingId, UserId, new_uuid
from appliance.notifications.model import MessageKind

_POST = text(
    "INSERT INTO outbox (id, tenant_id, kind, recipient_id, meeting_id, job_id, created_at)"
    " VALUES (:id, :tenant, :kind, :recipient, :meeting, :job, :now) ON CONFLICT (kind, job_id) DO NOTHING"
)
_TAKE_BACK = text("DELETE FROM outbox WHERE kind = :kind AND job_id = :job AND delivered_at IS NULL")
_FORGET = text("DELETE FROM outbox WHERE meeting_id = :meeting")


class Outbox:
    """Takes messages inside the caller's transaction, whose use case writes the audit event."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def post(
        self, tx: Tx, kind: MessageKind, *, recipient_id: UserId | None, meeting_id: MeetingId, job_id: JobId
    ) -> None:
        """Owe somebody a message; once per job and kind, however often a step is repeated."""
        tx.execute(
            _POST,
            {
                "id": new_uuid(),
                "tenant": tx.tenant_id,
                "kind": kind.value,
                "recipient": recipient_id,
                "meeting": meeting_id,
                "job": job_id,
                "now": self._clock.now(),
            },
        )

    def take_back(self, tx: Tx, kind: MessageKind, *, job_id: JobId) -> None:
        """Owe it no longer; what was sent stays sent."""
        tx.execute(_TAKE_BACK, {"kind": kind.value, "job": job_id})

    def forget(self, tx: Tx, meeting_id: MeetingId) -> None:
        """Drop all messages about a meeting that is being deleted."""
        tx.execute(_FORGET, {"meeting": meeting_id})
