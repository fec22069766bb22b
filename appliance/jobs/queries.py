"""Questions about jobs: what runs, how far it is, how long it will take, who is next.

Every question names the tenant of its transaction: workers may see jobs of all tenants, and their doors must not.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from appliance.database.engine import Tx
from appliance.jobs.errors import JobNotFound
from appliance.jobs.estimates import Pace, learn, longest_way_s, shares, step_eta_s
from appliance.jobs.model import Failure, JobState, JobView, Queue, StepState, StepView
from appliance.kernel.ids import JobId, MeetingId, TenantId, UserId

LEARNED_FROM = 50
"""How many of the latest runs of a step its pace is learned from."""

_JOBS = "SELECT j.*, now() AS now FROM job j"
_ONE = text(f"{_JOBS} WHERE j.tenant_id = :tenant AND j.id = :job_id")
_PAGE = text(
    f"""
    {_JOBS}
    WHERE j.tenant_id = :tenant
      AND (CAST(:owner_id AS uuid) IS NULL OR j.owner_id = :owner_id)
      AND (CAST(:states AS text[]) IS NULL OR j.state = ANY(:states))
      AND (CAST(:before AS uuid) IS NULL OR j.id < :before)
    ORDER BY j.id DESC
    LIMIT :most
    """
)
_OF_MEETINGS = text(
    """
    SELECT DISTINCT ON (j.meeting_id) j.*, now() AS now FROM job j
    WHERE j.tenant_id = :tenant AND j.meeting_id = ANY(:meeting_ids)
    ORDER BY j.meeting_id, j.id DESC
    """
)
_STEPS = text("SELECT s.* FROM job_step s WHERE s.job_id = ANY(:job_ids) ORDER BY s.job_id, s.position")
_HISTORY = text(
    """
    SELECT wanted.kind, wanted.step, latest.audio_s, latest.work_s
    FROM (SELECT DISTINCT unnest(CAST(:kinds AS text[])) AS kind, unnest(CAST(:steps AS text[])) AS step) wanted
    CROSS JOIN LATERAL (SELECT h.audio_s, h.work_s FROM job_history h
                        WHERE h.kind = wanted.kind AND h.step = wanted.step
                        ORDER BY h.id DESC LIMIT :learned_from) latest
    """
)
_PLACES = text("SELECT p.job_id, p.step, p.place FROM job_places() p")

Paces = Mapping[tuple[str, str], Pace]


def show(tx: Tx, job_id: UUID) -> JobView:
    """One job of the tenant.

    Raises:
        JobNotFound: the tenant has none of that id.
    """
    rows = tx.execute(_ONE, {"tenant": tx.tenant_id, "job_id": job_id}).all()
    if not rows:
        raise JobNotFound(job_id=job_id)
    return _views(tx, rows)[0]


def page(
    tx: Tx,
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
    values = {"tenant": tx.tenant_id, "owner_id": owner_id, "states": wanted, "before": before, "most": most}
    rows = tx.execute(_PAGE, values).all()
    return tuple(_views(tx, rows))


def latest_of_meetings(tx: Tx, meeting_ids: Iterable[UUID]) -> dict[MeetingId, JobView]:
    """The latest job of each meeting, for lists."""
    wanted = list(meeting_ids)
    if not wanted:
        return {}
    rows = tx.execute(_OF_MEETINGS, {"tenant": tx.tenant_id, "meeting_ids": wanted}).all()
    return {view.meeting_id: view for view in _views(tx, rows) if view.meeting_id is not None}


def paces(tx: Tx, steps: Collection[tuple[str, str]]) -> Paces:
    """What steps usually cost, by kind and name; those that never ran are missing."""
    rows = tx.execute(
        _HISTORY,
        {
            "kinds": [kind for kind, _ in steps],
            "steps": [step for _, step in steps],
            "learned_from": LEARNED_FROM,
        },
    )
    samples: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for row in rows:
        samples[row.kind, row.step].append((row.audio_s, row.work_s))
    learned = ((step, learn(runs)) for step, runs in samples.items())
    return {step: pace for step, pace in learned if pace is not None and pace.is_learned}


def _views(tx: Tx, jobs: Sequence[Row[Any]]) -> list[JobView]:
    if not jobs:
        return []
    steps: dict[UUID, list[Row[Any]]] = defaultdict(list)
    for step in tx.execute(_STEPS, {"job_ids": [job.id for job in jobs]}):
        steps[step.job_id].append(step)
    # Finished jobs need neither history nor places: a list of old meetings stays cheap.
    moving = [job for job in jobs if not JobState(job.state).is_final]
    known = paces(tx, {(job.kind, step.name) for job in moving for step in steps[job.id]}) if moving else {}
    places: dict[UUID, int] = {}
    if moving:
        for row in tx.execute(_PLACES):
            places[row.job_id] = min(row.place, places.get(row.job_id, row.place))
    return [_view(_Reading(job, steps[job.id], known, places.get(job.id))) for job in jobs]


@dataclass(frozen=True, slots=True)
class _Reading:
    """What is known about one job at one moment."""

    job: Row[Any]
    steps: Sequence[Row[Any]]
    paces: Paces
    place: int | None

    def expected_s(self, step: Row[Any]) -> float | None:
        pace = self.paces.get((self.job.kind, step.name))
        if pace is None or self.job.audio_s is None:
            return None
        return pace.s_per_audio_s * float(self.job.audio_s)

    def left_s(self, step: Row[Any]) -> float | None:
        if step.state == StepState.DONE:
            return 0.0
        return step_eta_s(
            self.expected_s(step),
            progress=step.progress,
            progress_from=step.progress_from,
            elapsed_s=self._elapsed_s(step),
        )

    def _elapsed_s(self, step: Row[Any]) -> float:
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


def _step_view(reading: _Reading, step: Row[Any], share: float) -> StepView:
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


def _failure(row: Row[Any]) -> Failure | None:
    if not row.failure_code:
        return None
    return Failure(row.failure_code, row.failure_message or "", row.failure_remedy or "")
