"""What happened in the meetings that somebody may see."""

from dataclasses import dataclass
from typing import Final

from litestar import Response, get

from appliance.audit.model import AuditName
from appliance.identity.permissions import Permission
from appliance.kernel.actor import ActorKind
from appliance.kernel.ids import MeetingId
from appliance.meetings.activity import Happening
from web.access import allow
from web.request import PortalRequest
from web.texts import Texts

PAGE_ROWS: Final = 30
_DIGITS: Final = 18
"""Fewer than PostgreSQL's largest number has."""


@dataclass(frozen=True, slots=True)
class ActivityLine:
    """One thing that happened."""

    who: str
    what: str
    meeting_id: MeetingId
    title: str
    at_machine: str
    at_words: str


@get("/activity", sync_to_thread=True, **allow(Permission.MEETING_READ))
def activity_page(request: PortalRequest) -> Response[str]:
    """The newest happenings, or those behind a number; an address that holds none shows the newest."""
    texts = Texts(request.context.locale)
    asked = request.query_params.get("before", "")
    before = int(asked) if asked.isascii() and asked.isdigit() and len(asked) <= _DIGITS else None
    page = request.services.meetings.activity(request.actor, before=before, limit=PAGE_ROWS)
    return request.renderer.page(
        request,
        "pages/meetings/activity.html",
        lines=[_line(one, texts) for one in page.happenings],
        before=before,
        next_before=page.next_before,
    )


def _line(one: Happening, texts: Texts) -> ActivityLine:
    return ActivityLine(
        who=_who(one, texts),
        what=_what(one.name, texts),
        meeting_id=one.meeting_id,
        title=one.meeting_title,
        at_machine=texts.formats.machine(one.at),
        at_words=texts.formats.moment(one.at),
    )


def _who(one: Happening, texts: Texts) -> str:
    _ = texts.say
    if one.person is not None:
        return one.person
    if one.actor_kind is ActorKind.SYSTEM:
        return _("The appliance")
    return _("An operator") if one.actor_kind is ActorKind.OPERATOR else _("Somebody")


def _what(name: AuditName, texts: Texts) -> str:
    _ = texts.say
    known = {
        AuditName.UPLOAD_COMPLETED: _("Sent the recording"),
        AuditName.MEETING_RENAMED: _("Gave it another title"),
        AuditName.TRANSCRIPT_WRITTEN: _("Wrote the transcript"),
        AuditName.VOCABULARY_SET: _("Told names and terms to expect"),
        AuditName.TEXT_RESTORED: _("Put a removed passage back"),
        AuditName.MINUTES_WRITTEN: _("Wrote the minutes"),
        AuditName.RECORDING_OPENED: _("Listened to the recording"),
        AuditName.TRANSCRIPT_READ: _("Read the transcript"),
        AuditName.TRANSCRIPT_EXPORTED: _("Took the transcript out"),
        AuditName.MINUTES_READ: _("Read the minutes"),
        AuditName.MINUTES_EXPORTED: _("Took the minutes out"),
    }
    return known.get(name, name.value)


ROUTE_HANDLERS = (activity_page,)
