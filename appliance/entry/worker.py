"""A worker process: waits for rings of one queue, and works until nothing is left to do."""

import os
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from appliance.adapters.huey_doorbell import DoorbellConsumer
from appliance.audit.service import AuditTrail
from appliance.database.engine import Database
from appliance.database.errors import DatabaseUnavailable
from appliance.entry.scheduler import Chore, Leader
from appliance.jobs import roster
from appliance.jobs.leased import StopSignal
from appliance.jobs.leases import Leases
from appliance.jobs.ledger import Ledger
from appliance.jobs.model import Queue
from appliance.jobs.ports import Doorbell
from appliance.jobs.processes import WorkerProcess, this_process
from appliance.jobs.reaper import Reaper
from appliance.jobs.retrying import LeasePolicy
from appliance.jobs.runner import Sagas, StepRunner, known_steps
from appliance.kernel.ids import UserId
from appliance.keyring.service import KeyRing

log = structlog.get_logger()

THREADS = {Queue.SPEECH: 2, Queue.LANGUAGE: 1, Queue.GENERAL: 2}
"""Transcribing and telling speakers apart run side by side; a language model fills the machine by itself."""

TIDY_EVERY_S = 3600.0
RENEWAL_S = 0.5
"""How soon a heart beats again after it found no database: sooner than any reaper looks for lost leases."""
LAST_WORD_S = 5.0
"""Added to the patience with steps, for writing down that they were given back."""


@dataclass(frozen=True)
class WorkerParts:
    """What a worker process is made of.

    ``database`` is open as the worker role; ``chores`` are what the leader does besides looking for lost work.
    """

    database: Database
    keyring: KeyRing
    audit: AuditTrail
    doorbell: Doorbell
    sagas: Sagas
    policy: LeasePolicy
    chores: Sequence[Chore] = ()
    only_for: UserId | None = None
    """Whose work it takes; everybody's when unset."""
    leads: bool = True
    """Whether it may be the one that looks for lost work; a worker on another machine sees no process of this one."""
    is_wanted: Callable[[], bool] = lambda: True
    """Asked at every heartbeat; once it says no, the process gives its steps back and ends."""


def work(queue: Queue, parts: WorkerParts) -> None:
    """Work until the process is asked to end (SIGTERM, SIGINT); running steps are given back before this returns."""
    process = this_process(queue)
    policy, database = parts.policy, parts.database
    stop = StopSignal(patience_s=policy.stop_s)
    ledger = Ledger(doorbell=parts.doorbell, audit=parts.audit)
    leases = Leases(
        database,
        ledger,
        process=process,
        policy=policy,
        known=known_steps(parts.sagas),
        only_for=parts.only_for,
    )
    runner = StepRunner(
        database=database,
        leases=leases,
        keyring=parts.keyring,
        sagas=parts.sagas,
        queue=queue,
        policy=policy,
        stop=stop,
    )
    reaper = Reaper(database, ledger, doorbell=parts.doorbell, process=process, policy=policy)
    chores = (
        Chore("reap", policy.reap_s, reaper.reap),
        Chore("ring", policy.reap_s, reaper.ring),
        Chore("tidy", TIDY_EVERY_S, reaper.tidy),
        *parts.chores,
    )
    leader = Leader(database, chores, settle_s=policy.heartbeat_s + RENEWAL_S, look_s=policy.reap_s)
    consumer = DoorbellConsumer(
        queue,
        connect=database.raw_connection,
        answer=runner.drain,
        on_stop=stop.request,
        threads=THREADS[queue],
        patience_s=policy.stop_s + LAST_WORD_S,
    )
    heart = Heart(lambda: _beat(runner, parts, process), every_s=policy.heartbeat_s)
    with database.transaction(None) as tx:
        roster.sign_in(tx, process, queue)
    log.info("worker_started", worker=process.name, queue=queue.value)
    heart.start()
    if parts.leads:
        leader.start()
    consumer.run()
    if parts.leads:
        leader.end()
    runner.abandon()
    heart.end()
    _sign_out(database, process)
    log.info("worker_ended", worker=process.name)


class Heart:
    """Renews leases every so often in a thread of its own, whatever the steps do.

    Args:
        beat: renews; called again soon while the database is away.
    """

    def __init__(self, beat: Callable[[], None], *, every_s: float) -> None:
        self._beat = beat
        self._every_s = every_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="heart", daemon=True)

    def start(self) -> None:
        """Beat from now on; returns at once."""
        self._thread.start()

    def end(self) -> None:
        """Stop beating."""
        self._ended.set()
        self._thread.join()

    def _go_on(self) -> None:
        pause_s = self._every_s
        while not self._ended.wait(pause_s):
            try:
                self._beat()
                pause_s = self._every_s
            except DatabaseUnavailable:
                pause_s = min(RENEWAL_S, self._every_s)
            except Exception:  # the edge of the process: a heart that stops loses every lease
                log.exception("heartbeat_failed")


def _beat(runner: StepRunner, parts: WorkerParts, process: WorkerProcess) -> None:
    runner.beat()
    with parts.database.transaction(None) as tx:
        roster.seen(tx, process)
    if not parts.is_wanted():
        log.info("worker_not_wanted", worker=process.name)
        os.kill(os.getpid(), signal.SIGTERM)


def _sign_out(database: Database, process: WorkerProcess) -> None:
    try:
        with database.transaction(None) as tx:
            roster.sign_out(tx, process)
    except DatabaseUnavailable:
        log.info("worker_ended_without_database", worker=process.name)
