"""``hangjegyzet apply``: make the machine what the configuration says."""

import json
import os
from typing import Annotated

import typer

from appliance.adapters.ansible import told
from appliance.configuration.confirmation import PATIENCE_S
from appliance.configuration.errors import NeedsRoot
from appliance.configuration.ports import Task, TaskState
from appliance.entry import applying
from appliance.entry.machine import configuration_file, installed_release, machinery, open_configuration
from cli.output import talk

app = typer.Typer()

_MARKS = {TaskState.CHANGED: "[yellow]✎[/]", TaskState.FAILED: "[red]✗[/]"}
"""What is worth a line; the rest is seen as it passes."""


@app.command()
def apply(
    check: Annotated[bool, typer.Option("--check", help="Only say what would change.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Show how files differ.")] = False,
    confirm: Annotated[bool, typer.Option("--confirm", help="Keep what was applied last.")] = False,
    no_confirm: Annotated[
        bool, typer.Option("--no-confirm", help="Keep it without asking: at the machine's own console.")
    ] = False,
    first: Annotated[bool, typer.Option("--first", help="Write a first configuration where there is none.")] = False,
    first_settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="With --first: what that configuration says besides."),
    ] = None,
    portal_port: Annotated[
        int | None,
        typer.Option("--portal-port", help="Where the portal answers while an upgrade is tried.", hidden=True),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print each task as a line of JSON.")] = False,
) -> None:
    """Bring the machine into the state that appliance.toml declares; a failure brings the previous one back."""
    if os.geteuid() != 0:
        raise NeedsRoot
    if confirm:
        talk.print(f"Kept: {', '.join(applying.confirm())}")
        return
    service, release = open_configuration(), installed_release()
    if first and service.create():
        for setting in first_settings or ():
            key, _, value = setting.partition("=")
            service.set(key, value)
        talk.print(f"A first configuration was written: {configuration_file()}")
    with talk.status("") as spinner:

        def tell(task: Task) -> None:
            if as_json:
                typer.echo(json.dumps(told(task), ensure_ascii=False))
            elif task.state is TaskState.BEGUN:
                spinner.update(f"{task.role}: {task.name}")
            elif task.state in _MARKS:
                talk.print(f"{_MARKS[task.state]} {task.role}: {task.name}")
                if diff and task.diff:
                    talk.print(task.diff, markup=False, style="dim")

        engine = machinery(release, portal_port=portal_port)
        if check:
            done = service.check(engine, release=(release.path, release.version), diff=diff, tell=tell)
        else:
            done = applying.apply(engine, release=release, tell=tell, confirmed=no_confirm)
    if as_json:
        typer.echo(json.dumps({"event": "end", "ok": done.ok, "changed": done.changed, "failed": 0}))
    else:
        typer.echo(f"ok={done.ok + done.changed} changed={done.changed}" + (" (nothing was done)" if check else ""))
    if done.unconfirmed:
        talk.print(
            f"[yellow]![/] This decides who reaches the machine: {', '.join(done.unconfirmed)}. In "
            f"{PATIENCE_S:.0f} s it is undone, unless you confirm it.",
            soft_wrap=True,
        )
        talk.print(
            "  From a new connection, to show that you still reach it: hangjegyzet apply --confirm",
            style="dim",
            soft_wrap=True,
        )
