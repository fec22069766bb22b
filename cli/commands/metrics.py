"""``hangjegyzet metrics``: the process that tells metrics to Prometheus."""

import typer

from appliance.entry.metrics import run_metrics
from appliance.settings import Settings

app = typer.Typer()


@app.command()
def metrics() -> None:
    """Tell metrics to Prometheus until SIGTERM; where and to whom the section [monitoring] says."""
    run_metrics(Settings())
