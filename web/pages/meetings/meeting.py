"""One meeting: its progress while it is worked on, then transcript, player and minutes; renaming and deleting it."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, URLEncodedBody

from appliance.identity.permissions import Permission, allows
from appliance.kernel.errors import NotFound
from appliance.kernel.ids import MeetingId
from appliance.meetings.model import MeetingState, MeetingView
from appliance.minutes.errors import MinutesNotFound
from appliance.transcripts.model import Transcript
from web.access import allow
from web.pages.forms import HOME, Form, see
from web.pages.meetings.job_card import JobCard, job_card
from web.pages.meetings.reading import RemovedLine, Sheet, Turn, turns, word_places
from web.pages.meetings.sheet import relocated, sheet
from web.request import PortalRequest
from web.texts import Texts

_TRANSCRIPT: Final = "transcript"
_MINUTES: Final = "minutes"


@dataclass(frozen=True, slots=True)
class Reading:
    """The transcript as the page shows it."""

    turns: list[Turn]
    removed: list[RemovedLine]
    duration_s: float
    speakers: int
    segments: int


@dataclass(frozen=True, slots=True)
class ExportItem:
    """One file that can be taken away."""

    href: str
    label: str
    ending: str
    symbol: str


@get("/meetings/{meeting_id:uuid}", sync_to_thread=True, **allow(Permission.MEETING_READ))
def meeting_page(request: PortalRequest, meeting_id: FromPath[UUID]) -> Response[str]:
    """Everything about one meeting."""
    texts = Texts(request.context.locale)
    meeting = request.services.meetings.get(request.actor, MeetingId(meeting_id))
    transcript = text = minutes = None
    if _TRANSCRIPT in meeting.documents:
        transcript = request.services.transcripts.get(request.actor, meeting.id)
        text = _reading(transcript, texts)
        minutes = _sheet(request, meeting, transcript, texts) if _MINUTES in meeting.documents else None
    return request.renderer.page(
        request,
        "pages/meetings/meeting.html",
        meeting=meeting,
        facts=_facts(meeting, text, texts),
        job=_job(request, meeting),
        text=text,
        sheet=minutes,
        exports=_exports(meeting, texts, has_minutes=minutes is not None) if text else [],
        can_edit=_is_own(request, meeting) and allows(request.actor, Permission.MEETING_EDIT),
        can_rewrite=_can_rewrite(request, meeting, minutes),
        can_delete=_is_own(request, meeting) and allows(request.actor, Permission.MEETING_DELETE),
    )


@get("/meetings/{meeting_id:uuid}/progress", sync_to_thread=True, **allow(Permission.MEETING_READ))
def meeting_progress(request: PortalRequest, meeting_id: FromPath[UUID]) -> Response[str]:
    """The progress alone, for the page that is open."""
    meeting = request.services.meetings.get(request.actor, MeetingId(meeting_id))
    return request.renderer.page(
        request, "pages/meetings/_progress.html", meeting=meeting, job=_job(request, meeting, even_done=True)
    )


@get("/meetings/{meeting_id:uuid}/words", sync_to_thread=True, **allow(Permission.MEETING_READ))
def meeting_words(request: PortalRequest, meeting_id: FromPath[UUID]) -> Response[bytes]:
    """Where each word stands in its row and when it is said, for the player: one flat list of numbers a row."""
    transcript = request.services.transcripts.get(request.actor, MeetingId(meeting_id))
    places = [word_places(segment) for segment in transcript.segments]
    return Response(msgspec.json.encode(places), media_type="application/json")


@get("/meetings/{meeting_id:uuid}/peaks", sync_to_thread=True, **allow(Permission.MEETING_READ))
def meeting_peaks(request: PortalRequest, meeting_id: FromPath[UUID]) -> Response[bytes]:
    """The shape of the sound, one signed byte for 50 ms; empty while it is not known."""
    peaks = request.services.meetings.peaks(request.actor, MeetingId(meeting_id))
    return Response(peaks or b"", media_type="application/octet-stream")


@post("/meetings/{meeting_id:uuid}/rename", sync_to_thread=True, **allow(Permission.MEETING_EDIT))
def rename_meeting(request: PortalRequest, meeting_id: FromPath[UUID], data: URLEncodedBody[Form]) -> Response[Any]:
    """Give the meeting another title."""
    request.services.meetings.rename(request.actor, MeetingId(meeting_id), data.get("title", ""))
    return see(f"/meetings/{meeting_id}")


@post("/meetings/{meeting_id:uuid}/delete", sync_to_thread=True, **allow(Permission.MEETING_DELETE))
def delete_meeting(request: PortalRequest, meeting_id: FromPath[UUID]) -> Response[Any]:
    """Destroy the meeting."""
    request.services.meetings.delete(request.actor, MeetingId(meeting_id))
    return see(HOME)


@post("/meetings/{meeting_id:uuid}/removed/{number:int}/restore", sync_to_thread=True, **allow(Permission.MEETING_EDIT))
def restore_passage(request: PortalRequest, meeting_id: FromPath[UUID], number: FromPath[int]) -> Response[Any]:
    """Put a removed passage back where it was."""
    request.services.transcripts.restore(request.actor, MeetingId(meeting_id), number)
    return see(f"/meetings/{meeting_id}#removed")


@post("/jobs/{job_id:uuid}/retry", sync_to_thread=True, **allow(Permission.JOB_RETRY))
def retry_job(request: PortalRequest, job_id: FromPath[UUID], data: URLEncodedBody[Form]) -> Response[Any]:
    """Take the work up again, from a step or from where it stopped."""
    request.services.jobs.retry(actor=request.actor, job_id=job_id, from_step=data.get("from_step"))
    return see(_meeting_of(data))


@post("/jobs/{job_id:uuid}/cancel", sync_to_thread=True, **allow(Permission.JOB_CANCEL))
def cancel_job(request: PortalRequest, job_id: FromPath[UUID], data: URLEncodedBody[Form]) -> Response[Any]:
    """Stop the work."""
    request.services.jobs.cancel(actor=request.actor, job_id=job_id)
    return see(_meeting_of(data))


def _meeting_of(form: Form) -> str:
    try:
        return f"/meetings/{UUID(form.get('meeting', ''))}"
    except ValueError:
        return HOME


def _is_own(request: PortalRequest, meeting: MeetingView) -> bool:
    return meeting.owner_id is not None and meeting.owner_id == request.actor.user_id


def _can_rewrite(request: PortalRequest, meeting: MeetingView, minutes: Sheet | None) -> bool:
    """Whether the minutes are older than the transcript, nobody works on new ones, and this person may ask for them."""
    is_outdated = minutes is not None and minutes.is_stale and meeting.state is MeetingState.READY
    return is_outdated and _is_own(request, meeting) and allows(request.actor, Permission.JOB_RETRY)


def _job(request: PortalRequest, meeting: MeetingView, *, even_done: bool = False) -> JobCard | None:
    """The meeting's job, unless it went well and there is nothing to tell."""
    if meeting.job_id is None or (meeting.state is MeetingState.READY and not even_done):
        return None
    try:
        job = request.services.jobs.show(actor=request.actor, job_id=meeting.job_id)
    except NotFound:
        return None
    return job_card(
        job,
        request.context.locale,
        can_cancel=allows(request.actor, Permission.JOB_CANCEL),
        can_retry=allows(request.actor, Permission.JOB_RETRY),
    )


