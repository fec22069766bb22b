"""What is done every so often by one process of all: the leader, which holds an advisory lock in PostgreSQL.

Every worker offers itself. The lock belongs to a connection, so it is free again in the moment its leader dies, of
whatever. APScheduler knows nothing of other processes; it runs in the leader only.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from appliance.database.engine import Database
from appliance.database.errors import DatabaseUnavailable

log = structlog.get_logger()

LEADER_LOCK = 0x48616E67_4A6F6273
"""``HangJobs`` in ASCII: the key of the advisory lock."""


@dataclass(frozen=True, slots=True)
class Chore:
    """Something small to do every so often; it must be harmless to do twice."""

    name: str
    every_s: float
    run: Callable[[], object]


class Leader:
    """Offers this process as the leader, and does the chores as long as it is.

    Args:
        database: as the worker role.
        settle_s: how long a new leader waits before its first chores. After a restart of the server all workers are
            given the time to renew their leases before anybody looks for lost ones.
        look_s: how often the lock is tried for, or proved.
    """

    def __init__(self, database: Database, chores: Sequence[Chore], *, settle_s: float, look_s: float) -> None:
        self._database = database
        self._chores = chores
        self._settle_s = settle_s
        self._look_s = look_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._offer, name="leader", daemon=True)
        self.is_leading = False

    def start(self) -> None:
        """Offer this process from now on; returns at once."""
        self._thread.start()

    def end(self) -> None:
        """Step down."""
        self._ended.set()
        self._thread.join()

    def _offer(self) -> None:
        while not self._ended.is_set():
            try:
                with self._database.raw_connection() as connection:
                    self._stand(connection)
            except (DatabaseUnavailable, psycopg.Error):
                self._ended.wait(self._look_s)

    def _stand(self, connection: psycopg.Connection[Any]) -> None:
        while not self._ended.is_set():
            row = connection.execute("SELECT pg_try_advisory_lock(%s)", (LEADER_LOCK,)).fetchone()
            if row is not None and row[0]:
                self._lead(connection)
                return
            self._ended.wait(self._look_s)

    def _lead(self, connection: psycopg.Connection[Any]) -> None:
        log.info("leader_began")
        if self._ended.wait(self._settle_s):
            return
        scheduler = BackgroundScheduler(timezone="UTC")
        for chore in self._chores:
            scheduler.add_job(
                _attempted(chore),
                "interval",
                seconds=chore.every_s,
                id=chore.name,
                coalesce=True,
                max_instances=1,
                next_run_time=datetime.now(UTC),
            )
        scheduler.start()
        self.is_leading = True
        try:
            while not self._ended.wait(self._look_s):
                connection.execute("SELECT 1")
        finally:
            self.is_leading = False
            scheduler.shutdown(wait=True)
            log.info("leader_ended")


def _attempted(chore: Chore) -> Callable[[], None]:
    def attempt() -> None:
        try:
            chore.run()
        except DatabaseUnavailable:
            log.warning("chore_postponed", chore=chore.name)
        except Exception as error:  # noqa: BLE001  # the edge of the process: the next time may succeed
            log.error("chore_failed", chore=chore.name, kind=type(error).__name__)  # noqa: TRY400  # words may quote content

    return attempt
