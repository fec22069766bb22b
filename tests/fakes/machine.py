"""A machine that works until its power is cut: the database, and a worker per queue under a supervisor.

``python -m tests.fakes.machine CONFIG``, where ``CONFIG`` is JSON; meant as the first process of a PID namespace, so
that killing it kills everything at once.
"""

import json
import signal
import sys
from pathlib import Path
from typing import Any

from appliance.adapters.postgres import EmbeddedServer
from appliance.database.roles import DatabaseRole
from appliance.entry.supervisor import ProcessSpec, Supervisor
from appliance.jobs.model import Queue


def main(config: dict[str, Any]) -> None:
    """Start everything as after switching on, and never end by ourselves."""
    server = EmbeddedServer(Path(config["data_dir"]), bin_dir=Path(config["bin_dir"]))
    with server.running():
        worker = {"url": server.url(DatabaseRole.WORKER, config["database"]), **config["worker"]}
        specs = [
            ProcessSpec(
                f"worker-{queue}",
                (sys.executable, "-m", "tests.fakes.processes", "worker", json.dumps({**worker, "queue": queue})),
            )
            for queue in Queue
        ]
        supervisor = Supervisor(specs, environment={}, log_dir=Path(config["log_dir"]))
        supervisor.start()
        signal.pause()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
