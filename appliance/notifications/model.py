"""Messages that somebody is owed."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from appliance.kernel.ids import JobId, MeetingId, UserId


class MessageKind(StrEnum):
    """What a message is about."""

    MEETING_READY = "meeting_ready"
    """Transcript and minutes are there."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message in the outbox. It names things; its words are put together when it is sent, and never stored."""

    id: UUID
    kind: MessageKind
    recipient_id: UserId | None
    """None: whoever operates the appliance."""
    meeting_id: MeetingId
    job_id: JobId
    created_at: datetime
    delivered_at: datetime | None
