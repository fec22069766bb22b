"""Questions about jobs: what runs, how far it is, how long it will take, who is next.

Every question names the tenant of its transaction: workers may see jobs of all tenants, and their doors must not.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple, cast
from uuid import UUID

from appliance.database.engine import Database
from appliance.database.reads import Question, Rows, limited
from appliance.jobs.errors import JobNotFound
from appliance.jobs.estimates import Pace, learn, longest_way_s, shares, step_eta_s
from appliance.jobs.model import Failure, JobState, JobView, Queue, StepState, StepView
from appliance.kernel.ids import JobId, MeetingId, TenantId, UserId

LEARNED_FROM = 50
"""How many of the latest runs of a step its pace is learned from."""

_JOBS: Final = """
    SELECT j.id, j.tenant_id, j.meeting_id, j.owner_id, j.kind, j.state, j.priority, j.audio_s, j.failure_code,
           j.failure_message, j.failure_remedy, j.created_at, j.started_at, j.finished_at, now()
    FROM job j WHERE j.tenant_id = %(tenant)s"""
_SOME: Final = f"{_JOBS} AND j.id = ANY(%(job_ids)s) ORDER BY j.id DESC"
_OWNED: Final = " AND j.owner_id = %(owner_id)s"
_IN_STATES: Final = " AND j.state = ANY(%(states)s)"
_BEFORE: Final = " AND j.id < %(before)s"
_NEWEST_FIRST: Final = " ORDER BY j.id DESC"
_STEPS: Final = """
    SELECT s.job_id, s.name, s.queue, s.state, s.needs, s.progress, s.progress_from, s.attempt, s.tries,
           s.failure_code, s.failure_message, s.failure_remedy, s.ready_at, s.started_at, s.finished_at
    FROM job_step s WHERE s.job_id = ANY(%(job_ids)s) ORDER BY s.job_id, s.position"""
_HISTORY: Final = """
    SELECT wanted.kind, wanted.step, latest.audio_s, latest.work_s
    FROM (SELECT DISTINCT s.kind, s.name AS step FROM job_step s WHERE s.job_id = ANY(%(job_ids)s)) wanted
    CROSS JOIN LATERAL (SELECT h.audio_s, h.work_s FROM job_history h
                        WHERE h.kind = wanted.kind AND h.step = wanted.step
                        ORDER BY h.id DESC LIMIT %(learned_from)s) latest"""
_PLACES: Final = """
    SELECT p.job_id, min(p.place) FROM job_places() p WHERE p.job_id = ANY(%(job_ids)s) GROUP BY p.job_id"""

Paces = Mapping[tuple[str, str], Pace]


class _JobRow(NamedTuple):
    """A row of ``_JOBS``."""

    id: UUID
    tenant_id: UUID
    meeting_id: UUID | None
    owner_id: UUID | None
    kind: str
    state: str
    priority: int
    audio_s: float | None
    failure_code: str | None
    failure_message: str | None
    failure_remedy: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    now: datetime


class _StepRow(NamedTuple):
    """A row of ``_STEPS``."""

    job_id: UUID
    name: str
    queue: str
    state: str
    needs: list[str]
    progress: float
    progress_from: float
    attempt: int
    tries: int
    failure_code: str | None
    failure_message: str | None
    failure_remedy: str | None
    ready_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None


def show(database: Database, tenant_id: TenantId, job_id: UUID) -> JobView:
    """One job of the tenant.

    Raises:
        JobNotFound: the tenant has none of that id.
    """
    known = {"tenant": tenant_id, "job_ids": [job_id]}
    jobs, steps = database.ask(tenant_id, Question(_SOME, known), Question(_STEPS, known))
    if not jobs:
        raise JobNotFound(job_id=job_id)
    return _with_outlook(database, tenant_id, jobs, steps)[0]


def under_way(database: Database, tenant_id: TenantId, job_ids: Sequence[UUID]) -> tuple[JobView, ...]:
    """The jobs of these ids that the tenant has, newest first; one journey, where it is known that they move."""
    values = {"tenant": tenant_id, "job_ids": job_ids, "learned_from": LEARNED_FROM}
    return _views(*database.ask(tenant_id, *(Question(sql, values) for sql in (_SOME, _STEPS, _HISTORY, _PLACES))))


def page(
    database: Database,
    tenant_id: TenantId,
    *,
    owner_id: UserId | None = None,
    states: Collection[JobState] | None = None,
    before: UUID | None = None,
    most: int = 50,
) -> tuple[JobView, ...]:
    """Jobs of the tenant, newest first.

    Args:
        owner_id: only this person's.
        states: only in one of these.
        before: only older than this job; the last id of the page before.
    """
    wanted = [state.value for state in states] if states else None
    values = {"tenant": tenant_id, "owner_id": owner_id, "states": wanted, "before": before}
    statement = _JOBS + (_OWNED if owner_id else "") + (_IN_STATES if wanted else "") + (_BEFORE if before else "")
    (jobs,) = database.ask(tenant_id, Question(limited(statement + _NEWEST_FIRST, most), values))
    if not jobs:
        return ()
    (steps,) = database.ask(tenant_id, Question(_STEPS, {"job_ids": [job[0] for job in jobs]}))
    return _with_outlook(database, tenant_id, jobs, steps)


def _with_outlook(database: Database, tenant_id: TenantId, jobs: Rows, steps: Rows) -> tuple[JobView, ...]:
    """Finished jobs need neither history nor places: a list of old meetings stays cheap."""
    moving = [job.id for job in map(_JobRow._make, jobs) if not JobState(job.state).is_final]
    if not moving:
        return _views(jobs, steps, (), ())
    values = {"job_ids": moving, "learned_from": LEARNED_FROM}
    return _views(jobs, steps, *database.ask(tenant_id, Question(_HISTORY, values), Question(_PLACES, values)))


def _views(jobs: Rows, steps: Rows, history: Rows, line: Rows) -> tuple[JobView, ...]:
    of_job: dict[UUID, list[_StepRow]] = defaultdict(list)
    for step in map(_StepRow._make, steps):
        of_job[step.job_id].append(step)
    paces, places = _paces(history), dict(cast("Iterable[tuple[UUID, int]]", line))
    return tuple(_view(_Reading(job, of_job[job.id], paces, places.get(job.id))) for job in map(_JobRow._make, jobs))


def _paces(history: Rows) -> Paces:
    """What steps usually cost, by kind and name; those that never ran are missing."""
    samples: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for kind, step, audio_s, work_s in history:
        samples[kind, step].append((audio_s, work_s))
    learned = ((step, learn(runs)) for step, runs in samples.items())
    return {step: pace for step, pace in learned if pace is not None and pace.is_learned}


@dataclass(frozen=True, slots=True)
class _Reading:
    """What is known about one job at one moment."""

    job: _JobRow
    steps: Sequence[_StepRow]
    paces: Paces
    place: int | None

    def expected_s(self, step: _StepRow) -> float | None:
        pace = self.paces.get((self.job.kind, step.name))
        if pace is None or self.job.audio_s is None:
            return None
        return pace.s_per_audio_s * float(self.job.audio_s)

    def left_s(self, step: _StepRow) -> float | None:
        if step.state == StepState.DONE:
            return 0.0
        return step_eta_s(
            self.expected_s(step),
            progress=step.progress,
            progress_from=step.progress_from,
            elapsed_s=self._elapsed_s(step),
        )

    def _elapsed_s(self, step: _StepRow) -> float:
        started: datetime | None = step.started_at
        if started is None or not StepState(step.state).is_leased:
            return 0.0
        return float(max(0.0, (self.job.now - started).total_seconds()))


def _view(reading: _Reading) -> JobView:
    job = reading.job
    state = JobState(job.state)
    parts = shares({step.name: reading.expected_s(step) for step in reading.steps})
    steps = tuple(_step_view(reading, step, parts[step.name]) for step in reading.steps)
    runs = any(step.state.is_leased for step in steps)
    return JobView(
        id=JobId(job.id),
        tenant_id=TenantId(job.tenant_id),
        meeting_id=None if job.meeting_id is None else MeetingId(job.meeting_id),
        owner_id=None if job.owner_id is None else UserId(job.owner_id),
        kind=job.kind,
        state=state,
        priority=job.priority,
        progress=1.0 if state is JobState.DONE else min(1.0, sum(step.share * step.progress for step in steps)),
        eta_s=_job_eta_s(reading) if runs and state is JobState.RUNNING else None,
        queue_position=None if runs or state.is_final else reading.place,
        failure=_failure(job),
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        steps=steps,
    )


def _job_eta_s(reading: _Reading) -> float | None:
    needs = {step.name: step.needs for step in reading.steps}
    left = {step.name: reading.left_s(step) for step in reading.steps}
    return longest_way_s(list(needs), lambda name: needs[name], left)


def _step_view(reading: _Reading, step: _StepRow, share: float) -> StepView:
    state = StepState(step.state)
    return StepView(
        name=step.name,
        queue=Queue(step.queue),
        state=state,
        progress=step.progress,
        share=share,
        eta_s=reading.left_s(step) if state is StepState.RUNNING else None,
        attempt=step.attempt,
        tries=step.tries,
        failure=_failure(step),
        ready_at=step.ready_at,
        started_at=step.started_at,
        finished_at=step.finished_at,
    )


def _failure(row: _JobRow | _StepRow) -> Failure | None:
    if not row.failure_code:
        return None
    return Failure(row.failure_code, row.failure_message or "", row.failure_remedy or "")
