"""Use cases of jobs: start, look, cancel, try again."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from sqlalchemy import func
from sqlmodel import col, select

from appliance.audit.model import AuditName
from appliance.audit.service import AuditTrail
from appliance.database.engine import Database, Tx
from appliance.identity.permissions import Permission, allows, require
from appliance.jobs import queries
from appliance.jobs.course import Course
from appliance.jobs.errors import JobNotFound, SagaUnknown
from appliance.jobs.ledger import Entry, Ledger
from appliance.jobs.model import (
    HIGHEST_PRIORITY,
    LOWEST_PRIORITY,
    JobState,
    JobView,
    Json,
    Saga,
    StepShape,
)
from appliance.jobs.ports import Doorbell
from appliance.jobs.tables import Job
from appliance.kernel.actor import Actor
from appliance.kernel.ids import JobId, MeetingId, UserId, new_uuid

Shapes = Mapping[str, Saga[StepShape]]
"""Sagas by kind; starting a job needs only their shape, never an engine."""


class JobService:
    """What people, and rooms above, may ask of jobs.

    Args:
        database: as the role of the door that asks.
        sagas: by kind.
    """

    def __init__(self, database: Database, *, sagas: Shapes, doorbell: Doorbell, audit: AuditTrail) -> None:
        self._database = database
        self._sagas = sagas
        self._audit = audit
        self._ledger = Ledger(doorbell=doorbell, audit=audit)

    def start(
        self,
        tx: Tx,
        *,
        actor: Actor,
        kind: str,
        meeting_id: MeetingId | None,
        priority: int = 0,
        options: Mapping[str, Json] | None = None,
    ) -> JobId:
        """Begin a job exactly if ``tx`` commits: job, steps and the ring are rows of the same transaction.

        Args:
            priority: -10 to 10; every ten minutes of waiting weigh as much as one level.
            options: settings of the steps; never content.

        Raises:
            SagaUnknown: this release does not know the kind.
        """
        saga = self._sagas.get(kind)
        if saga is None:
            raise SagaUnknown(kind=kind)
        course = Course.begin(saga)
        job = Job(
            id=new_uuid(),
            tenant_id=actor.tenant_id,
            meeting_id=meeting_id,
            owner_id=actor.user_id,
            kind=kind,
            state=course.state.value,
            priority=min(HIGHEST_PRIORITY, max(LOWEST_PRIORITY, priority)),
            options=dict(options or {}),
            created_at=tx.exec(select(func.now())).one(),
        )
        self._ledger.add(tx, job, course)
        self._record(tx, AuditName.JOB_STARTED, actor, job)
        return JobId(job.id)

    def show(self, *, actor: Actor, job_id: UUID) -> JobView:
        """One job, with its steps.

        Raises:
            JobNotFound: there is none, or it is somebody else's.
        """
        require(actor, Permission.JOB_READ)
        view = queries.show(self._database, actor.tenant_id, job_id)
        if not self._sees(actor, view.owner_id):
            raise JobNotFound(job_id=job_id)
        return view

    def list(
        self,
        *,
        actor: Actor,
        states: Collection[JobState] | None = None,
        before: UUID | None = None,
        most: int = 50,
    ) -> tuple[JobView, ...]:
        """The jobs that ``actor`` may see, newest first; ``before`` is the last id of the page before."""
        require(actor, Permission.JOB_READ)
        owner_id = None if self._sees_all(actor) else actor.user_id
        return queries.page(self._database, actor.tenant_id, owner_id=owner_id, states=states, before=before, most=most)

    def under_way(self, *, actor: Actor, job_ids: Sequence[JobId]) -> tuple[JobView, ...]:
        """Those of the named jobs that ``actor`` may see, newest first; cheapest where all of them move."""
        require(actor, Permission.JOB_READ)
        found = queries.under_way(self._database, actor.tenant_id, job_ids) if job_ids else ()
        return tuple(job for job in found if self._sees(actor, job.owner_id))

    def cancel(self, *, actor: Actor, job_id: UUID) -> None:
        """Stop a job and undo what it did; it ends as soon as its running steps have noticed.

        Raises:
            JobNotFound: there is none, or it is somebody else's.
            NotCancellable: it is done, or was cancelled before.
        """
        require(actor, Permission.JOB_CANCEL)
        with self._database.transaction(actor.tenant_id) as tx:
            self._cancel(tx, actor, self._open(tx, actor, job_id))

    def cancel_meeting(self, tx: Tx, *, actor: Actor, meeting_id: MeetingId) -> None:
        """Stop whatever works on a meeting, within the transaction that removes it."""
        ids = tx.exec(select(Job.id).where(Job.meeting_id == meeting_id).order_by(col(Job.id))).all()
        for job_id in ids:
            entry = self._ledger.open(tx, job_id)
            if JobState(entry.job.state) in {JobState.QUEUED, JobState.RUNNING, JobState.FAILED}:
                self._cancel(tx, actor, entry)

    def retry(self, *, actor: Actor, job_id: UUID, from_step: str | None = None) -> None:
        """Take a job up again: from where it stopped, or from a step, which is undone first with all that built on it.

        Raises:
            JobNotFound: there is none, or it is somebody else's.
            NotRetryable: it is under way, or done and no step was named.
            StepUnknown, StepNotReached: of ``from_step``.
        """
        require(actor, Permission.JOB_RETRY)
        with self._database.transaction(actor.tenant_id) as tx:
            entry = self._open(tx, actor, job_id)
            course = entry.course.retried() if from_step is None else entry.course.retried_from(from_step)
            self._record(tx, AuditName.JOB_RETRIED, actor, entry.job, from_step=from_step)
            self._ledger.write(tx, entry, course, actor=actor)

    def _cancel(self, tx: Tx, actor: Actor, entry: Entry) -> None:
        course = entry.course.cancelled()
        if course != entry.course:
            self._record(tx, AuditName.JOB_CANCEL_REQUESTED, actor, entry.job)
            self._ledger.write(tx, entry, course, actor=actor)

    def _open(self, tx: Tx, actor: Actor, job_id: UUID) -> Entry:
        entry = self._ledger.open(tx, job_id)
        owner_id = None if entry.job.owner_id is None else UserId(entry.job.owner_id)
        if entry.job.tenant_id != actor.tenant_id or not self._sees(actor, owner_id):
            raise JobNotFound(job_id=job_id)
        return entry

    def _sees(self, actor: Actor, owner_id: UserId | None) -> bool:
        return self._sees_all(actor) or (owner_id is not None and owner_id == actor.user_id)

    def _sees_all(self, actor: Actor) -> bool:
        return allows(actor, Permission.JOB_MANAGE_ALL)

    def _record(self, tx: Tx, name: AuditName, actor: Actor, job: Job, **detail: str | None) -> None:
        facts = {"kind": job.kind, "meeting": str(job.meeting_id) if job.meeting_id else None, **detail}
        self._audit.record(tx, name, actor=actor, subject_type="job", subject_id=job.id, detail=facts)
