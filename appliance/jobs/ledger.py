"""One job with all its steps, locked, changed and written back in one piece.

Locks are always taken in the same order, so that nobody waits in a circle: steps by position, then the job, then what
the audit trail locks. Time is the database's: it is the one clock that all workers share.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, text
from sqlmodel import col, select

from appliance.audit.model import AuditName, Outcome
from appliance.audit.service import AuditTrail
from appliance.database.engine import Tx
from appliance.jobs.course import Course, Stage
from appliance.jobs.errors import JobNotFound
from appliance.jobs.model import Failure, JobState, Queue, StepState
from appliance.jobs.ports import Doorbell
from appliance.jobs.tables import Job, JobStep
from appliance.kernel.actor import Actor
from appliance.kernel.ids import JobId

CHANNEL = "hangjegyzet_jobs"
"""Where changes of jobs are notified."""

_AUDITED = {
    JobState.DONE: (AuditName.JOB_DONE, Outcome.OK),
    JobState.FAILED: (AuditName.JOB_FAILED, Outcome.FAILED),
    JobState.CANCELLED: (AuditName.JOB_CANCELLED, Outcome.OK),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A job and its steps as rows, locked until the transaction ends."""

    job: Job
    steps: tuple[JobStep, ...]
    now: datetime

    @property
    def course(self) -> Course:
        """What the rules of the course work on."""
        return Course(JobState(self.job.state), tuple(_stage(step) for step in self.steps))

    def step(self, name: str) -> JobStep:
        """The row of one step."""
        return next(step for step in self.steps if step.name == name)


class Ledger:
    """Writes what has become of jobs: rows, rings, news and audit events in one transaction."""

    def __init__(self, *, doorbell: Doorbell, audit: AuditTrail) -> None:
        self._doorbell = doorbell
        self._audit = audit

    def open(self, tx: Tx, job_id: UUID) -> Entry:
        """Lock a job and its steps.

        Raises:
            JobNotFound: there is none within the tenant of ``tx``.
        """
        steps = tx.exec(
            select(JobStep)
            .where(JobStep.job_id == job_id)
            .order_by(col(JobStep.position))
            .with_for_update()
            .execution_options(populate_existing=True)
        ).all()
        found = tx.exec(
            select(Job, func.now())
            .where(Job.id == job_id)
            .with_for_update(of=Job)
            .execution_options(populate_existing=True)
        ).one_or_none()
        if found is None:
            raise JobNotFound(job_id=job_id)
        return Entry(found[0], tuple(steps), found[1])

    def add(self, tx: Tx, job: Job, course: Course) -> None:
        """Write a new job with its steps, and ring for those that are ready."""
        tx.add(job)
        tx.flush()
        for position, stage in enumerate(course.stages):
            tx.add(_new_step(job, stage, position))
            if stage.state.is_claimable:
                self._doorbell.ring(tx, stage.queue, JobId(job.id))
        tx.flush()
        announce(tx, job.id, job.tenant_id, job.meeting_id)

    def write(
        self,
        tx: Tx,
        entry: Entry,
        course: Course,
        *,
        actor: Actor,
        failures: Mapping[str, Failure] | None = None,
        pause_s: float = 0.0,
    ) -> None:
        """Turn ``entry`` into ``course``.

        Args:
            failures: why steps failed, by name.
            pause_s: how long steps that become ready wait before they are taken.
        """
        for row, stage in zip(entry.steps, course.stages, strict=True):
            before = _stage(row)
            if failures and stage.name in failures:
                _explain(row, failures[stage.name])
            if stage == before:
                continue
            self._write_step(tx, entry, row, before, stage)
            if stage.state.is_claimable and not before.state.is_claimable:
                row.ready_at = entry.now + timedelta(seconds=pause_s)
                self._doorbell.ring(tx, stage.queue, JobId(row.job_id), at=row.ready_at if pause_s else None)
        self._write_job(tx, entry, course, actor)
        tx.flush()
        announce(tx, entry.job.id, entry.job.tenant_id, entry.job.meeting_id)

    def _write_step(self, tx: Tx, entry: Entry, row: JobStep, before: Stage, after: Stage) -> None:
        if before.state.is_leased:
            row.worker = row.lease_expires_at = None
            row.resumed = True
        row.state, row.dirty = after.state.value, after.dirty
        row.after_undo = after.after_undo.value if after.after_undo else None
        if after.state is StepState.DONE:
            row.finished_at, row.progress = entry.now, 1.0
            _start_afresh(row)
            _drop_checkpoint(tx, row)
        elif before.state is StepState.UNDOING and not after.dirty:
            row.started_at, row.progress = None, 0.0
            _start_afresh(row, keep_failure=after.state is StepState.FAILED)
            _drop_checkpoint(tx, row)
        elif before.state in {StepState.FAILED, StepState.CANCELLED, StepState.DONE}:
            row.finished_at = None
            _start_afresh(row)
            row.resumed = after.dirty and after.state is StepState.READY  # it goes on from its checkpoint
        elif after.state is StepState.FAILED:
            row.finished_at = entry.now

    def _write_job(self, tx: Tx, entry: Entry, course: Course, actor: Actor) -> None:
        job, before = entry.job, JobState(entry.job.state)
        failed = next((step for step in entry.steps if step.failure_code and step.state == StepState.FAILED), None)
        if failed is None:
            failed = next((step for step in entry.steps if step.failure_code and step.after_undo == "failed"), None)
        job.failed_step = failed.name if failed else None
        job.failure_code = failed.failure_code if failed else None
        job.failure_message = failed.failure_message if failed else None
        job.failure_remedy = failed.failure_remedy if failed else None
        job.state = course.state.value
        job.finished_at = entry.now if course.state.is_final else None
        if course.state is before or course.state not in _AUDITED:
            return
        name, outcome = _AUDITED[course.state]
        self._audit.record(
            tx,
            name,
            actor=actor,
            subject_type="job",
            subject_id=job.id,
            outcome=outcome,
            detail={"kind": job.kind, "step": job.failed_step, "code": job.failure_code},
        )


