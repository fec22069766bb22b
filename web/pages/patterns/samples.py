"""What the examples of components show: a small invented meeting; nothing here comes from anybody's data."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from appliance.identity.permissions import Permission
from appliance.jobs.model import Failure, JobState, JobView, Queue, StepState, StepView
from appliance.kernel.actor import Actor, ActorKind
from appliance.kernel.ids import JobId, MeetingId, TenantId
from appliance.licence.model import Licence, standing
from appliance.transcripts.model import Segment
from web.formats import Formats
from web.licence import Banner, licence_banner
from web.pages.meetings.job_card import JobCard, job_card
from web.pages.meetings.lines import MeetingLine
from web.pages.meetings.reading import ClaimLine, RemovedLine, Sheet, Source, Turn, turns
from web.request import Locale

_NIL = UUID(int=0)
_AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
QUOTE = "we move the launch to the ninth of March"

_SAID = (
    ("Speaker 1", "Good morning. Let us begin with the date of the launch."),
    ("Speaker 2", "The printers need two more weeks, so we move the launch to the ninth of March."),
    ("Speaker 2", "I will tell the partners by Friday."),
    ("Speaker 3", "And who books the hall? Nobody has called them yet, and árvíztűrő tükörfúrógép is no answer."),
    ("Speaker 1", "Somebody should, before the end of the week."),
)


@dataclass(frozen=True)
class Samples:
    """Everything that examples refer to."""

    meetings: list[MeetingLine]
    job_running: JobCard
    job_failed: JobCard
    turns: list[Turn]
    removed: list[RemovedLine]
    minutes: Sheet
    banners: list[Banner]
    quote: str = QUOTE


def samples(locale: Locale) -> Samples:
    """The invented meeting in one language's formats."""
    formats = Formats(locale)
    segments = [
        Segment(id=i, start_s=i * 6.5, end_s=i * 6.5 + 5.8, speaker=speaker, text=text, words=())
        for i, (speaker, text) in enumerate(_SAID)
    ]
    return Samples(
        meetings=_meetings(formats),
        job_running=job_card(a_job(failed=False), locale, can_cancel=True, can_retry=True),
        job_failed=job_card(a_job(failed=True), locale, can_cancel=True, can_retry=True),
        turns=turns(segments, formats, names={}),
        removed=[RemovedLine(0, 41.2, 44.0, "0:41", "Thank you for watching.", "No speech is heard here.")],
        minutes=_minutes(),
        banners=_banners(locale),
    )


def _banners(locale: Locale) -> list[Banner]:
    """A licence that ends soon, that ended, and whose grace is over too."""
    days = timedelta(days=1)
    licence = Licence(
        id="HJ-2027-0042",
        customer="Kékfa Egyesület",
        people=40,
        valid_from="2026-01-01T00:00:00Z",
        valid_until="2026-12-31T00:00:00Z",
        grace_days=30,
        issued_at="2025-12-01T00:00:00Z",
    )
    at = datetime(2026, 12, 31, tzinfo=UTC)
    keeper = Actor(ActorKind.OPERATOR, TenantId(_NIL), "keeper", permissions=frozenset(Permission))
    told = [
        licence_banner(standing(licence, now=at + away * days, seen=None), keeper, locale) for away in (-10, 10, 40)
    ]
    return [one for one in told if one is not None]


def _meetings(formats: Formats) -> list[MeetingLine]:
    def row(number: int, title: str, state: str, progress: float | None = None, doing: str = "") -> MeetingLine:
        return MeetingLine(
            id=MeetingId(UUID(int=number)),
            title=title,
            state=state,
            length="–" if state == "waiting" else formats.clock(1843.0 * number),
            owner="Kovács Ágnes",
            created_at_machine=formats.machine(_AT),
            created_at_words=formats.moment(_AT),
            progress=progress,
            doing=doing,
        )

    return [
        row(1, "Launch planning", "processing", 0.42, "Write down the words · about 3 minutes left"),
        row(2, "Supervisory board, third quarter", "ready"),
        row(3, "Költségvetési egyeztetés az önkormányzattal", "failed"),
        row(4, "Interview with the second candidate for the post of head of the department of surgery", "waiting"),
    ]


def a_job(*, failed: bool) -> JobView:
    """The job of the invented meeting: half-way through, or stopped by a failure."""
    states = (
        ("validate", Queue.GENERAL, StepState.DONE, 1.0, 0.02),
        ("transcribe", Queue.SPEECH, StepState.DONE if failed else StepState.RUNNING, 1.0 if failed else 0.57, 0.41),
        ("speakers", Queue.SPEECH, StepState.DONE, 1.0, 0.18),
        ("merge", Queue.GENERAL, StepState.DONE if failed else StepState.WAITING, 1.0 if failed else 0.0, 0.01),
        ("minutes", Queue.LANGUAGE, StepState.FAILED if failed else StepState.WAITING, 0.0, 0.36),
        ("index", Queue.GENERAL, StepState.WAITING, 0.0, 0.01),
        ("notify", Queue.GENERAL, StepState.WAITING, 0.0, 0.01),
    )
    failure = Failure(
        "model.memory_short",
        "The language model needs 2.1 GiB of memory; 1.4 GiB are free.",
        "Close other programs on the machine, or choose a smaller model, then try again.",
    )
    return JobView(
        id=JobId(_NIL),
        tenant_id=TenantId(_NIL),
        meeting_id=MeetingId(_NIL),
        owner_id=None,
        kind="recording",
        state=JobState.FAILED if failed else JobState.RUNNING,
        priority=0,
        progress=0.43,
        eta_s=None if failed else 170.0,
        queue_position=None,
        failure=failure if failed else None,
        created_at=_AT,
        started_at=_AT,
        finished_at=None,
        steps=tuple(
            StepView(
                name=name,
                queue=queue,
                state=state,
                progress=progress,
                share=share,
                eta_s=80.0 if state is StepState.RUNNING else None,
                attempt=1,
                tries=0,
                failure=None,
                ready_at=None,
                started_at=None,
                finished_at=None,
            )
            for name, queue, state, progress, share in states
        ),
    )


def _minutes() -> Sheet:
    return Sheet(
        summary=(
            ClaimLine("The launch was moved because printing takes longer.", "supported", (Source(1, 1, QUOTE),)),
        ),
        decisions=(
            ClaimLine(
                "The launch is on 9 March.", "supported", (Source(1, 1, QUOTE),), replaces=(Source(2, 0, "the date"),)
            ),
        ),
        actions=(
            ClaimLine(
                "Tell the partners.", "supported", (Source(3, 2, "tell the partners"),), "Speaker 2", "by Friday"
            ),
            ClaimLine("Book the hall.", "partly", (Source(4, 3, "who books the hall"),), is_extract=True),
        ),
        questions=(ClaimLine("Who books the hall?", "supported", (Source(4, 3, "who books the hall"),)),),
        withdrawn=(),
        topics=(ClaimLine("Date of the launch", "supported", (Source(1, 1, QUOTE),), start_s=0.0, end_s=19.0),),
        rejected=(ClaimLine("The caterer was chosen.", "unsupported", (), missing=("caterer",)),),
        support="6 statements · 5 supported · 1 partly supported",
        model="a small model",
        is_stale=False,
    )
