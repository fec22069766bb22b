"""``hangjegyzet break-glass``: a root shell that two people approved, recorded to its end."""

import os
from typing import Annotated

import typer

from appliance.configuration.errors import NeedsRoot
from appliance.entry.break_glass import break_glass
from appliance.settings import Settings
from cli.output import talk

app = typer.Typer()


@app.command()
def open_shell(
    reason: Annotated[str, typer.Option(help="Why; as it was approved.")],
    minutes: Annotated[int, typer.Option(min=1, max=480, help="How long; as it was approved.")] = 30,
) -> None:
    """Open a root shell that two people approved; it is recorded, and ends by itself."""
    if os.geteuid() != 0:
        raise NeedsRoot
    talk.print(f"Everything typed and shown is recorded. The shell ends after {minutes} minutes.")
    recording = break_glass(Settings(), reason=reason, minutes=minutes)
    talk.print(f"Recorded: {recording}")
