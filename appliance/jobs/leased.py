"""The context of one running step: every write of it is proved against the lease."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import text

from appliance.database.engine import Database, Tx
from appliance.database.errors import DatabaseUnavailable
from appliance.jobs.errors import CheckpointDamaged, LeaseLost, StepCancelled, StepPaused
from appliance.jobs.leases import Leases, Renewal
from appliance.jobs.model import JobRef, Lease
from appliance.kernel.actor import Actor
from appliance.kernel.ids import MeetingId
from appliance.keyring.documents import seal, unseal
from appliance.keyring.errors import SealBroken
from appliance.keyring.service import KeyRing

PROGRESS_EVERY_S = 1.0
"""How often progress reaches the database; steps may report it far more often."""
OUTAGE_PAUSE_S = 0.5

_KEEP = text(
    """
    INSERT INTO job_checkpoint (job_id, step, tenant_id, attempt, sealed, saved_at)
    VALUES (:job_id, :step, :tenant_id, :attempt, :sealed, now())
    ON CONFLICT (job_id, step) DO UPDATE
    SET attempt = excluded.attempt, sealed = excluded.sealed, saved_at = excluded.saved_at
    """
)
_KEPT = text("SELECT sealed FROM job_checkpoint WHERE job_id = :job_id AND step = :step")


class StopSignal:
    """Tells every step of a process that the process is about to end.

    Args:
        patience_s: how long a step may take to reach its next checkpoint.
    """

    def __init__(self, *, patience_s: float) -> None:
        self._patience_s = patience_s
        self._requested = threading.Event()
        self._requested_at = 0.0

    def request(self) -> None:
        """End soon. Safe to call from a signal handler, and again."""
        if not self._requested.is_set():
            self._requested_at = time.monotonic()
            self._requested.set()

    @property
    def requested(self) -> bool:
        """Whether the process is about to end."""
        return self._requested.is_set()

    @property
    def patience_is_over(self) -> bool:
        """Whether a step without a checkpoint must stop where it is."""
        return self.requested and time.monotonic() - self._requested_at >= self._patience_s

    def wait(self, timeout_s: float) -> bool:
        """Sleep, unless or until the process is about to end; true if it is."""
        return self._requested.wait(timeout_s)


class LeasedContext:
    """Fulfils ``StepContext`` for one lease."""

    def __init__(self, lease: Lease, *, database: Database, leases: Leases, keyring: KeyRing, stop: StopSignal) -> None:
        self.lease = lease
        self.finished = False
        """Whether the step said itself, in its last transaction, that it is done."""
        self._database = database
        self._leases = leases
        self._keyring = keyring
        self._stop = stop
        self._lost = False
        self._cancelled = False
        self._reported_at = -PROGRESS_EVERY_S
        self._finishing: Tx | None = None
        self._saving: Tx | None = None

    @property
    def job(self) -> JobRef:
        return self.lease.job

    @property
    def meeting_id(self) -> MeetingId:
        if self.job.meeting_id is None:
            raise TypeError(f"a job of the kind {self.job.kind} has no meeting")
        return self.job.meeting_id

    @property
    def step(self) -> str:
        return self.lease.step

    @property
    def attempt(self) -> int:
        return self.lease.attempt

    @property
    def actor(self) -> Actor:
        return self._leases.actor(self.job.tenant_id)

    def tell(self, renewal: Renewal) -> None:
        """Take note of what a heartbeat learned; called from its thread."""
        self._lost = self._lost or not renewal.held
        self._cancelled = self._cancelled or renewal.cancelled

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        self._go_on()
        with self._database.transaction(self.job.tenant_id) as tx:
            tx.before_commit(lambda: self._prove(tx))
            yield tx
        if self._finishing is tx:
            self.finished = True
        elif self._saving is tx and self._stop.requested:
            raise StepPaused(step=self.step)

    def progress(self, fraction: float) -> None:
        self._go_on()
        if self._stop.patience_is_over:
            raise StepPaused(step=self.step)
        now = time.monotonic()
        if now - self._reported_at < PROGRESS_EVERY_S:
            return
        self._reported_at = now
        try:
            self._leases.report_progress(self.lease, min(1.0, max(0.0, fraction)))
        except DatabaseUnavailable:
            return  # work goes on through a restart of the server; the heartbeat finds out whether the lease did

    def set_audio_seconds(self, audio_s: float) -> None:
        self._write(lambda tx: self._leases.set_audio_seconds(tx, self.lease, audio_s))

    def checkpoint(self) -> bytes | None:
        with self._database.reading(self.job.tenant_id) as tx:
            row = tx.execute(_KEPT, {"job_id": self.job.id, "step": self.step}).one_or_none()
            if row is None:
                return None
            dek = self._keyring.meeting_key(tx, self.meeting_id)
        try:
            return unseal(dek, row.sealed, purpose=self._purpose)
        except SealBroken as broken:
            raise CheckpointDamaged(step=self.step, job_id=self.job.id) from broken

    def save_checkpoint(self, data: bytes, *, tx: Tx | None = None) -> None:
        if tx is not None:
            self._keep(tx, data)
            self._saving = tx
            return
        self._write(lambda own: self._keep_fenced(own, data))
        if self._stop.requested:
            raise StepPaused(step=self.step)

    def finish(self, tx: Tx) -> None:
        self._finishing = tx

    def _prove(self, tx: Tx) -> None:
        """The last act of a transaction of the step: nothing is kept unless the lease still holds."""
        if self._finishing is tx:
            self._leases.finish(tx, self.lease)
        elif self._saving is tx:
            self._leases.got_further(tx, self.lease)
        else:
            self._leases.fence(tx, self.lease)

    def _go_on(self) -> None:
        if self._lost:
            raise LeaseLost(step=self.step, attempt=self.attempt)
        if self._cancelled:
            raise StepCancelled(step=self.step)

    def _write(self, write: Callable[[Tx], None]) -> None:
        """One small transaction of our own, again and again while the server restarts."""
        while True:
            self._go_on()
            try:
                with self._database.transaction(self.job.tenant_id) as tx:
                    write(tx)
            except DatabaseUnavailable:
                if self._stop.patience_is_over:
                    raise
                time.sleep(OUTAGE_PAUSE_S)
            else:
                return

    def _keep_fenced(self, tx: Tx, data: bytes) -> None:
        self._leases.got_further(tx, self.lease)
        self._keep(tx, data)

    def _keep(self, tx: Tx, data: bytes) -> None:
        dek = self._keyring.meeting_key(tx, self.meeting_id)
        tx.execute(
            _KEEP,
            {
                "job_id": self.job.id,
                "step": self.step,
                "tenant_id": self.job.tenant_id,
                "attempt": self.attempt,
                "sealed": seal(dek, data, purpose=self._purpose),
            },
        )

    @property
    def _purpose(self) -> str:
        return f"checkpoint/{self.job.id}/{self.step}"
