"""Meetings: the list, one of them, its recording."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import msgspec
from litestar import Response, delete, get, patch, route
from litestar.concurrency import sync_to_thread
from litestar.enums import HttpMethod
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.types import ASGIApp

from appliance.audit.model import AuditName
from appliance.identity.permissions import Permission
from appliance.kernel.actor import ActorKind
from appliance.kernel.ids import MeetingId
from appliance.meetings.activity import Happening
from appliance.meetings.errors import NoRecording
from appliance.meetings.model import MeetingRow, MeetingState, MeetingView, RecordingView
from web.access import allow
from web.closing import RESUMABLE
from web.downloads import content_disposition
from web.media_types import media_type_of
from web.ranges import RangeResponse
from web.request import PortalRequest

_TAGS: Final = ["meetings"]
DEFAULT_PAGE: Final = 30
LARGEST_PAGE: Final = 200
LARGEST_NUMBER: Final = 2**63 - 1
"""What PostgreSQL counts events with."""


class MeetingRowOut(msgspec.Struct, frozen=True, kw_only=True):
    """A meeting in the list."""

    id: UUID
    title: str
    state: MeetingState
    owner_id: UUID | None
    created_at: datetime
    duration_s: float | None
    size_bytes: int | None
    language: str | None
    job_id: UUID | None


class MeetingPageOut(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the list, newest first; pass ``next_cursor`` on for the next one."""

    meetings: list[MeetingRowOut]
    next_cursor: str | None


class RecordingOut(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the recording; the media's fields are there once it was validated."""

    filename: str
    size_bytes: int
    duration_s: float | None
    container: str | None
    codec: str | None
    channels: int | None
    sample_rate: int | None
    has_video: bool | None


class MeetingOut(msgspec.Struct, frozen=True, kw_only=True):
    """One meeting."""

    id: UUID
    title: str
    state: MeetingState
    owner_id: UUID | None
    created_at: datetime
    language: str | None
    speakers: int | None
    job_id: UUID | None
    recording: RecordingOut | None
    documents: list[str]
    """What can be had of it already, such as ``transcript`` and ``minutes``."""


class HappeningOut(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that somebody did with a meeting."""

    number: int
    at: datetime
    name: AuditName
    actor_kind: ActorKind
    person: str | None
    meeting_id: UUID
    meeting_title: str


class ActivityOut(msgspec.Struct, frozen=True, kw_only=True):
    """A page of what happened, newest first; pass ``next_before`` on as ``before`` for the next one."""

    happenings: list[HappeningOut]
    next_before: int | None


class MeetingChangeIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change."""

    title: str


@get("/meetings", sync_to_thread=True, tags=_TAGS, **allow(Permission.MEETING_READ))
def list_meetings(
    request: PortalRequest,
    cursor: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=LARGEST_PAGE)] = DEFAULT_PAGE,
) -> MeetingPageOut:
    """The meetings that one may see, newest first."""
    page = request.services.meetings.page(request.actor, cursor=cursor, limit=limit)
    return MeetingPageOut(meetings=[_row_out(row) for row in page.meetings], next_cursor=page.next_cursor)


@get("/activity", sync_to_thread=True, tags=_TAGS, **allow(Permission.MEETING_READ))
def list_activity(
    request: PortalRequest,
    before: Annotated[int | None, QueryParameter(ge=1, le=LARGEST_NUMBER)] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=LARGEST_PAGE)] = DEFAULT_PAGE,
) -> ActivityOut:
    """What happened in the meetings that one may see, newest first, without one's own reading."""
    page = request.services.meetings.activity(request.actor, before=before, limit=limit)
    return ActivityOut(happenings=[_happening_out(one) for one in page.happenings], next_before=page.next_before)


@get("/meetings/{meeting_id:uuid}", sync_to_thread=True, tags=_TAGS, **allow(Permission.MEETING_READ))
def show_meeting(request: PortalRequest, meeting_id: FromPath[UUID]) -> MeetingOut:
    """One meeting."""
    return meeting_out(request.services.meetings.get(request.actor, MeetingId(meeting_id)))


