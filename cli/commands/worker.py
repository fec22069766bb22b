"""``hangjegyzet worker``: one process that works on one queue."""

from typing import Annotated

import typer

from appliance.jobs.model import Queue
from appliance.settings import Settings

app = typer.Typer()


@app.command()
def worker(queue: Annotated[Queue, typer.Option(help="Which queue to work on.")]) -> None:
    """Work on one queue until SIGTERM; running steps are given back with their last checkpoint."""
    # Imported here: it brings engines' adapters and Huey, for which nobody who asks for help shall wait.
    from appliance.entry.worker_process import run_worker

    run_worker(Settings(), queue)