def announce(tx: Tx, job_id: UUID, tenant_id: UUID, meeting_id: UUID | None) -> None:
    """Tell doors, once ``tx`` commits, that something about a job changed."""
    payload = {"job_id": str(job_id), "tenant_id": str(tenant_id), "meeting_id": meeting_id and str(meeting_id)}
    tx.execute(text("SELECT pg_notify(:channel, :payload)"), {"channel": CHANNEL, "payload": json.dumps(payload)})


def _stage(row: JobStep) -> Stage:
    return Stage(
        row.name,
        Queue(row.queue),
        tuple(row.needs),
        StepState(row.state),
        row.dirty,
        StepState(row.after_undo) if row.after_undo else None,
    )


def _new_step(job: Job, stage: Stage, position: int) -> JobStep:
    return JobStep(
        job_id=job.id,
        name=stage.name,
        tenant_id=job.tenant_id,
        position=position,
        kind=job.kind,
        queue=stage.queue.value,
        needs=list(stage.needs),
        priority=job.priority,
        owner_key=job.owner_id or job.tenant_id,
        state=stage.state.value,
        ready_at=job.created_at if stage.state.is_claimable else None,
    )


def _explain(row: JobStep, failure: Failure) -> None:
    row.failure_code, row.failure_message, row.failure_remedy = failure.code, failure.message, failure.remedy


def _start_afresh(row: JobStep, *, keep_failure: bool = False) -> None:
    row.tries = row.losses = 0
    row.resumed = False
    if not keep_failure:
        row.failure_code = row.failure_message = row.failure_remedy = None


def _drop_checkpoint(tx: Tx, row: JobStep) -> None:
    tx.execute(
        text("DELETE FROM job_checkpoint WHERE job_id = :job_id AND step = :step"),
        {"job_id": row.job_id, "step": row.name},
    )
