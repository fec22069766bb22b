"""``hangjegyzet``: noun, verb; data on stdout, talk on stderr; an exit code per kind of error."""

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from appliance.kernel.errors import HangJegyzetError
from cli.commands import audit, db, demo, job, meeting, minutes, models, serve, speech, user, worker
from cli.exit_codes import exit_code_for
from cli.output import print_error, send_logs_to_stderr

app = typer.Typer(
    name="hangjegyzet",
    help="Turns a confidential meeting into a record that can be trusted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for noun, commands in {
    "meeting": meeting,
    "job": job,
    "speech": speech,
    "minutes": minutes,
    "models": models,
    "audit": audit,
    "user": user,
    "db": db,
}.items():
    app.add_typer(commands.app, name=noun)
for single in (serve, worker, demo):
    app.add_typer(single.app)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hangjegyzet {version('hangjegyzet')}")
        raise typer.Exit


@app.callback()
def hangjegyzet(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Turns a confidential meeting into a record that can be trusted."""


def run() -> None:
    """The process edge: an expected failure becomes two lines on stderr and an exit code; anything else a traceback."""
    send_logs_to_stderr()
    try:
        app()
    except HangJegyzetError as error:
        print_error(error)
        sys.exit(exit_code_for(error))
    except KeyboardInterrupt:
        sys.exit(130)
