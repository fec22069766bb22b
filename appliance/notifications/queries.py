"""Reads of the outbox."""

from collections.abc import Sequence

from sqlalchemy import Row, text

from appliance.database.engine import Tx
from appliance.kernel.ids import JobId, MeetingId, UserId
from appliance.notifications.model import Message, MessageKind

_COLUMNS = "SELECT id, kind, recipient_id, meeting_id, job_id, created_at, delivered_at FROM outbox"
_OF_MEETING = text(f"{_COLUMNS} WHERE meeting_id = :meeting ORDER BY created_at, id")
_UNDELIVERED = text(f"{_COLUMNS} WHERE delivered_at IS NULL ORDER BY created_at, id LIMIT :most")


def of_meeting(tx: Tx, meeting_id: MeetingId) -> Sequence[Message]:
    """The messages about one meeting, oldest first."""
    return [_message(row) for row in tx.execute(_OF_MEETING, {"meeting": meeting_id})]


def undelivered(tx: Tx, *, most: int) -> Sequence[Message]:
    """What has yet to be sent, oldest first; of all tenants where the role may see them."""
    return [_message(row) for row in tx.execute(_UNDELIVERED, {"most": most})]


def _message(row: Row[tuple[object, ...]]) -> Message:
    return Message(
        id=row.id,
        kind=MessageKind(row.kind),
        recipient_id=None if row.recipient_id is None else UserId(row.recipient_id),
        meeting_id=MeetingId(row.meeting_id),
        job_id=JobId(row.job_id),
        created_at=row.created_at,
        delivered_at=row.delivered_at,
    )
