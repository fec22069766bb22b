"""Work in progress: how far it is, why it stopped, and its changes as they happen."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.concurrency import sync_to_thread
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.response import Stream

from appliance.identity.permissions import Permission
from appliance.jobs.model import Failure, JobState, JobView, Queue, StepState, StepView
from appliance.kernel.ids import JobId
from web.access import allow
from web.request import PortalRequest
from web.sse import Snapshot, event_stream

_TAGS: Final = ["jobs"]


class FailureOut(msgspec.Struct, frozen=True):
    """Why something failed, and what to do now."""

    code: str
    message: str
    remedy: str


class StepOut(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a job."""

    name: str
    queue: Queue
    state: StepState
    progress: float
    share: float
    """Part of the job's time that it usually takes; the shares add up to 1."""
    eta_s: float | None
    attempt: int
    failure: FailureOut | None
    started_at: datetime | None
    finished_at: datetime | None


class JobOut(msgspec.Struct, frozen=True, kw_only=True):
    """One job with its steps."""

    id: UUID
    meeting_id: UUID | None
    owner_id: UUID | None
    kind: str
    state: JobState
    progress: float
    eta_s: float | None
    queue_position: int | None
    failure: FailureOut | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    steps: list[StepOut]


class JobPageOut(msgspec.Struct, frozen=True, kw_only=True):
    """A page of jobs, newest first; pass ``next_cursor`` on for the next one."""

    jobs: list[JobOut]
    next_cursor: UUID | None


class RetryIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From where to take a job up again; None goes on where it stopped."""

    from_step: str | None = None


@get("/jobs", sync_to_thread=True, tags=_TAGS, **allow(Permission.JOB_READ))
def list_jobs(
    request: PortalRequest,
    cursor: FromQuery[UUID | None] = None,
    states: Annotated[list[JobState] | None, QueryParameter(name="state")] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
) -> JobPageOut:
    """The jobs that one may see, newest first; ``state`` may be given several times."""
    found = request.services.jobs.list(actor=request.actor, states=states, before=cursor, most=limit + 1)
    shown = found[:limit]
    return JobPageOut(
        jobs=[job_out(job) for job in shown], next_cursor=shown[-1].id if len(found) > limit and shown else None
    )


@get("/jobs/{job_id:uuid}", sync_to_thread=True, tags=_TAGS, **allow(Permission.JOB_READ))
def show_job(request: PortalRequest, job_id: FromPath[UUID]) -> JobOut:
    """One job."""
    return job_out(request.services.jobs.show(actor=request.actor, job_id=job_id))


@get("/jobs/{job_id:uuid}/events", tags=_TAGS, media_type="text/event-stream", **allow(Permission.JOB_READ))
async def job_events(request: PortalRequest, job_id: FromPath[UUID]) -> Stream:
    """The job as server-sent events: ``job`` whenever it changed, ``end`` when it rests."""
    actor, jobs = request.actor, request.services.jobs
    await sync_to_thread(jobs.show, actor=actor, job_id=job_id)

    def read() -> Snapshot:
        job = jobs.show(actor=actor, job_id=job_id)
        return Snapshot(job_out(job), final=job.state.is_final)

    return event_stream(
        request.job_streams.follow(user=actor.name, tenant_id=actor.tenant_id, job_id=JobId(job_id), read=read)
    )


@post("/jobs/{job_id:uuid}/cancel", sync_to_thread=True, status_code=202, tags=_TAGS, **allow(Permission.JOB_CANCEL))
def cancel_job(request: PortalRequest, job_id: FromPath[UUID]) -> JobOut:
    """Stop a job and undo what it did; it ends as soon as its running steps have noticed."""
    jobs, actor = request.services.jobs, request.actor
    jobs.cancel(actor=actor, job_id=job_id)
    return job_out(jobs.show(actor=actor, job_id=job_id))


@post("/jobs/{job_id:uuid}/retry", sync_to_thread=True, status_code=202, tags=_TAGS, **allow(Permission.JOB_RETRY))
def retry_job(request: PortalRequest, job_id: FromPath[UUID], data: JSONBody[RetryIn | None] = None) -> JobOut:
    """Take a job up again, from where it stopped or from a step."""
    jobs, actor = request.services.jobs, request.actor
    jobs.retry(actor=actor, job_id=job_id, from_step=data.from_step if data is not None else None)
    return job_out(jobs.show(actor=actor, job_id=job_id))


def job_out(job: JobView) -> JobOut:
    """A job as the API tells it."""
    return JobOut(
        id=job.id,
        meeting_id=job.meeting_id,
        owner_id=job.owner_id,
        kind=job.kind,
        state=job.state,
        progress=round(job.progress, 4),
        eta_s=None if job.eta_s is None else round(job.eta_s, 1),
        queue_position=job.queue_position,
        failure=_failure_out(job.failure),
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        steps=[_step_out(step) for step in job.steps],
    )


def _step_out(step: StepView) -> StepOut:
    return StepOut(
        name=step.name,
        queue=step.queue,
        state=step.state,
        progress=round(step.progress, 4),
        share=round(step.share, 4),
        eta_s=None if step.eta_s is None else round(step.eta_s, 1),
        attempt=step.attempt,
        failure=_failure_out(step.failure),
        started_at=step.started_at,
        finished_at=step.finished_at,
    )


def _failure_out(failure: Failure | None) -> FailureOut | None:
    return None if failure is None else FailureOut(failure.code, failure.message, failure.remedy)


ROUTE_HANDLERS = (list_jobs, show_job, job_events, cancel_job, retry_job)
