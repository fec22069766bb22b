"""``hangjegyzet guard``: what lets the appliance start, or does not."""

from typing import Annotated

import typer

from appliance.configuration.errors import NeedsRoot
from appliance.entry.guard import accept_clock, guard_state, keep_watch
from appliance.settings import Settings
from cli.exit_codes import ExitCode
from cli.output import print_json, talk

app = typer.Typer(name="guard", help="What lets the appliance start, or does not.", no_args_is_help=True)


@app.command()
def check() -> None:
    """Look at clock, release and firewall as before a start; exit code 3 if the appliance must not start."""
    refusals = keep_watch(Settings())
    for one in refusals:
        talk.print(f"[red]✗[/] [bold]{one.check.title}[/]: {one.finding.summary}", soft_wrap=True)
        talk.print(f"  {one.finding.remedy}", style="dim", soft_wrap=True)
    if refusals:
        talk.print("HangJegyzet must not start. When this is mended: hangjegyzet health --fix guard")
        raise typer.Exit(ExitCode.REFUSED)
    talk.print("[green]✓[/] Clock, release and firewall are in order.")


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show what the guard decided when it looked last."""
    state = guard_state()
    refusals = dict(state.refusals) if state else {}
    if as_json:
        print_json({"at": state.at if state else None, "refusals": refusals})
    elif state is None:
        talk.print("It has not looked since this machine was started.")
    else:
        talk.print(f"{state.at:%Y-%m-%d %H:%M:%S} UTC: " + ("refused" if refusals else "let the appliance start"))
        for name, reason in refusals.items():
            talk.print(f"  {name}: {reason}", soft_wrap=True)


@app.command("accept-clock")
def accept(
    reason: Annotated[str, typer.Option("--reason", help="Why the clock is right now; the audit trail keeps it.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take the clock for right although records are later: the clock was wrong when these were written."""
    if not yes:
        typer.confirm("Is the time that `date` shows right?", abort=True, err=True)
    try:
        marks = accept_clock(Settings(), reason=reason)
    except PermissionError as error:
        raise NeedsRoot from error
    newest = marks.newest()
    talk.print(f"Accepted. From now on it counts that it is after {newest[1]:%Y-%m-%d %H:%M} UTC." if newest else "")
