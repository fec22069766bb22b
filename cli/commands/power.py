"""``hangjegyzet power``: the machine and its processes, off and on again."""

from typing import Annotated

import typer

from appliance.entry.power import PowerAct, perform
from appliance.settings import Settings
from cli.output import talk

app = typer.Typer(name="power", help="The machine and its processes: off, and on again.", no_args_is_help=True)

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@app.command()
def off(yes: Yes = False) -> None:
    """Switch the machine off; somebody has to go there to switch it on."""
    _do(PowerAct.OFF, "The machine will be switched off. Work goes on from its last checkpoint when it is on.", yes=yes)


@app.command()
def restart(yes: Yes = False) -> None:
    """Restart the machine; work goes on from its last checkpoint."""
    _do(PowerAct.RESTART, "The machine will be restarted. The portal is away for about a minute.", yes=yes)


@app.command()
def services(yes: Yes = False) -> None:
    """Restart the portal and the workers; the database and the machine go on."""
    _do(PowerAct.SERVICES, "Portal and workers will be restarted. The portal is away for some seconds.", yes=yes)


def _do(act: PowerAct, warning: str, *, yes: bool) -> None:
    if not yes:
        typer.confirm(f"{warning} Go on?", abort=True)
    if not perform(act, Settings()):
        talk.print("The database does not answer: the audit trail was not told.", style="yellow")
    talk.print("Done.")