def _reading(transcript: Transcript, texts: Texts) -> Reading:
    names = {each.speaker: texts.speaker(transcript.name_of(each.speaker)) for each in transcript.segments}
    return Reading(
        turns=turns(transcript.segments, texts.formats, names=names),
        removed=_removed(transcript, texts),
        duration_s=transcript.duration_s,
        speakers=len(names),
        segments=len(transcript.segments),
    )


def _removed(transcript: Transcript, texts: Texts) -> list[RemovedLine]:
    return [
        RemovedLine(
            number, one.start_s, one.end_s, texts.formats.clock(one.start_s), one.text, texts.removal(one.reason)
        )
        for number, one in enumerate(transcript.removed)
    ]


def _sheet(request: PortalRequest, meeting: MeetingView, transcript: Transcript, texts: Texts) -> Sheet | None:
    try:
        view = request.services.minutes.view(request.actor, meeting.id)
    except MinutesNotFound:
        return None
    minutes = relocated(view.minutes, transcript) if view.is_stale else view.minutes
    return sheet(minutes, texts, is_stale=view.is_stale)


def _facts(meeting: MeetingView, text: Reading | None, texts: Texts) -> str:
    """Under the title: rows, speakers, length, day."""
    parts = []
    if text:
        parts.append(texts.count("%(count)s utterance", "%(count)s utterances", text.segments))
        parts.append(texts.count("%(count)s speaker", "%(count)s speakers", text.speakers))
    duration_s = text.duration_s if text else meeting.duration_s
    if duration_s is not None:
        parts.append(texts.formats.clock(duration_s))
    parts.append(texts.formats.moment(meeting.created_at))
    return " · ".join(parts)


def _exports(meeting: MeetingView, texts: Texts, *, has_minutes: bool) -> list[tuple[str, list[ExportItem]]]:
    _ = texts.say
    base = f"/api/v1/meetings/{meeting.id}"
    transcript = [
        ExportItem(f"{base}/transcript?format=txt", _("Plain text"), ".txt", "file-text"),
        ExportItem(f"{base}/transcript?format=vtt", _("Subtitles"), ".vtt", "captions"),
        ExportItem(f"{base}/transcript?format=json", _("Data"), ".json", "file-json"),
        ExportItem(f"{base}/transcript?format=rttm", _("Speaker turns"), ".rttm", "users"),
    ]
    minutes = [
        ExportItem(f"{base}/minutes?format=md", _("Text with sources"), ".md", "notebook-text"),
        ExportItem(f"{base}/minutes?format=json", _("Data"), ".json", "file-json"),
    ]
    found = [(_("Transcript"), transcript)]
    return [(_("Minutes"), minutes), *found] if has_minutes else found


ROUTE_HANDLERS = (
    meeting_page,
    meeting_progress,
    meeting_words,
    meeting_peaks,
    rename_meeting,
    delete_meeting,
    restore_passage,
    retry_job,
    cancel_job,
)
