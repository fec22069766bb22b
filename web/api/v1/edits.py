"""Editing a transcript: edits on top of a revision, undo and redo, find and replace."""

from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody

from appliance.identity.permissions import Permission
from appliance.kernel.ids import MeetingId
from appliance.transcripts.editing import Edit, Replace, Replaced
from appliance.transcripts.editor import Edited
from appliance.transcripts.errors import ChangedMeanwhile
from appliance.transcripts.model import Segment, SpeakerName
from web.access import allow
from web.errors import MEDIA_TYPE, problem_of
from web.rendering import error_text
from web.request import PortalRequest

_TAGS: Final = ["transcript"]


class EditIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An edit, and the revision that its author sees."""

    base: int
    edit: Edit


class EditedOut(msgspec.Struct, frozen=True, kw_only=True):
    """What an edit changed: segments as they are now, ids that are gone, and what can be taken back."""

    revision: int
    segments: tuple[Segment, ...]
    gone: tuple[int, ...]
    names: dict[str, SpeakerName]
    can_undo: bool
    can_redo: bool


class PreviewOut(msgspec.Struct, frozen=True, kw_only=True):
    """What a replacement would change."""

    count: int
    segments: tuple[Replaced, ...]


@get(
    "/meetings/{meeting_id:uuid}/transcript/editing", sync_to_thread=True, tags=_TAGS, **allow(Permission.MEETING_EDIT)
)
def editing_state(request: PortalRequest, meeting_id: FromPath[UUID]) -> EditedOut:
    """The newest revision, what speakers are called, and what one can take back."""
    return _out(request.services.transcript_editing.state(request.actor, MeetingId(meeting_id)))


@post(
    "/meetings/{meeting_id:uuid}/transcript/edits",
    sync_to_thread=True,
    status_code=200,
    tags=_TAGS,
    **allow(Permission.MEETING_EDIT),
)
def edit_transcript(request: PortalRequest, meeting_id: FromPath[UUID], data: JSONBody[EditIn]) -> Response[Any]:
    """Make an edit; 409 carries the segments as they are now, where somebody else changed them since ``base``."""
    editing, meeting = request.services.transcript_editing, MeetingId(meeting_id)
    try:
        return Response(_out(editing.edit(request.actor, meeting, data.edit, base=data.base)))
    except ChangedMeanwhile as changed:
        return _conflict(request, changed, editing.current(request.actor, meeting, _named(data.edit)))


@post(
    "/meetings/{meeting_id:uuid}/transcript/undo",
    sync_to_thread=True,
    status_code=200,
    tags=_TAGS,
    **allow(Permission.MEETING_EDIT),
)
def undo_edit(request: PortalRequest, meeting_id: FromPath[UUID]) -> EditedOut:
    """Take back one's newest edit."""
    return _out(request.services.transcript_editing.undo(request.actor, MeetingId(meeting_id)))


@post(
    "/meetings/{meeting_id:uuid}/transcript/redo",
    sync_to_thread=True,
    status_code=200,
    tags=_TAGS,
    **allow(Permission.MEETING_EDIT),
)
def redo_edit(request: PortalRequest, meeting_id: FromPath[UUID]) -> EditedOut:
    """Make again what one took back last."""
    return _out(request.services.transcript_editing.redo(request.actor, MeetingId(meeting_id)))


@post(
    "/meetings/{meeting_id:uuid}/transcript/replace/preview",
    sync_to_thread=True,
    status_code=200,
    tags=_TAGS,
    **allow(Permission.MEETING_EDIT),
)
def preview_replace(request: PortalRequest, meeting_id: FromPath[UUID], data: JSONBody[Replace]) -> PreviewOut:
    """What a replacement would change, without changing it."""
    found = request.services.transcript_editing.preview(request.actor, MeetingId(meeting_id), data)
    return PreviewOut(count=sum(each.count for each in found), segments=found)


def _named(edit: Edit) -> tuple[int, ...]:
    """The segments that an edit names."""
    many = getattr(edit, "segments", None)
    one = getattr(edit, "segment", None)
    return tuple(many) if many is not None else () if one is None else (one,)


def _out(edited: Edited) -> EditedOut:
    return EditedOut(
        revision=edited.revision,
        segments=edited.segments,
        gone=edited.gone,
        names=edited.names,
        can_undo=edited.can_undo,
        can_redo=edited.can_redo,
    )


def _conflict(request: PortalRequest, changed: ChangedMeanwhile, now: Edited) -> Response[bytes]:
    """The problem, and beside it what its reader needs to merge."""
    problem = problem_of(changed)
    if "accept-language" in request.headers:
        detail, hint = error_text(changed, request.context.locale)
        problem = msgspec.structs.replace(problem, detail=detail, hint=hint)
    body = msgspec.to_builtins(problem) | msgspec.to_builtins(_out(now))
    return Response(msgspec.json.encode(body), status_code=problem.status, media_type=MEDIA_TYPE)


ROUTE_HANDLERS = (editing_state, edit_transcript, undo_edit, redo_edit, preview_replace)
