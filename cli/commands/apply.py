"""``hangjegyzet apply``: make the machine what the configuration says."""

import os
from typing import Annotated

import typer

from appliance.configuration.errors import NeedsRoot
from appliance.configuration.ports import Task, TaskState
from appliance.entry.approvals import require_for_changes
from appliance.entry.machine import configuration_file, installed_release, machinery, open_configuration
from appliance.settings import Settings
from cli.output import talk

app = typer.Typer()

_MARKS = {TaskState.CHANGED: "[yellow]✎[/]", TaskState.FAILED: "[red]✗[/]"}
"""What is worth a line; the rest is seen as it passes."""


@app.command()
def apply(
    check: Annotated[bool, typer.Option("--check", help="Only say what would change.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Show how files differ.")] = False,
    first: Annotated[bool, typer.Option("--first", help="Write a first configuration where there is none.")] = False,
) -> None:
    """Bring the machine into the state that appliance.toml declares; a failure brings the previous one back."""
    if os.geteuid() != 0:
        raise NeedsRoot
    service, release = open_configuration(), installed_release()
    if first and service.create():
        talk.print(f"A first configuration was written: {configuration_file()}")
    with talk.status("") as spinner:

        def tell(task: Task) -> None:
            if task.state is TaskState.BEGUN:
                spinner.update(f"{task.role}: {task.name}")
            elif task.state in _MARKS:
                talk.print(f"{_MARKS[task.state]} {task.role}: {task.name}")
                if diff and task.diff:
                    talk.print(task.diff, markup=False, style="dim")

        engine = machinery(release)
        where = (release.path, release.version)
        if check:
            done = service.check(engine, release=where, diff=diff, tell=tell)
        else:
            done = service.apply(
                engine, release=where, tell=tell, allow=lambda changes: require_for_changes(Settings(), changes)
            )
    typer.echo(f"ok={done.ok + done.changed} changed={done.changed}" + (" (nothing was done)" if check else ""))
