"""Reads of meetings and uploads: plain SQL, rows still sealed where they hold content.

Whoever may see a meeting is decided in the statement itself: ``reader`` is a user who sees their own, None somebody who
sees all of the tenant. The state of a meeting is that of its job, read in the same statement; nothing can disagree. Its
wrapped key is, too, in what doors show: from the commit that destroys it on, nobody can be shown the meeting.
"""

import base64
import binascii
import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import text

from appliance.database.engine import Tx
from appliance.database.reads import Question, limited
from appliance.jobs.model import JobState
from appliance.kernel.ids import MeetingId, TenantId, UploadId, UserId
from appliance.keyring.queries import WrappedMeetingKey
from appliance.meetings.errors import BadCursor
from appliance.meetings.model import MeetingState

_STATES = {
    None: MeetingState.WAITING,
    JobState.QUEUED: MeetingState.WAITING,
    JobState.RUNNING: MeetingState.PROCESSING,
    JobState.CANCELLING: MeetingState.CANCELLED,
    JobState.CANCELLED: MeetingState.CANCELLED,
    JobState.DONE: MeetingState.READY,
    JobState.FAILED: MeetingState.FAILED,
}

_COLUMNS: Final = (
    "m.id, m.title_sealed, m.owner_id, m.created_at, m.language, m.speakers, m.job_id, j.state AS job_state, "
    "r.filename_sealed, r.size_bytes, r.duration_s, r.container, r.codec, r.channels, r.sample_rate, r.has_video"
)
_FROM: Final = " FROM meeting m LEFT JOIN recording r ON r.meeting_id = m.id LEFT JOIN job j ON j.id = m.job_id"
_STATE_AT: Final = _COLUMNS.split(", ").index("j.state AS job_state")
_WIDTH: Final = _COLUMNS.count(",") + 1
_KEYED: Final = (
    f"SELECT {_COLUMNS}, k.tenant_id, k.tenant_key_version, k.wrapped{_FROM} JOIN meeting_key k ON k.meeting_id = m.id"
)
_THIS: Final = " WHERE m.id = %(meeting)s"
_OF_TENANT: Final = " WHERE m.tenant_id = %(tenant)s"
_OWN: Final = " AND m.owner_id = %(reader)s"
_AFTER: Final = " AND (m.created_at, m.id) < (%(created_at)s, %(id)s)"
_NEWEST_FIRST: Final = " ORDER BY m.created_at DESC, m.id DESC"

_EXPIRED = text("SELECT id, tenant_id FROM upload WHERE expires_at < :now ORDER BY expires_at LIMIT :most")
_REMOVALS = text("SELECT blob, tenant_id FROM blob_removal WHERE queued_at <= :before ORDER BY queued_at LIMIT :most")

_CURSOR = struct.Struct(">q16s")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SealedMeeting(NamedTuple):
    """A meeting as it lies in the database, with its recording and the state of its job.

    A tuple, because a page makes fifty, and a frozen dataclass of so many fields takes three times as long to make.
    """

    id: MeetingId
    title_sealed: bytes
    owner_id: UserId | None
    created_at: datetime
    language: str | None
    speakers: int | None
    job_id: UUID | None
    state: MeetingState
    filename_sealed: bytes | None
    size_bytes: int | None
    duration_s: float | None
    container: str | None
    codec: str | None
    channels: int | None
    sample_rate: int | None
    has_video: bool | None


def meeting(tx: Tx, meeting_id: MeetingId, *, reader: UserId | None, lock: bool = False) -> SealedMeeting | None:
    """One meeting that ``reader`` may see; with ``lock`` nobody else changes it until the transaction ends."""
    statement = f"SELECT {_COLUMNS}{_FROM}{_THIS}" + (_OWN if reader else "") + (" FOR UPDATE OF m" if lock else "")
    values = {"meeting": meeting_id, "reader": reader}
    row = tx.connection().exec_driver_sql(statement, values).one_or_none()
    return None if row is None else _sealed_meeting(row)


def one(meeting_id: MeetingId, *, reader: UserId | None) -> Question:
    """Asks for one meeting that ``reader`` may see, with its key; ``keyed`` reads the answer."""
    return Question(_KEYED + _THIS + (_OWN if reader else ""), {"meeting": meeting_id, "reader": reader})


def page(tenant_id: TenantId, *, reader: UserId | None, after: tuple[datetime, UUID] | None, most: int) -> Question:
    """Asks for up to ``most`` meetings, newest first, from the one behind ``after`` on; the same cost on every page."""
    statement = _KEYED + _OF_TENANT + (_OWN if reader else "") + (_AFTER if after else "")
    created_at, last_id = after or (None, None)
    values = {"tenant": tenant_id, "reader": reader, "created_at": created_at, "id": last_id}
    return Question(limited(statement + _NEWEST_FIRST, most), values)


def keyed(row: Sequence[Any]) -> tuple[SealedMeeting, WrappedMeetingKey]:
    """A row of ``one`` or ``page``."""
    sealed = _sealed_meeting(row[:_WIDTH])
    return sealed, WrappedMeetingKey(sealed.id, *row[_WIDTH:])


def expired_uploads(tx: Tx, *, now: datetime, most: int) -> Sequence[tuple[UploadId, TenantId]]:
    """Uploads of all tenants whose time is over; for workers, who see all tenants in this table."""
    return [(UploadId(row.id), TenantId(row.tenant_id)) for row in tx.execute(_EXPIRED, {"now": now, "most": most})]


def pending_removals(tx: Tx, *, before: datetime, most: int) -> Sequence[tuple[str, TenantId]]:
    """Blobs that a deletion left over, of all tenants."""
    rows = tx.execute(_REMOVALS, {"before": before, "most": most})
    return [(row.blob, TenantId(row.tenant_id)) for row in rows]


def encode_cursor(meeting: SealedMeeting) -> str:
    """Where a page ended, as text that means nothing to anybody else."""
    micros = (meeting.created_at - _EPOCH) // timedelta(microseconds=1)
    return base64.urlsafe_b64encode(_CURSOR.pack(micros, meeting.id.bytes)).decode()


def decode_cursor(cursor: str) -> tuple[datetime, UUID]:
    """Where to go on.

    Raises:
        BadCursor: it is none of ours.
    """
    try:
        micros, id_bytes = _CURSOR.unpack(base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True))
        return _EPOCH + timedelta(microseconds=micros), UUID(bytes=id_bytes)
    except (ValueError, struct.error, binascii.Error, OverflowError) as broken:
        raise BadCursor from broken


def _sealed_meeting(row: Sequence[Any]) -> SealedMeeting:
    """The columns come in the order of the fields."""
    values = list(row)
    values[_STATE_AT] = _STATES[values[_STATE_AT]]
    return SealedMeeting._make(values)
