"""Transcripts and minutes: to read, and to take away as files."""

import hashlib
from collections.abc import Mapping
from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody

from appliance.identity.permissions import Permission
from appliance.kernel.ids import MeetingId
from appliance.minutes.exports import require_format
from appliance.transcripts.exports import FORMATS
from appliance.transcripts.model import Transcript
from web.access import allow
from web.downloads import content_disposition
from web.request import PortalRequest

_TAGS: Final = ["documents"]
_INLINE: Final = "json"
"""What a program reads where it is; every other format is a file to keep."""
_NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    "hu": {"transcript": "leirat", "minutes": "jegyzőkönyv"},
    "en": {"transcript": "transcript", "minutes": "minutes"},
}


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Names and terms that the next transcription should expect."""

    words: tuple[str, ...]


@get("/meetings/{meeting_id:uuid}/words", sync_to_thread=True, tags=_TAGS, **allow(Permission.MEETING_READ))
def expected_words(request: PortalRequest, meeting_id: FromPath[UUID]) -> Words:
    """Names and terms that the next transcription of the meeting will expect."""
    return Words(request.services.transcripts.expected_words(request.actor, MeetingId(meeting_id)))


@put("/meetings/{meeting_id:uuid}/words", sync_to_thread=True, tags=_TAGS, **allow(Permission.MEETING_EDIT))
def expect_words(request: PortalRequest, meeting_id: FromPath[UUID], data: JSONBody[Words]) -> Words:
    """Tell them anew; they are heard when the job is tried again from the step ``transcribe``. Answers what is kept."""
    return Words(request.services.transcripts.expect_words(request.actor, MeetingId(meeting_id), data.words))


@get(
    "/meetings/{meeting_id:uuid}/transcript",
    sync_to_thread=True,
    media_type="application/json",
    tags=_TAGS,
    **allow(Permission.MEETING_READ),
)
def meeting_transcript(
    request: PortalRequest,
    meeting_id: FromPath[UUID],
    format: FromQuery[str] = _INLINE,  # noqa: A002  # its name in the API
) -> Response[bytes]:
    """The transcript as ``json``, ``vtt``, ``rttm`` or ``txt``."""
    data = request.services.transcripts.export(request.actor, MeetingId(meeting_id), format)
    return _document(request, meeting_id, "transcript", format, data, FORMATS[format][1])


@post(
    "/meetings/{meeting_id:uuid}/transcript/removed/{number:int}/restore",
    sync_to_thread=True,
    status_code=200,
    tags=_TAGS,
    **allow(Permission.MEETING_EDIT),
)
def restore_removed(request: PortalRequest, meeting_id: FromPath[UUID], number: FromPath[int]) -> Transcript:
    """Put back text that a guard removed, counted from 0; answers the new transcript."""
    return request.services.transcripts.restore(request.actor, MeetingId(meeting_id), number)


@get(
    "/meetings/{meeting_id:uuid}/minutes",
    sync_to_thread=True,
    media_type="application/json",
    tags=_TAGS,
    **allow(Permission.MEETING_READ),
)
def meeting_minutes(
    request: PortalRequest,
    meeting_id: FromPath[UUID],
    format: FromQuery[str] = _INLINE,  # noqa: A002  # its name in the API
) -> Response[bytes]:
    """The minutes with their citations as ``json`` or ``md``."""
    media_type = require_format(format)
    data = request.services.minutes.export(request.actor, MeetingId(meeting_id), format)
    return _document(request, meeting_id, "minutes", format, data, media_type)


def _document(
    request: PortalRequest, meeting_id: UUID, kind: str, ending: str, data: bytes, media_type: str
) -> Response[bytes]:
    headers = {"etag": f'"{hashlib.sha256(data).hexdigest()[:32]}"', "cache-control": "private, no-cache"}
    if headers["etag"] in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers, media_type=media_type)
    if ending != _INLINE:
        title = request.services.meetings.get(request.actor, MeetingId(meeting_id)).title
        name = f"{title} - {_NAMES[request.context.locale][kind]}.{ending}"
        headers["content-disposition"] = content_disposition(name)
    # Litestar adds the charset to text itself.
    return Response(data, headers=headers, media_type=media_type.partition(";")[0])


ROUTE_HANDLERS = (expected_words, expect_words, meeting_transcript, restore_removed, meeting_minutes)
