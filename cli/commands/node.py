"""``hangjegyzet node``: other machines that work for this one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Annotated, Any

import typer

from appliance.configuration.ports import Task, TaskState
from appliance.entry import nodes
from appliance.nodes.model import NodeView
from appliance.settings import Settings
from cli.output import print_fields, print_json, print_table, talk

app = typer.Typer(name="node", help="Other machines that work for this one: join, list, drain, remove.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(help="The machine's name.")]


@app.command()
def token(
    name: Annotated[str, typer.Argument(help="What the machine shall be called here.")],
    address: Annotated[str, typer.Option(help="Its IP address: nobody else may use the token.")],
    minutes: Annotated[int, typer.Option(min=1, max=7 * 24 * 60, help="How long the token is good.")] = 60,
    as_json: Json = False,
) -> None:
    """Open this box to one machine and print the token with which it joins; good once."""
    with applying() as tell:
        made = nodes.invite(Settings(), name, address=address, lifetime=timedelta(minutes=minutes), tell=tell)
    own = Settings().nodes.address
    if as_json:
        print_json({"token": str(made), "address": own, "minutes": minutes})
    else:
        typer.echo(str(made))
        talk.print(f"On that machine, as root, within {minutes} min: hangjegyzet node join {own} TOKEN", soft_wrap=True)


@app.command()
def join(
    address: Annotated[str, typer.Argument(help="Address of the main box.")],
    token: Annotated[str, typer.Argument(help="What `hangjegyzet node token` printed there; - reads it from stdin.")],
) -> None:
    """Make this machine a worker of another one. It no longer serves people."""
    given = typer.get_text_stream("stdin").readline() if token == "-" else token  # noqa: S105  # no password: where to read one
    with applying() as tell:
        name = nodes.join(Settings(), address, given, tell=tell)
    typer.echo(f"{name} works for {address}.")


@app.command("list")
def show_all(as_json: Json = False) -> None:
    """List the machines that work for this one."""
    with nodes.open_nodes(Settings()) as (service, _, _):
        found = service.registered()
    if as_json:
        print_json([_fields(node) for node in found])
        return
    rows = [(node.name, node.address, node.state.value, _moment(node.seen_at)) for node in found]
    print_table(("name", "address", "state", "last seen"), rows, empty="None. Add one: hangjegyzet node token --help")


@app.command()
def show(name: Name, as_json: Json = False) -> None:
    """Show one machine, and what it has under way."""
    with nodes.open_nodes(Settings()) as (service, _, _):
        node, leases = service.show(name)
    steps = [{"job": str(lease.job_id), "step": lease.step, "attempt": lease.attempt} for lease in leases]
    if as_json:
        print_json(_fields(node) | {"steps": steps})
        return
    print_fields(_fields(node))
    print_table(("step", "job"), [(step["step"], step["job"]) for step in steps], empty="Nothing is under way there.")


@app.command()
def drain(
    name: Name,
    wait: Annotated[float, typer.Option(help="How many seconds to wait until it has nothing under way.")] = 120.0,
) -> None:
    """Let a machine take no new steps; it gives back those that it has, with their checkpoints."""
    with talk.status(f"Waiting until {name} has nothing under way"):
        nodes.drain(Settings(), name, patience_s=wait)
    typer.echo(f"{name} has nothing under way and takes nothing new.")


@app.command()
def resume(name: Name) -> None:
    """Let a drained machine work again."""
    with nodes.open_nodes(Settings()) as (service, actor, _):
        service.resume(actor, name)
    typer.echo(f"{name} works again.")


@app.command()
def remove(name: Name) -> None:
    """Take everything back that a machine was given: its certificate, its way into the database, its way through."""
    with applying() as tell:
        keys = nodes.remove(Settings(), name, tell=tell)
    typer.echo(f"{name} is removed: its certificate opens nothing, its role in the database is gone.")
    if keys:
        talk.print(
            f"It had the keys of {keys} meeting(s) while it worked on them; it keeps none on its disk. If it was stolen"
            " while it worked, hold those meetings for read: hangjegyzet audit export names them.",
            soft_wrap=True,
        )


@app.command()
def certify(as_json: Json = False) -> None:
    """Make or renew what this machine shows to others; a timer does it every few hours."""
    changed = nodes.certify(Settings())
    if as_json:
        print_json({"changed": changed})
    else:
        typer.echo("renewed" if changed else "good for some days more")


@app.command()
def models(as_json: Json = False) -> None:
    """On a worker: bring the packs that the main box uses."""
    brought = nodes.fetch_models(Settings())
    if as_json:
        print_json({"brought": brought})
    else:
        typer.echo(f"brought: {', '.join(brought) or 'none, all are here'}")


@app.command()
def serve() -> None:
    """Answer other machines until SIGTERM; the unit hangjegyzet-nodes runs it."""
    nodes.serve_door(Settings())


@contextmanager
def applying() -> Iterator[Callable[[Task], object]]:
    """Show the tasks by which the machine is changed, as they pass."""
    with talk.status("") as spinner:

        def tell(task: Task) -> None:
            if task.state is TaskState.BEGUN:
                spinner.update(f"{task.role}: {task.name}")
            elif task.state is TaskState.CHANGED:
                talk.print(f"[yellow]✎[/] {task.role}: {task.name}")

        yield tell


def _fields(node: NodeView) -> dict[str, Any]:
    return {
        "name": node.name,
        "address": node.address,
        "state": node.state.value,
        "host": node.host,
        "certificate_until": _moment(node.certificate_until),
        "joined_at": _moment(node.joined_at),
        "seen_at": _moment(node.seen_at),
    }


def _moment(at: Any) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds")
