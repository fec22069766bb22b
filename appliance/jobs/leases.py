"""What a worker does with leases: take, renew, prove and give back. Every write is fenced by the attempt's number."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text

from appliance.database.engine import Database, Tx
from appliance.jobs.course import Course
from appliance.jobs.errors import LeaseLost
from appliance.jobs.ledger import Entry, Ledger, announce
from appliance.jobs.model import Failure, JobRef, JobState, Lease, LeaseKey, Queue, StepState
from appliance.jobs.processes import WorkerProcess
from appliance.jobs.retrying import LeasePolicy
from appliance.jobs.tables import JobStep
from appliance.kernel.actor import Actor, ActorKind
from appliance.kernel.ids import JobId, MeetingId, TenantId, UserId

UNKNOWN_AUDIO_S = 60.0
"""What a turn costs its owner as long as nobody knows how long the recording is."""
LOOKED_AT = 64
"""Steps at the head of the line among which one is looked for that nobody else is just taking."""

# One statement, because each further one would cost the waiting step another way to the server and back.
_CLAIM_SQL = """
    WITH chosen AS (
        SELECT s.job_id, s.name, s.losses
        FROM (
            SELECT l.job_id, l.name, l.place FROM job_line l
            WHERE l.queue = :queue AND l.kind || '/' || l.name = ANY(:known)
            ORDER BY l.place LIMIT :looked_at
        ) l JOIN job_step s ON s.job_id = l.job_id AND s.name = l.name
        WHERE s.state IN ('ready', 'undo_ready') AND s.ready_at <= now()
        ORDER BY l.place
        LIMIT 1
        FOR UPDATE OF s SKIP LOCKED
    ), taken AS (
        UPDATE job_step s
        SET state = CASE s.state WHEN 'ready' THEN 'running' ELSE 'undoing' END, dirty = true, attempt = s.attempt + 1,
            worker = :worker, started_at = clock_timestamp(), finished_at = NULL, progress_from = s.progress,
            lease_expires_at = clock_timestamp() + make_interval(secs => :lease_s)
        FROM chosen c
        WHERE s.job_id = c.job_id AND s.name = c.name AND (:alone OR c.losses = 0)
        RETURNING s.job_id, s.name, s.attempt, s.tries, s.losses, s.state, s.resumed, s.owner_key
    ), begun AS (
        UPDATE job j
        SET state = CASE j.state WHEN 'queued' THEN 'running' ELSE j.state END,
            started_at = coalesce(j.started_at, now())
        FROM taken t
        WHERE j.id = t.job_id
        RETURNING j.id, j.tenant_id, j.kind, j.meeting_id, j.owner_id, j.options, j.audio_s
    ), charged AS (  -- undoing is free, and so is going on after an interruption
        INSERT INTO job_share AS share (queue, owner_key, served_s, served_at)
        SELECT :queue, t.owner_key, coalesce(b.audio_s, :unknown_audio_s), now()
        FROM taken t JOIN begun b ON b.id = t.job_id
        WHERE t.state = 'running' AND NOT t.resumed
        ON CONFLICT (queue, owner_key) DO UPDATE
        SET served_s = job_share_left(share.served_s, share.served_at) + excluded.served_s, served_at = now()
    )
    SELECT b.*, t.name AS step, t.attempt, t.tries, t.losses, t.state AS step_state
    FROM chosen c LEFT JOIN taken t ON t.job_id = c.job_id LEFT JOIN begun b ON b.id = t.job_id
