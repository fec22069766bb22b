"""Huey as the doorbell: a row in its queue on the same PostgreSQL, written inside the business transaction.

Huey is at-most-once: a killed worker loses the message that it had taken. That is enough for a bell, because the truth
is in the tables of jobs, and the reaper rings again. A message carries the id of a job as JSON, and nothing else.
"""

import json
import signal
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import psycopg
import structlog
from huey.api import PostgresHuey
from huey.consumer import Consumer
from huey.registry import Message
from huey.serializer import Serializer
from sqlalchemy import text

from appliance.database.engine import Tx
from appliance.database.errors import DatabaseUnavailable
from appliance.jobs.model import Queue
from appliance.kernel.ids import JobId

log = structlog.get_logger()

PREFIX = "huey"
TASK = "ring"
LISTEN_S = 1.0
"""How long one wait for a notification lasts before the queue is looked at anyway."""
ERROR_PAUSE_S = 0.25
"""Pause between looks while the server restarts."""

Connect = Callable[[], psycopg.Connection[Any]]


class JsonSerializer(Serializer):
    """Messages as JSON: a queue that somebody wrote into can ring at the wrong time, and do no more."""

    def _serialize(self, data: object) -> bytes:
        if not isinstance(data, Message):
            raise TypeError("only messages travel through this queue")
        return json.dumps({name: value for name, value in data._asdict().items() if value is not None}).encode()

    def _deserialize(self, data: bytes) -> Message:
        fields = json.loads(data)
        return Message(**{name: value for name, value in fields.items() if name in Message._fields})


class HueyDoorbell:
    """Fulfils ``Doorbell``."""

    def __init__(self) -> None:
        self._bells = {queue: _Bell(queue, connect=None, answer=_nobody_answers) for queue in Queue}

    def ring(self, tx: Tx, queue: Queue, job_id: JobId, *, at: datetime | None = None) -> None:
        bell = self._bells[queue]
        storage = bell.huey.storage
        values = {"queue": storage.name, "data": bell.message(job_id)}
        if at is not None:
            tx.execute(
                text(f"INSERT INTO {storage.table_schedule} (queue, data, timestamp) VALUES (:queue, :data, :at)"),  # noqa: S608  # a constant name
                {**values, "at": at.timestamp()},
            )
            return
        tx.execute(
            text(f"INSERT INTO {storage.table_task} (queue, data, priority) VALUES (:queue, :data, 0)"),  # noqa: S608  # as above
            values,
        )
        tx.execute(text("SELECT pg_notify(:channel, '')"), {"channel": storage.channel})

    def pending(self, tx: Tx, queue: Queue) -> int:
        storage = self._bells[queue].huey.storage
        statement = text(f"SELECT count(*) FROM {storage.table_task} WHERE queue = :queue")  # noqa: S608  # as above
        return int(tx.execute(statement, {"queue": storage.name}).scalar_one())


class DoorbellConsumer(Consumer):
    """Waits at the door of one queue; every ring calls ``answer`` in one of its threads.

    Args:
        connect: a new connection in autocommit mode, as the worker role.
        answer: works until nothing is left to do.
        on_stop: called as soon as the process is asked to end, before its threads are waited for.
        patience_s: how long threads are waited for.
    """

    def __init__(
        self,
        queue: Queue,
        *,
        connect: Connect,
        answer: Callable[[], None],
        on_stop: Callable[[], None],
        threads: int,
        patience_s: float,
    ) -> None:
        self._on_stop = on_stop
        super().__init__(  # type: ignore[no-untyped-call]  # huey is untyped
            _Bell(queue, connect=connect, answer=answer).huey,
            workers=threads,
            periodic=False,
            shutdown_timeout=patience_s,
            graceful_signal="TERM",
        )
        # Ctrl-C and a closed terminal end it as gracefully as systemd does; Huey would restart or drop everything.
        self._signal_actions = dict.fromkeys((signal.SIGTERM, signal.SIGINT, signal.SIGHUP), (False, True))

    def stop(self, graceful: bool = False) -> None:
        self._on_stop()
        super().stop(graceful=graceful)  # type: ignore[no-untyped-call]  # huey is untyped


class _PatientHuey(PostgresHuey):
    """Huey that waits while the server restarts, and says so in one line and not in a traceback per look."""

    _away = False

    def dequeue(self) -> Any:
        return self._patiently(super().dequeue)

    def read_schedule(self, timestamp: datetime | None = None) -> Any:
        return self._patiently(super().read_schedule, timestamp) or []

    def is_revoked(self, *_: object, **__: object) -> bool:
        return False  # nobody revokes a ring, so nobody need ask before it is answered

    def _patiently(self, look: Callable[..., Any], *args: object) -> Any:
        try:
            found = look(*args)
        except (DatabaseUnavailable, psycopg.OperationalError):
            if not self._away:
                log.warning("doorbell_without_database", queue=self.name)
            self._away = True
            time.sleep(ERROR_PAUSE_S)
            return None
        self._away = False
        return found


class _Bell:
    """One queue of Huey's, with its one task."""

    def __init__(self, queue: Queue, *, connect: Connect | None, answer: Callable[[], None]) -> None:
        self.huey = _PatientHuey(
            queue.value,
            results=False,
            serializer=JsonSerializer(),
            connection=connect,
            read_timeout=LISTEN_S,
            table_prefix=PREFIX,
            create_tables=False,
        )

        def ring(_job_id: str) -> None:
            answer()

        self._task = self.huey.task(name=TASK)(ring)

    def message(self, job_id: JobId) -> bytes:
        """What Huey itself would have put into the queue."""
        data: bytes = self.huey.serialize_task(self._task.s(str(job_id)))
        return data


def _nobody_answers() -> None:
    """Who rings does not open."""
