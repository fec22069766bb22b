"""Finds work that was lost: leases of workers that are gone, and ready steps for which nobody was rung."""

import random
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Row, text

from appliance.database.engine import Database
from appliance.jobs.errors import JobNotFound, StepKeepsCrashing
from appliance.jobs.ledger import Ledger
from appliance.jobs.model import Failure, Queue, StepState
from appliance.jobs.ports import Doorbell
from appliance.jobs.processes import WorkerProcess
from appliance.jobs.retrying import LeasePolicy, pause_s
from appliance.kernel.actor import Actor, ActorKind
from appliance.kernel.ids import JobId, TenantId

log = structlog.get_logger()

UNHEARD_S = 2
"""A step that has been ready for so long should have been taken, if any worker is free."""
RINGS_AT_ONCE = 8
"""Enough to wake every thread of a queue; each goes on until nothing is ready."""
SILENT_BEATS = 2
"""A worker that missed so many heartbeats is worth looking for."""
HISTORY_KEPT = 200
"""Runs remembered per step."""

_LEASED = text(
    """
    SELECT s.job_id, s.name, s.attempt, s.tenant_id, s.lease_expires_at < clock_timestamp() AS expired,
           s.lease_expires_at < clock_timestamp() + make_interval(secs => :silent_below_s) AS silent,
           w.name AS worker, w.node, w.boot_id, w.pid_space, w.pid, w.pid_started,
           EXISTS (SELECT 1 FROM job_worker n
                   WHERE n.node = w.node AND n.boot_id <> w.boot_id AND n.started_at > w.started_at) AS rebooted
    FROM job_step s LEFT JOIN job_worker w ON w.name = s.worker
    WHERE s.state IN ('running', 'undoing')
    """
)

_UNHEARD = text(
    """
    SELECT queue, (array_agg(job_id ORDER BY ready_at))[1 : CAST(:least AS integer)] AS job_ids
    FROM job_step
    WHERE state IN ('ready', 'undo_ready') AND ready_at <= now() - make_interval(secs => :unheard_s)
    GROUP BY queue
    """
)


@dataclass(frozen=True, slots=True)
class Loss:
    """One lease whose worker is gone."""

    job_id: JobId
    tenant_id: TenantId
    step: str
    attempt: int
    is_gone: bool
    """Known to be dead; otherwise only silent for too long."""
    blameless: bool
    """The machine was restarted: says nothing about the step."""


class Reaper:
    """One look for lost work; run by one process at a time, every few seconds.

    Args:
        database: as the worker role.
        process: the process that looks; it can tell at once whether its neighbours on the machine still live.
    """

    def __init__(
        self, database: Database, ledger: Ledger, *, doorbell: Doorbell, process: WorkerProcess, policy: LeasePolicy
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._doorbell = doorbell
        self._process = process
        self._policy = policy

    def reap(self) -> int:
        """Make every lost step ready again, or a dead letter if it keeps taking workers down; how many there were."""
        losses = self._losses()
        for loss in losses:
            self._take_back(loss)
        return len(losses)

    def ring(self) -> int:
        """Ring for ready steps that nobody took and for which no ring is on its way; how many rings that took."""
        rung = 0
        with self._database.transaction(None) as tx:
            unheard = tx.execute(_UNHEARD, {"unheard_s": UNHEARD_S, "least": RINGS_AT_ONCE}).all()
            for row in unheard:
                queue = Queue(row.queue)
                missing = len(row.job_ids) - self._doorbell.pending(tx, queue)
                for job_id in row.job_ids[: max(0, missing)]:
                    self._doorbell.ring(tx, queue, JobId(job_id))
                    rung += 1
        return rung

    def tidy(self) -> None:
        """Forget what is too old to matter: long history, workers of last week, turns that have decayed."""
        with self._database.transaction(None) as tx:
            tx.execute(
                text(
                    """
                    DELETE FROM job_history WHERE id IN (
                        SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY kind, step ORDER BY id DESC) AS age
                                        FROM job_history) ranked WHERE age > :kept)
                    """
                ),
                {"kept": HISTORY_KEPT},
            )
            tx.execute(text("DELETE FROM job_share WHERE job_share_left(served_s, served_at) < 1"))
            tx.execute(
                text(
                    """
                    DELETE FROM job_worker w WHERE seen_at < now() - interval '7 days'
                    AND NOT EXISTS (SELECT 1 FROM job_step s WHERE s.worker = w.name)
                    """
                )
            )

    def _losses(self) -> list[Loss]:
        with self._database.reading(None) as tx:
            silent_below_s = self._policy.lease_s - SILENT_BEATS * self._policy.heartbeat_s
            rows = tx.execute(_LEASED, {"silent_below_s": silent_below_s}).all()
        found = [(row, self._is_gone(row)) for row in rows]
        return [
            Loss(
                JobId(row.job_id),
                TenantId(row.tenant_id),
                row.name,
                row.attempt,
                is_gone=gone,
                blameless=self._is_blameless(row),
            )
            for row, gone in found
            if gone or row.expired
        ]

    def _is_gone(self, row: Row[Any]) -> bool:
        if row.worker is None or not _process(row).is_gone(seen_from=self._process):
            return False
        # A heart that beat just now is no other boot's, whatever two machines of the same name make us believe.
        return bool(row.silent or row.boot_id == self._process.boot_id)

    def _is_blameless(self, row: Row[Any]) -> bool:
        if row.worker is None:
            return False
        here_before_boot = row.node == self._process.node and row.boot_id != self._process.boot_id
        return bool(row.rebooted) or here_before_boot

    def _take_back(self, loss: Loss) -> None:
        """Lock the step, look again, and decide."""
        with self._database.transaction(loss.tenant_id) as tx:
            try:
                entry = self._ledger.open(tx, loss.job_id)
            except JobNotFound:
                return
            row = entry.step(loss.step)
            if row.attempt != loss.attempt or not StepState(row.state).is_leased:
                return
            if not loss.is_gone and row.lease_expires_at is not None and row.lease_expires_at > entry.now:
                return  # it was heard again in the meantime
            row.losses += 0 if loss.blameless else 1
            failures: dict[str, Failure] = {}
            pause = 0.0
            if row.losses >= self._policy.max_attempts:
                error = StepKeepsCrashing(step=loss.step, losses=row.losses, job_id=loss.job_id)
                failures[loss.step] = Failure(error.code, str(error), error.remedy)
                course = entry.course.exhausted(loss.step)
            else:
                course = entry.course.given_back(loss.step)
                if row.losses > 1:
                    pause = pause_s(row.losses - 1, first_s=self._policy.retry_s, chance=random.random())  # noqa: S311  # chance, not a secret
            log.warning(
                "lease_reaped",
                job=str(loss.job_id),
                step=loss.step,
                attempt=loss.attempt,
                losses=row.losses,
                blameless=loss.blameless,
            )
            self._ledger.write(tx, entry, course, actor=_actor(loss.tenant_id), failures=failures, pause_s=pause)


def _process(row: Row[Any]) -> WorkerProcess:
    return WorkerProcess(
        name=row.worker,
        node=row.node,
        boot_id=row.boot_id,
        pid_space=row.pid_space,
        pid=row.pid,
        pid_started=row.pid_started,
    )


def _actor(tenant_id: TenantId) -> Actor:
    return Actor(kind=ActorKind.SYSTEM, tenant_id=tenant_id, name="reaper", origin="worker")
