"""Runs steps inside a worker process: one whose turn it is, under a heartbeat, and every outcome is written down."""

import random
import threading
import traceback
from collections.abc import Callable, Mapping
from functools import partial

import structlog

from appliance.database.engine import Database
from appliance.database.errors import DatabaseFull, DatabaseUnavailable
from appliance.jobs.errors import LeaseLost, StepCancelled, StepPaused, UndoFailed
from appliance.jobs.leased import OUTAGE_PAUSE_S, LeasedContext, StopSignal
from appliance.jobs.leases import Claim, Leases
from appliance.jobs.model import Lease, Queue, Saga
from appliance.jobs.ports import Step
from appliance.jobs.retrying import LeasePolicy, Verdict, explain, judge, pause_s
from appliance.kernel.tracing import span
from appliance.keyring.service import KeyRing

log = structlog.get_logger()

Sagas = Mapping[str, Saga[Step]]

QUARANTINE_LOOK_S = 0.5
"""How often a thread looks again while another step has the process to itself."""

FULL_DISK_PAUSE_S = 15.0
"""How long a step rests that could not store what it had: it counts as no try, however long nobody makes room."""


def known_steps(sagas: Sagas) -> list[str]:
    """``kind/step`` of everything that this release can do."""
    return [f"{saga.kind}/{step.name}" for saga in sagas.values() for step in saga]


class StepRunner:
    """Takes steps of one queue and runs them, in as many threads as call ``drain``.

    Args:
        database: as the worker role.
        sagas: by kind.
    """

    def __init__(
        self,
        *,
        database: Database,
        leases: Leases,
        keyring: KeyRing,
        sagas: Sagas,
        queue: Queue,
        policy: LeasePolicy,
        stop: StopSignal,
    ) -> None:
        self._database = database
        self._leases = leases
        self._keyring = keyring
        self._sagas = sagas
        self._queue = queue
        self._policy = policy
        self._stop = stop
        self._turn = threading.Condition()
        self._running: dict[object, LeasedContext] = {}

    def drain(self) -> None:
        """Run steps until none is ready, or the process is about to end."""
        while (context := self._next()) is not None:
            try:
                self._run(context)
            finally:
                self._leave(context)

    def beat(self) -> None:
        """Renew the leases of all running steps, and tell them what was learned."""
        contexts = list(self._running.values())
        renewals = self._leases.renew([context.lease for context in contexts])
        for context in contexts:
            context.tell(renewals[context.lease.key])

    def abandon(self) -> None:
        """Give back what still runs, because the process ends now; what those steps still try to write is refused."""
        for context in list(self._running.values()):
            self._write(context.lease, partial(self._leases.give_back, context.lease))

    # --- Whose turn it is ---------------------------------------------------------------------------------------------

    def _next(self) -> LeasedContext | None:
        """The next step, or nothing when none is ready.

        A step on which a process died is run alone: were it to happen again, no other step would share the blame.
        """
        with self._turn:
            while not self._stop.requested:
                if any(context.lease.is_suspect for context in self._running.values()):
                    self._turn.wait(QUARANTINE_LOOK_S)
                    continue
                claim = self._claim()
                if claim.waits_for_others:
                    self._turn.wait(QUARANTINE_LOOK_S)
                    continue
                if claim.lease is None:
                    return None
                return self._enter(claim.lease)
        return None

    def _claim(self) -> Claim:
        while not self._stop.requested:
            try:
                return self._leases.claim(self._queue, alone=not self._running)
            except DatabaseUnavailable:
                self._stop.wait(OUTAGE_PAUSE_S)
        return Claim(None)

    def _enter(self, lease: Lease) -> LeasedContext:
        context = LeasedContext(
            lease, database=self._database, leases=self._leases, keyring=self._keyring, stop=self._stop
        )
        self._running[lease.key] = context
        return context

    def _leave(self, context: LeasedContext) -> None:
        with self._turn:
            del self._running[context.lease.key]
            self._turn.notify_all()

    # --- One step -----------------------------------------------------------------------------------------------------

    def _run(self, context: LeasedContext) -> None:
        lease = context.lease
        step = self._sagas[lease.job.kind].step(lease.step)
        note = log.bind(job=str(lease.job.id), step=lease.step, attempt=lease.attempt, undo=lease.undo)
        note.info("step_started")
        try:
            with span("step", job=str(lease.job.id), step=lease.step, attempt=lease.attempt, undo=lease.undo):
                (step.compensate if lease.undo else step.run)(context)
        except LeaseLost:
            note.warning("step_lost")
        except StepCancelled:
            note.info("step_cancelled")
            self._write(lease, lambda: self._leases.stop_cancelled(lease))
        except StepPaused:
            note.info("step_paused")
            self._write(lease, lambda: self._leases.give_back(lease))
        except DatabaseFull:
            note.warning("step_interrupted", by="full disk")
            self._write(lease, lambda: self._leases.give_back(lease, pause_s=FULL_DISK_PAUSE_S))
        except DatabaseUnavailable:
            note.warning("step_interrupted", by="database")
            self._write(lease, lambda: self._leases.give_back(lease))
        except Exception as error:  # noqa: BLE001  # the edge of the process: whatever a step raises is written down
            note.error("step_failed", kind=type(error).__name__, at=_places(error))
            self._write(lease, self._verdict(lease, error))
        else:
            note.info("step_done")
            if not context.finished:
                self._write(lease, lambda: self._finish(lease))

    def _verdict(self, lease: Lease, error: Exception) -> Callable[[], None]:
        tries = lease.tries + 1
        verdict = judge(error, tries=tries, max_attempts=self._policy.max_attempts)
        failure = explain(error, step=lease.step, job_id=lease.job.id, tries=tries)
        if verdict is Verdict.AGAIN:
            pause = pause_s(tries, first_s=self._policy.retry_s, chance=random.random())  # noqa: S311  # not a secret
            return lambda: self._leases.try_again(lease, failure, pause_s=pause)
        if lease.undo:
            undo_failed = UndoFailed(step=lease.step, job_id=lease.job.id, kind=type(error).__name__)
            failure = explain(undo_failed, step=lease.step, job_id=lease.job.id, tries=tries)
        refused = verdict is Verdict.REFUSED and not lease.undo
        return lambda: self._leases.give_up(lease, failure, refused=refused)

    def _finish(self, lease: Lease) -> None:
        with self._database.transaction(lease.job.tenant_id) as tx:
            self._leases.finish(tx, lease)

    def _write(self, lease: Lease, write: Callable[[], None]) -> None:
        """Write an outcome down, again and again while the server restarts; a lost lease needs no outcome from us."""
        while True:
            try:
                write()
            except LeaseLost:
                log.warning("step_outcome_dropped", job=str(lease.job.id), step=lease.step, attempt=lease.attempt)
            except DatabaseUnavailable:
                if not self._stop.patience_is_over:
                    self._stop.wait(OUTAGE_PAUSE_S)
                    continue
            return


def _places(error: Exception) -> list[str]:
    """Where it happened, without what was said: the words of an exception may quote content."""
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
