"""The list of meetings, kept up to date while some are being worked on; and the page for sending new ones."""

from typing import Any, Final

from litestar import Response, get
from litestar.response import Stream

from appliance.identity.errors import NotSignedIn
from appliance.identity.permissions import Permission, allows
from appliance.jobs.model import JobView
from appliance.kernel.ids import JobId
from appliance.meetings.model import MeetingRow
from appliance.models.errors import NoActivePack
from appliance.models.model import LanguageFitness, PackKind
from web import hx
from web.access import allow
from web.pages.meetings.lines import MOVING_JOBS, MOVING_STATES, lines
from web.request import LOCALES, PortalRequest
from web.sse import Snapshot, event_stream
from web.texts import Texts

PAGE_ROWS: Final = 20
"""What fits a screen without scrolling; older ones are one press away."""
MOST_SPEAKERS: Final = 12


@get("/meetings", sync_to_thread=True, **allow(Permission.MEETING_READ))
def meetings_page(request: PortalRequest) -> Response[str]:
    """The newest meetings, or those behind a cursor; the rows alone when the page that is open asks for them."""
    context, services = request.context, request.services
    if context.user is None:
        raise NotSignedIn
    cursor = request.query_params.get("cursor")
    page = services.meetings.page(request.actor, cursor=cursor, limit=PAGE_ROWS)
    jobs = _moving_jobs(request, page.meetings)
    template = "pages/meetings/_rows.html" if hx.wants_fragment(request.headers) else "pages/meetings/list.html"
    return request.renderer.page(
        request,
        template,
        meetings=lines(page.meetings, jobs, context.user, context.locale),
        moving=bool(jobs),
        cursor=cursor,
        next_cursor=page.next_cursor,
        here=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        can_create=allows(request.actor, Permission.MEETING_CREATE),
    )


@get("/meetings/events", sync_to_thread=False, **allow(Permission.JOB_READ))
def meetings_events(request: PortalRequest) -> Stream:
    """Tells whenever one of the visitor's jobs gets further; ends when none is left."""
    actor, jobs = request.actor, request.services.jobs

    def read() -> Snapshot:
        moving = jobs.list(actor=actor, states=MOVING_JOBS)
        told = [(str(job.id), job.state.value, round(job.progress, 2), job.queue_position) for job in moving]
        return Snapshot(told, final=not moving)

    events = request.job_streams.follow(user=actor.name, tenant_id=actor.tenant_id, job_id=None, read=read)
    return event_stream(events)


@get("/meetings/new", sync_to_thread=True, **allow(Permission.MEETING_CREATE))
def new_meeting_page(request: PortalRequest) -> Response[Any]:
    """The form for sending recordings; says beforehand what fits and which language would come out badly."""
    texts = Texts(request.context.locale)
    _ = texts.say
    return request.renderer.page(
        request,
        "pages/meetings/new.html",
        limits=request.services.meetings.limits(),
        warnings=_warnings(request, texts),
        speaker_options=[("", _("Found by listening")), *((str(n), str(n)) for n in range(1, MOST_SPEAKERS + 1))],
    )


def _moving_jobs(request: PortalRequest, rows: tuple[MeetingRow, ...]) -> dict[JobId, JobView]:
    """The jobs of rows that are being worked on; most pages have none, and ask nothing."""
    moving = [row.job_id for row in rows if row.state in MOVING_STATES and row.job_id is not None]
    return (
        {job.id: job for job in request.services.jobs.under_way(actor=request.actor, job_ids=moving)} if moving else {}
    )


def _warnings(request: PortalRequest, texts: Texts) -> list[dict[str, str]]:
    """A warning per language that the model in use gets mostly wrong, and one for a language found by listening."""
    models = request.services.models
    try:
        measured = [models.fitness(PackKind.SPEECH, locale) for locale in LOCALES]
    except NoActivePack:
        return [_no_model(locale, texts) for locale in ("auto", *LOCALES)]
    unfit = [fitness for fitness in measured if fitness.needs_warning]
    found = [_warning(fitness, texts) for fitness in unfit]
    if unfit:
        found.append(_warning_when_unknown(unfit, texts))
    return found


def _warning(fitness: LanguageFitness, texts: Texts) -> dict[str, str]:
    _ = texts.say
    values = {"pack": fitness.pack, "language": texts.language(fitness.language)}
    return {
        "language": fitness.language,
        "title": _("The model %(pack)s is not fit for this language: %(language)s") % values,
        "text": _(
            "Most of the transcript would be wrong, and so would the minutes."
            " An administrator can import a larger model first."
        ),
    }


def _warning_when_unknown(unfit: list[LanguageFitness], texts: Texts) -> dict[str, str]:
    _ = texts.say
    names = ", ".join(texts.language_in_a_sentence(fitness.language) for fitness in unfit)
    return {
        "language": "auto",
        "title": _("Not every language comes out well with the model %(pack)s") % {"pack": unfit[0].pack},
        "text": _("If people speak %(languages)s, most of the transcript would be wrong.") % {"languages": names},
    }


def _no_model(language: str, texts: Texts) -> dict[str, str]:
    _ = texts.say
    return {
        "language": language,
        "title": _("No speech model is in use on this machine"),
        "text": _("Recordings can be sent; they wait until an administrator has imported a model."),
    }


ROUTE_HANDLERS = (meetings_page, meetings_events, new_meeting_page)
