"""``hangjegyzet``: noun, verb; data on stdout, talk on stderr; an exit code per kind of error."""

import sys
from typing import Annotated

import typer

from appliance.kernel.errors import HangJegyzetError
from cli.exit_codes import exit_code_for
from cli.lazy import lazy_group, noun, verb

COMMANDS = (
    noun("meeting", "Meetings: add a recording, list, show, export, delete."),
    noun("job", "Jobs: list, show, cancel, try again."),
    noun("speech", "Speech to text, for one file; nothing is kept."),
    noun("minutes", "Write minutes."),
    noun("models", "Model packs: list, import, verify, use, clean up."),
    noun("bundle", "Bundles: check one, show what is inside."),
    noun("audit", "The audit trail: check it, export it."),
    noun("cluster", "Three boxes that keep one database: begin, invite, join, show."),
    noun("node", "Other machines that work for this one: join, list, drain, remove."),
    noun("user", "People's accounts: create, reset, disable."),
    noun("db", "The database: set it up, look at it, move its schema."),
    noun("approval", "The two-person rule: ask, sign, look, say who may approve."),
    noun("egress", "Prove that nothing leaves the machine."),
    noun("guard", "What lets the appliance start, or does not."),
    noun("key", "The root key: hand it out, sealed."),
    noun("licence", "The licence: show it, put a new one into force."),
    noun("support", "The support bundle: collect, look, seal it to the maker."),
    noun("cert", "The portal's certificate: show, renew, ask for one, install it."),
    noun("config", "The configuration: read, change, check, compare."),
    noun("backup", "Backups: take, list, verify, forget."),
    noun("drill", "Rehearse a restore; show the last proof."),
    noun("restore", "Bring the machine back from a backup."),
    verb(
        "apply",
        "Bring the machine into the state that appliance.toml declares; a failure brings the previous one back.",
    ),
    noun("upgrade", "Upgrades: look first, bring about, follow, resume, go back."),
    noun("updates", "Security updates of the operating system: look first, put in, follow, list."),
    verb(
        "health",
        "Look at the machine: what is well, what is not, and what to do now. Exit code 1 if anything is critical.",
    ),
    verb(
        "vitals",
        "Show address, fingerprint, health, disk, GPU and queue at a glance, as the machine's own display does.",
    ),
    verb("console", "Open the console: everything a technician does, by keys, with the command that does it."),
    noun("power", "The machine and its processes: off, and on again."),
    verb("break-glass", "Open a root shell that two people approved; it is recorded, and ends by itself."),
    verb("uninstall", "Take the appliance off this machine, keys first; or check an erase certificate."),
    verb("serve", "Serve the portal until SIGTERM or Ctrl-C; workers are processes of their own: hangjegyzet worker."),
    verb("metrics", "Tell metrics to Prometheus until SIGTERM; where and to whom the section [monitoring] says."),
    verb(
        "selftest",
        "Send a synthetic recording through everything, try to leave, take a backup and restore it; print one page.",
    ),
    verb("worker", "Work on one queue until SIGTERM; running steps are given back with their last checkpoint."),
    verb("demo", "Start a whole appliance, send a meeting through it over HTTP, show transcript and minutes."),
)

app = typer.Typer(
    name="hangjegyzet",
    cls=lazy_group(COMMANDS),
    help="Turns a confidential meeting into a record that can be trusted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        # Imported here, as below what only some calls need: help shall be there at once.
        from importlib.metadata import version

        typer.echo(f"hangjegyzet {version('hangjegyzet')}")
        raise typer.Exit


@app.callback()
def hangjegyzet(
    context: typer.Context,
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Turns a confidential meeting into a record that can be trusted."""
    if context.obj is _PROCESS_EDGE:
        from cli.logs import send_logs_to_stderr

        send_logs_to_stderr()


_PROCESS_EDGE = object()
"""Handed to a call that has the process to itself: it may say where logs go."""


def run() -> None:
    """The process edge: an expected failure becomes two lines on stderr and an exit code; anything else a traceback."""
    try:
        app(obj=_PROCESS_EDGE)
    except HangJegyzetError as error:
        from cli.output import print_error

        print_error(error)
        sys.exit(exit_code_for(error))
    except KeyboardInterrupt:
        sys.exit(130)
