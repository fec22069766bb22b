"""Sending a recording in: declared first, then slice after slice, resumable at every point."""

import base64
import binascii
import re
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import msgspec
from litestar import delete, get, post, put
from litestar.concurrency import sync_to_thread
from litestar.params import FromPath, FromQuery, JSONBody

from appliance.identity.permissions import Permission
from appliance.kernel.errors import Invalid
from appliance.kernel.ids import JobId, MeetingId, UploadId
from appliance.meetings.model import UploadView
from web.access import allow
from web.closing import RESUMABLE
from web.request import PortalRequest
from web.slices import receive_slice

_SHA256: Final = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]+):\s*(?:,|$)")
_TAGS: Final = ["uploads"]


class BadDigest(Invalid):
    """The header with the checksum cannot be read."""

    code = "web.bad_digest"
    message = "The header Content-Digest cannot be read."
    hint = "Send it as sha-256=:BASE64: (RFC 9530), with the SHA-256 of the slice."


class LimitsOut(msgspec.Struct, frozen=True, kw_only=True):
    """What a recording may be; ask before the first byte."""

    max_bytes: int
    slice_bytes: int
    chunk_bytes: int
    max_duration_s: int
    free_bytes: int


class NewUploadIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A recording that is about to be sent."""

    filename: str
    size_bytes: int
    title: str | None = None
    language: str | None = None
    speakers: int | None = None
    words: tuple[str, ...] = ()
    """Names and terms to expect."""


class UploadOut(msgspec.Struct, frozen=True, kw_only=True):
    """Where an upload stands; the first ``offset`` bytes are encrypted and durable."""

    id: UUID
    meeting_id: UUID
    filename: str
    size_bytes: int
    offset: int
    slice_bytes: int
    max_bytes: int
    expires_at: datetime
    job_id: UUID | None
    """Set once the upload has become a meeting."""


class OffsetOut(msgspec.Struct, frozen=True):
    """Where to go on."""

    offset: int


class CompletionIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the sender knows of the whole file."""

    sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-fA-F]{64}$")] | None = None


class StartedMeetingOut(msgspec.Struct, frozen=True, kw_only=True):
    """The meeting that an upload has become, and the job that works on it."""

    meeting_id: MeetingId
    job_id: JobId


@get("/uploads/limits", sync_to_thread=True, tags=_TAGS, **allow(Permission.MEETING_CREATE))
def upload_limits(request: PortalRequest) -> LimitsOut:
    """What a recording may be."""
    limits = request.services.meetings.limits()
    return LimitsOut(
        max_bytes=limits.max_bytes,
        slice_bytes=limits.slice_bytes,
        chunk_bytes=limits.chunk_bytes,
        max_duration_s=limits.max_duration_s,
        free_bytes=limits.free_bytes,
    )


@post("/uploads", sync_to_thread=True, tags=_TAGS, **allow(Permission.MEETING_CREATE))
def start_upload(request: PortalRequest, data: JSONBody[NewUploadIn]) -> UploadOut:
    """Declare a recording; refused here if it is too large or the disk has no room."""
    view = request.services.meetings.start_upload(
        request.actor,
        filename=data.filename,
        size_bytes=data.size_bytes,
        title=data.title,
        language=data.language,
        speakers=data.speakers,
        words=data.words,
    )
    return _upload_out(request, view)


@get("/uploads", sync_to_thread=True, tags=_TAGS, **allow(Permission.MEETING_CREATE))
def open_uploads(request: PortalRequest) -> list[UploadOut]:
    """One's own uploads that are not complete, oldest first: go on with them, or give them up."""
    return [_upload_out(request, view) for view in request.services.meetings.open_uploads(request.actor)]


@get("/uploads/{upload_id:uuid}", sync_to_thread=True, tags=_TAGS, **allow(Permission.MEETING_CREATE))
def show_upload(request: PortalRequest, upload_id: FromPath[UUID]) -> UploadOut:
    """Where an upload stands: go on from ``offset``."""
    return _upload_out(request, request.services.meetings.upload(request.actor, UploadId(upload_id)))


@put(
    "/uploads/{upload_id:uuid}",
    request_max_body_size=None,
    tags=_TAGS,
    **allow(Permission.MEETING_CREATE, **{RESUMABLE: True}),
)
async def append_slice(request: PortalRequest, upload_id: FromPath[UUID], offset: FromQuery[int]) -> OffsetOut:
    """Send the bytes from ``offset`` on as the raw body; ``Content-Digest`` has them checked.

    409 names the offset at which the upload really stands. A connection that breaks costs what was not yet a whole
    chunk.
    """
    meetings = request.services.meetings
    digest = content_digest(request.headers.get("content-digest"))
    writer = await sync_to_thread(
        meetings.append,
        request.actor,
        UploadId(upload_id),
        offset=offset,
        length=request.content_length,
        sha256=digest,
    )
    return OffsetOut(await receive_slice(request, writer))


@post("/uploads/{upload_id:uuid}/complete", sync_to_thread=True, tags=_TAGS, **allow(Permission.MEETING_CREATE))
def complete_upload(
    request: PortalRequest, upload_id: FromPath[UUID], data: JSONBody[CompletionIn | None] = None
) -> StartedMeetingOut:
    """Make a meeting of the upload and start its job. Asking again gives the same answer."""
    sha256 = bytes.fromhex(data.sha256) if data is not None and data.sha256 else None
    started = request.services.meetings.complete(request.actor, UploadId(upload_id), sha256=sha256)
    return StartedMeetingOut(meeting_id=started.meeting_id, job_id=started.job_id)


@delete("/uploads/{upload_id:uuid}", sync_to_thread=True, tags=_TAGS, **allow(Permission.MEETING_CREATE))
def abandon_upload(request: PortalRequest, upload_id: FromPath[UUID]) -> None:
    """Give an upload up; what was sent is destroyed."""
    request.services.meetings.abandon(request.actor, UploadId(upload_id))


def content_digest(header: str | None) -> bytes | None:
    """The SHA-256 in a ``Content-Digest`` header (RFC 9530); None without the header.

    Raises:
        BadDigest: there is a header, and no SHA-256 in it.
    """
    if header is None:
        return None
    found = _SHA256.search(header)
    try:
        digest = base64.b64decode(found[1], validate=True) if found else b""
    except binascii.Error as fault:
        raise BadDigest from fault
    if len(digest) != 32:
        raise BadDigest
    return digest


def _upload_out(request: PortalRequest, view: UploadView) -> UploadOut:
    settings = request.services.settings.upload
    return UploadOut(
        id=view.id,
        meeting_id=view.meeting_id,
        filename=view.filename,
        size_bytes=view.size_bytes,
        offset=view.offset,
        slice_bytes=settings.slice_bytes,
        max_bytes=settings.max_bytes,
        expires_at=view.expires_at,
        job_id=view.job_id,
    )


ROUTE_HANDLERS = (upload_limits, open_uploads, start_upload, show_upload, append_slice, complete_upload, abandon_upload)
