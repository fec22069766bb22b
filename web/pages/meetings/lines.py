"""A row of the list of meetings: what the meeting is, and what its job is doing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from appliance.identity.model import UserView
from appliance.jobs.model import JobState, JobView
from appliance.kernel.ids import JobId, MeetingId
from appliance.meetings.model import MeetingRow, MeetingState
from web.formats import Formats
from web.pages.meetings.job_card import doing
from web.request import Locale

MOVING_STATES = (MeetingState.WAITING, MeetingState.PROCESSING)
MOVING_JOBS = (JobState.QUEUED, JobState.RUNNING, JobState.CANCELLING)


@dataclass(frozen=True, slots=True)
class MeetingLine:
    """One meeting of the list."""

    id: MeetingId
    title: str
    state: str
    length: str
    owner: str
    created_at_machine: str
    created_at_words: str
    progress: float | None
    doing: str

    @property
    def is_moving(self) -> bool:
        """Whether work on it goes on."""
        return bool(self.doing)


def lines(
    rows: Iterable[MeetingRow], jobs: Mapping[JobId, JobView], reader: UserView, locale: Locale
) -> list[MeetingLine]:
    """The rows of a page, with the progress of those that are being worked on."""
    formats = Formats(locale)
    return [_line(row, jobs.get(row.job_id) if row.job_id else None, reader, formats) for row in rows]


def _line(row: MeetingRow, job: JobView | None, reader: UserView, formats: Formats) -> MeetingLine:
    return MeetingLine(
        id=row.id,
        title=row.title,
        state=row.state.value,
        length="–" if row.duration_s is None else formats.clock(row.duration_s),
        owner=reader.name if row.owner_id == reader.id else "",
        created_at_machine=formats.machine(row.created_at),
        created_at_words=formats.moment(row.created_at),
        progress=job.progress if job and job.state is JobState.RUNNING else None,
        doing=doing(job, formats.locale) if job else "",
    )
