"""News of jobs for doors: one listening connection per process, shared by all that wait."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

import psycopg
import structlog

from appliance.database.engine import Database
from appliance.database.errors import DatabaseUnavailable
from appliance.jobs.ledger import CHANNEL
from appliance.jobs.model import JobSignal
from appliance.kernel.ids import JobId, TenantId

log = structlog.get_logger()

LISTEN_S = 0.5
"""How long the thread is deaf to being stopped."""
RECONNECT_S = 0.5


@dataclass(eq=False, slots=True)
class Subscription:
    """Fulfils ``JobSubscription``: remembers that something changed until it is asked."""

    tenant_id: TenantId
    job_id: JobId | None
    wake: Callable[[], None] | None
    _changed: threading.Event = field(default_factory=threading.Event)

    def wait(self, timeout_s: float) -> bool:
        changed = self._changed.wait(timeout_s)
        self._changed.clear()
        return changed

    def concerns(self, signal: JobSignal) -> bool:
        """Whether the signal is for this listener."""
        return signal.tenant_id == self.tenant_id and self.job_id in {None, signal.job_id}

    def tell(self) -> None:
        """Something changed."""
        self._changed.set()
        if self.wake is not None:
            self.wake()


class JobListener:
    """Fulfils ``JobNews``. Starts its thread with the first subscription; ``close`` ends it.

    After a lost connection every listener is told that something changed, because nobody knows what was missed.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._subscriptions: set[Subscription] = set()
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()
        self._listening = threading.Event()

    @contextmanager
    def subscribe(
        self, *, tenant_id: TenantId, job_id: JobId | None = None, wake: Callable[[], None] | None = None
    ) -> Iterator[Subscription]:
        subscription = Subscription(tenant_id, job_id, wake)
        with self._lock:
            self._subscriptions.add(subscription)
            if self._thread is None:
                self._thread = threading.Thread(target=self._listen_on, name="job-listener", daemon=True)
                self._thread.start()
        # Whoever reads the job after this line cannot miss a change: it is either read or told.
        self._listening.wait(LISTEN_S)
        try:
            yield subscription
        finally:
            with self._lock:
                self._subscriptions.discard(subscription)

    def close(self) -> None:
        """End the thread and its connection."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()

    def _listen_on(self) -> None:
        while not self._closed.is_set():
            try:
                self._listen()
            except (DatabaseUnavailable, psycopg.Error):
                self._listening.clear()
                log.info("job_news_interrupted")
                self._closed.wait(RECONNECT_S)

    def _listen(self) -> None:
        with self._database.raw_connection() as connection:
            connection.execute(f'LISTEN "{CHANNEL}"')
            self._listening.set()
            self._tell(lambda _subscription: True)
            while not self._closed.is_set():
                for notification in connection.notifies(timeout=LISTEN_S):
                    signal = _read(notification.payload)
                    self._tell(lambda subscription, signal=signal: subscription.concerns(signal))  # type: ignore[misc]  # mypy cannot infer a default

    def _tell(self, wanted: Callable[[Subscription], bool]) -> None:
        with self._lock:
            concerned = [subscription for subscription in self._subscriptions if wanted(subscription)]
        for subscription in concerned:
            subscription.tell()


def _read(payload: str) -> JobSignal:
    fields = json.loads(payload)
    meeting = fields["meeting_id"]
    return JobSignal(
        job_id=JobId(UUID(fields["job_id"])),
        tenant_id=TenantId(UUID(fields["tenant_id"])),
        meeting_id=None if meeting is None else UUID(meeting),
    )
