"""How much waits, how long, and for whom: what tells a healthy queue from one that stands still."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import text

from appliance.database.engine import Tx

_BACKLOG: Final = text(
    """
    WITH line AS (SELECT queue, ready_at FROM job_step WHERE state IN ('ready', 'undo_ready') AND ready_at <= now()),
         at_work AS (SELECT DISTINCT queue FROM job_worker
                     WHERE stopped_at IS NULL AND seen_at > now() - make_interval(secs => :silent_s))
    SELECT (SELECT count(*) FROM line) AS waiting,
           coalesce((SELECT now() - min(ready_at) FROM line), interval '0') AS longest,
           (SELECT count(*) FROM job WHERE state = 'failed' AND finished_at > now() - interval '1 day') AS given_up,
           ARRAY(SELECT DISTINCT queue FROM line WHERE queue NOT IN (SELECT queue FROM at_work) ORDER BY queue) AS alone
    """
)


@dataclass(frozen=True, slots=True)
class Backlog:
    """All tenants' work at one moment.

    Args:
        waiting: steps that could run and do not.
        longest_wait: of one of them.
        given_up: jobs that failed within a day.
        without_worker: queues in which work waits and of which no worker was heard.
    """

    waiting: int
    longest_wait: timedelta
    given_up: int
    without_worker: tuple[str, ...]


def backlog(tx: Tx, *, silent_s: float) -> Backlog:
    """What waits now.

    Args:
        tx: as the worker role, which sees all tenants.
        silent_s: a worker that was not heard for so long is taken for gone.
    """
    row = tx.execute(_BACKLOG, {"silent_s": silent_s}).one()
    return Backlog(row.waiting, row.longest, row.given_up, tuple(row.alone))