"""
_CLAIM = text(_CLAIM_SQL)
_CLAIM_FOR_ONE = text(
    _CLAIM_SQL.replace(
        "ORDER BY l.place LIMIT :looked_at",
        "AND EXISTS (SELECT FROM job j WHERE j.id = l.job_id AND j.owner_id = :only_for)"
        " ORDER BY l.place LIMIT :looked_at",
    )
)

_RENEW = text(
    """
    UPDATE job_step s
    SET lease_expires_at = clock_timestamp() + make_interval(secs => :lease_s)
    FROM job j, unnest(CAST(:job_ids AS uuid[]), CAST(:names AS text[]), CAST(:attempts AS integer[]))
         AS held (job_id, name, attempt)
    WHERE j.id = s.job_id AND s.job_id = held.job_id AND s.name = held.name AND s.attempt = held.attempt
      AND s.state IN ('running', 'undoing')
    RETURNING s.job_id, s.name, j.state
    """
)

_OURS = "job_id = :job_id AND name = :name AND attempt = :attempt AND state IN ('running', 'undoing')"
_FENCE = text(f"SELECT 1 FROM job_step WHERE {_OURS} FOR UPDATE")  # noqa: S608  # the text above, no input
_PROGRESS = text(f"UPDATE job_step SET progress = :progress WHERE {_OURS} RETURNING 1")  # noqa: S608  # as above
_GOT_FURTHER = text(f"UPDATE job_step SET losses = 0, tries = 0 WHERE {_OURS} RETURNING 1")  # noqa: S608  # as above

_LEARN = text(
    """
    INSERT INTO job_history (kind, step, node, audio_s, work_s, finished_at)
    VALUES (:kind, :step, :node, :audio_s, :work_s, now())
    """
)


@dataclass(frozen=True, slots=True)
class Claim:
    """What came of looking for work."""

    lease: Lease | None
    waits_for_others: bool = False
    """The next step must have the process to itself, and others still run."""


@dataclass(frozen=True, slots=True)
class Renewal:
    """What a heartbeat learned about one lease."""

    held: bool
    cancelled: bool


class Leases:
    """The leases of one worker process.

    Args:
        database: as the worker role.
        known: ``kind/step`` of every step that this release can do; others are left to a newer one.
        only_for: take nobody else's work: while a new release is tried, people's recordings wait.
    """

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        *,
        process: WorkerProcess,
        policy: LeasePolicy,
        known: Sequence[str],
        only_for: UserId | None = None,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._process = process
        self._policy = policy
        self._known = list(known)
        self._claim = _CLAIM if only_for is None else _CLAIM_FOR_ONE.bindparams(only_for=only_for)

    def claim(self, queue: Queue, *, alone: bool) -> Claim:
        """Take the step whose turn it is.

        Args:
            alone: nothing else runs in this process, so a step on which a process died may be taken as well.
        """
        values = {
            "queue": queue.value,
            "known": self._known,
            "alone": alone,
            "worker": self._process.name,
            "lease_s": self._policy.lease_s,
            "unknown_audio_s": UNKNOWN_AUDIO_S,
            "looked_at": LOOKED_AT,
        }
        with self._database.transaction(None) as tx:
            row = tx.execute(self._claim, values).one_or_none()
            if row is None or row.id is None:
                return Claim(None, waits_for_others=row is not None)
            announce(tx, row.id, row.tenant_id, row.meeting_id)
        return Claim(_lease(row, queue, worker=self._process.name))

    def renew(self, leases: Sequence[Lease]) -> dict[LeaseKey, Renewal]:
        """Push the expiry of all of them forward, and learn which were lost or cancelled."""
        if not leases:
            return {}
        with self._database.transaction(None) as tx:
            rows = tx.execute(
                _RENEW,
                {
                    "lease_s": self._policy.lease_s,
                    "job_ids": [lease.job.id for lease in leases],
                    "names": [lease.step for lease in leases],
                    "attempts": [lease.attempt for lease in leases],
                },
            ).all()
        states = {(row.job_id, row.name): row.state for row in rows}
        return {
            lease.key: Renewal(
                held=(lease.job.id, lease.step) in states,
                cancelled=states.get((lease.job.id, lease.step)) == JobState.CANCELLING and not lease.undo,
            )
            for lease in leases
        }

    def fence(self, tx: Tx, lease: Lease) -> None:
        """Let ``tx`` go on only while the step is ours; nobody can take it until ``tx`` ends.

        Raises:
            LeaseLost: it is somebody else's.
        """
        self._must_be_ours(tx.execute(_FENCE, _key(lease)).one_or_none(), lease)

    def report_progress(self, lease: Lease, fraction: float) -> None:
        """Store how far the step is, and tell doors.

        Raises:
            LeaseLost: it is somebody else's.
        """
        with self._database.transaction(lease.job.tenant_id) as tx:
            self._must_be_ours(tx.execute(_PROGRESS, {**_key(lease), "progress": fraction}).one_or_none(), lease)
            announce(tx, lease.job.id, lease.job.tenant_id, lease.job.meeting_id)

    def got_further(self, tx: Tx, lease: Lease) -> None:
        """Forget earlier failures: a step that moves on is not stuck.

        Raises:
            LeaseLost: it is somebody else's.
        """
        self._must_be_ours(tx.execute(_GOT_FURTHER, _key(lease)).one_or_none(), lease)

    def set_audio_seconds(self, tx: Tx, lease: Lease, audio_s: float) -> None:
        """Store how long the job's recording is.

        Raises:
            LeaseLost: the step is somebody else's.
        """
        self.fence(tx, lease)
        tx.execute(
            text("UPDATE job SET audio_s = :audio_s WHERE id = :job_id"),
            {"audio_s": audio_s, "job_id": lease.job.id},
        )

    def finish(self, tx: Tx, lease: Lease) -> None:
        """The step is done, or undone; what needs it becomes ready.

        Raises:
            LeaseLost: it is somebody else's.
        """
        entry, row = self._open(tx, lease)
        if not lease.undo:
            self._learn(tx, lease, entry, row)
        self._ledger.write(tx, entry, entry.course.done(lease.step), actor=self.actor(lease.job.tenant_id))

    def give_back(self, lease: Lease, *, pause_s: float = 0.0) -> None:
        """Hand the step to whoever comes next, at nobody's expense.

        Raises:
            LeaseLost: it is somebody else's.
        """
        with self._turning(lease) as turn:
            turn.course = turn.course.given_back(lease.step)
            turn.pause_s = pause_s

    def try_again(self, lease: Lease, failure: Failure, *, pause_s: float) -> None:
        """Count a failed try, and let the step rest a while.

        Raises:
            LeaseLost: it is somebody else's.
        """
        with self._turning(lease) as turn:
            turn.row.tries += 1
            turn.course = turn.course.given_back(lease.step)
            turn.failure = failure
            turn.pause_s = pause_s

    def give_up(self, lease: Lease, failure: Failure, *, refused: bool) -> None:
        """Make the step a dead letter; what a refused one left behind is removed first.

        Raises:
            LeaseLost: it is somebody else's.
        """
        with self._turning(lease) as turn:
            turn.row.tries += 1
            turn.course = turn.course.refused(lease.step) if refused else turn.course.exhausted(lease.step)
            turn.failure = failure

    def stop_cancelled(self, lease: Lease) -> None:
        """A running step noticed that its job was cancelled: what it did is removed next.

        Raises:
            LeaseLost: it is somebody else's.
        """
        with self._turning(lease) as turn:
            turn.course = turn.course.stopped(lease.step)

    def actor(self, tenant_id: TenantId) -> Actor:
        """Who the audit trail names for what this worker does."""
        return Actor(kind=ActorKind.SYSTEM, tenant_id=tenant_id, name=self._process.name, origin="worker")

    @contextmanager
    def _turning(self, lease: Lease) -> Iterator["_Turn"]:
        """Lock the job, let the block decide what becomes of it, and write that."""
        with self._database.transaction(lease.job.tenant_id) as tx:
            entry, row = self._open(tx, lease)
            turn = _Turn(entry.course, row)
            yield turn
            self._ledger.write(
                tx,
                entry,
                turn.course,
                actor=self.actor(lease.job.tenant_id),
                failures={lease.step: turn.failure} if turn.failure else None,
                pause_s=turn.pause_s,
            )

    def _open(self, tx: Tx, lease: Lease) -> tuple[Entry, JobStep]:
        entry = self._ledger.open(tx, lease.job.id)
        row = entry.step(lease.step)
        if row.attempt != lease.attempt or not StepState(row.state).is_leased:
            raise LeaseLost(step=lease.step, attempt=lease.attempt)
        return entry, row

    def _learn(self, tx: Tx, lease: Lease, entry: Entry, row: JobStep) -> None:
        """Remember what the step cost, if this attempt did all of it undisturbed."""
        audio_s = entry.job.audio_s
        if not audio_s or row.resumed or row.started_at is None:
            return
        work_s = max(0.0, (entry.now - row.started_at).total_seconds())
        tx.execute(
            _LEARN,
            {
                "kind": lease.job.kind,
                "step": lease.step,
                "node": self._process.node,
                "audio_s": audio_s,
                "work_s": work_s,
            },
        )

    def _must_be_ours(self, found: object | None, lease: Lease) -> None:
        if found is None:
            raise LeaseLost(step=lease.step, attempt=lease.attempt)


@dataclass(slots=True)
class _Turn:
    """What becomes of a job at the end of an attempt."""

    course: Course
    row: JobStep
    failure: Failure | None = None
    pause_s: float = 0.0


def _key(lease: Lease) -> dict[str, object]:
    return {"job_id": lease.job.id, "name": lease.step, "attempt": lease.attempt}


def _lease(row: Row[Any], queue: Queue, *, worker: str) -> Lease:
    return Lease(
        job=_job_ref(row),
        step=row.step,
        queue=queue,
        attempt=row.attempt,
        tries=row.tries,
        losses=row.losses,
        worker=worker,
        undo=row.step_state == StepState.UNDOING,
    )


def _job_ref(row: Row[Any]) -> JobRef:
    return JobRef(
        id=JobId(row.id),
        tenant_id=TenantId(row.tenant_id),
        kind=row.kind,
        meeting_id=None if row.meeting_id is None else MeetingId(row.meeting_id),
        owner_id=None if row.owner_id is None else UserId(row.owner_id),
        options=row.options,
        audio_s=row.audio_s,
    )
