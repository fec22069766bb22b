"""Which worker processes there are: what tells a crashed worker from a restarted machine."""

from sqlalchemy import text

from appliance.database.engine import Tx
from appliance.jobs.model import Queue
from appliance.jobs.processes import WorkerProcess


def sign_in(tx: Tx, process: WorkerProcess, queue: Queue) -> None:
    """A worker starts."""
    tx.execute(
        text(
            """
            INSERT INTO job_worker (name, node, boot_id, pid_space, pid, pid_started, queue, started_at, seen_at)
            VALUES (:name, :node, :boot_id, :pid_space, :pid, :pid_started, :queue, now(), now())
            ON CONFLICT (name) DO UPDATE SET seen_at = now(), stopped_at = NULL
            """
        ),
        {
            "name": process.name,
            "node": process.node,
            "boot_id": process.boot_id,
            "pid_space": process.pid_space,
            "pid": process.pid,
            "pid_started": process.pid_started,
            "queue": queue.value,
        },
    )


def seen(tx: Tx, process: WorkerProcess) -> None:
    """A worker is alive."""
    tx.execute(text("UPDATE job_worker SET seen_at = now() WHERE name = :name"), {"name": process.name})


def sign_out(tx: Tx, process: WorkerProcess) -> None:
    """A worker ends as it should."""
    tx.execute(
        text("UPDATE job_worker SET seen_at = now(), stopped_at = now() WHERE name = :name"), {"name": process.name}
    )