@patch("/meetings/{meeting_id:uuid}", sync_to_thread=True, tags=_TAGS, **allow(Permission.MEETING_EDIT))
def change_meeting(request: PortalRequest, meeting_id: FromPath[UUID], data: JSONBody[MeetingChangeIn]) -> MeetingOut:
    """Give a meeting another title."""
    return meeting_out(request.services.meetings.rename(request.actor, MeetingId(meeting_id), data.title))


@delete("/meetings/{meeting_id:uuid}", sync_to_thread=True, tags=_TAGS, **allow(Permission.MEETING_DELETE))
def delete_meeting(request: PortalRequest, meeting_id: FromPath[UUID]) -> None:
    """Destroy a meeting: its key first, so that nothing of it can be read again. Doing it twice changes nothing."""
    request.services.meetings.delete(request.actor, MeetingId(meeting_id))


@route(
    "/meetings/{meeting_id:uuid}/audio",
    http_method=[HttpMethod.GET, HttpMethod.HEAD],
    media_type="application/octet-stream",
    tags=_TAGS,
    **allow(Permission.MEETING_READ, **{RESUMABLE: True}),
)
async def meeting_audio(request: PortalRequest, meeting_id: FromPath[UUID]) -> ASGIApp:
    """The recording as it was sent; ``Range`` asks for a part."""
    return await sync_to_thread(_open_audio, request, MeetingId(meeting_id))


@get("/meetings/{meeting_id:uuid}/peaks", sync_to_thread=True, tags=_TAGS, **allow(Permission.MEETING_READ))
def meeting_peaks(request: PortalRequest, meeting_id: FromPath[UUID]) -> Response[bytes]:
    """The waveform: one signed byte per 50 ms, from -127 to 127."""
    peaks = request.services.meetings.peaks(request.actor, MeetingId(meeting_id))
    if peaks is None:
        raise NoRecording(meeting_id=meeting_id)
    return Response(peaks, media_type="application/octet-stream")


def _open_audio(request: PortalRequest, meeting_id: MeetingId) -> ASGIApp:
    meetings, actor = request.services.meetings, request.actor
    recording = meetings.get(actor, meeting_id).recording
    if recording is None:
        raise NoRecording(meeting_id=meeting_id)
    return RangeResponse(
        meetings.open_audio(actor, meeting_id),
        etag=f'"{meeting_id.hex}-{recording.size_bytes}"',
        headers={
            "content-type": media_type_of(recording.container, has_video=bool(recording.has_video)),
            "content-disposition": content_disposition(recording.filename, inline=True),
        },
    )


def meeting_out(view: MeetingView) -> MeetingOut:
    """A meeting as the API tells it."""
    return MeetingOut(
        id=view.id,
        title=view.title,
        state=view.state,
        owner_id=view.owner_id,
        created_at=view.created_at,
        language=view.language,
        speakers=view.speakers,
        job_id=view.job_id,
        recording=None if view.recording is None else _recording_out(view.recording),
        documents=list(view.documents),
    )


def _recording_out(view: RecordingView) -> RecordingOut:
    return RecordingOut(
        filename=view.filename,
        size_bytes=view.size_bytes,
        duration_s=view.duration_s,
        container=view.container,
        codec=view.codec,
        channels=view.channels,
        sample_rate=view.sample_rate,
        has_video=view.has_video,
    )


def _happening_out(one: Happening) -> HappeningOut:
    return HappeningOut(
        number=one.number,
        at=one.at,
        name=one.name,
        actor_kind=one.actor_kind,
        person=one.person,
        meeting_id=one.meeting_id,
        meeting_title=one.meeting_title,
    )


def _row_out(row: MeetingRow) -> MeetingRowOut:
    return MeetingRowOut(
        id=row.id,
        title=row.title,
        state=row.state,
        owner_id=row.owner_id,
        created_at=row.created_at,
        duration_s=row.duration_s,
        size_bytes=row.size_bytes,
        language=row.language,
        job_id=row.job_id,
    )


ROUTE_HANDLERS = (
    list_activity,
    list_meetings,
    show_meeting,
    change_meeting,
    delete_meeting,
    meeting_audio,
    meeting_peaks,
)
