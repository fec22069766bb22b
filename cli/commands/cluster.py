"""``hangjegyzet cluster``: three boxes that keep one database."""

from pathlib import Path
from typing import Annotated

import typer

from appliance.entry import cluster
from appliance.settings import Settings
from cli.commands.node import applying
from cli.output import print_fields, print_json, print_table, talk

app = typer.Typer(name="cluster", help="Three boxes that keep one database: begin, invite, join, show.")


@app.command()
def begin(
    name: Annotated[str, typer.Argument(help="What this machine is called among the members.")],
    members: Annotated[list[str], typer.Option("--member", help="Each member as NAME=ADDRESS, this machine first.")],
    address: Annotated[str | None, typer.Option(help="Address that moves to who is alive, as 10.20.0.10/24.")] = None,
) -> None:
    """Make this box the first of a cluster; its database stays where it is."""
    with applying() as tell:
        cluster.begin(Settings(), name=name, members=tuple(members), address=address, tell=tell)
    typer.echo(f"{name} is the first member. Invite the others: hangjegyzet cluster invite NAME FILE")


@app.command()
def invite(
    name: Annotated[str, typer.Argument(help="The member that another machine becomes.")],
    file: Annotated[Path, typer.Argument(help="Where to write the invitation: on a stick, say.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write what another machine needs to become a member, and print the code that opens it."""
    code = cluster.invite(Settings(), name, file)
    if as_json:
        print_json({"code": code, "file": str(file)})
    else:
        print_fields({"file": file, "code": code})
    talk.print("It holds keys. Carry file and code apart, and destroy the file when the machine has joined.")


@app.command()
def join(
    file: Annotated[Path, typer.Argument(help="The invitation.")],
    code: Annotated[str, typer.Option(prompt=True, help="The code that was printed with it; unset asks for it.")],
) -> None:
    """Make this machine a member; its own empty database is laid aside."""
    with applying() as tell:
        name = cluster.join(Settings(), file, code, tell=tell)
    typer.echo(f"This machine is the member {name}.")


@app.command()
def renew(
    file: Annotated[Path | None, typer.Argument(help="An invitation of this member; unset on the first.")] = None,
    code: Annotated[str, typer.Option(help="The code that was printed with it.")] = "",
) -> None:
    """Put new certificates in the place of this member's, and restart what shows them."""
    cluster.renew(Settings(), file, code)
    typer.echo("This member shows new certificates.")


@app.command()
def show(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show who leads, who follows, and how far behind. Exit code 5 if nobody leads."""
    state = cluster.state(Settings())
    rows = [
        (member.name, member.role, member.state, "" if member.lag_bytes is None else member.lag_bytes)
        for member in state.members
    ]
    if as_json:
        told = [
            {"name": each.name, "role": each.role, "state": each.state, "lag": each.lag_bytes} for each in state.members
        ]
        print_json({"members": told, "missing": state.missing, "leaders": state.leaders})
    else:
        print_table(("member", "role", "state", "bytes behind"), rows)
        if state.missing:
            talk.print(f"Not heard of: {', '.join(state.missing)}")
    if not state.leaders:
        raise typer.Exit(5)
