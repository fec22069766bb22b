"""``hangjegyzet drill``: rehearse a restore, and show the proof."""

import sys
from typing import Annotated, Any

import typer

from appliance.adapters.signing_key import load_public_key
from appliance.backups.drill import KIND
from appliance.backups.errors import NoBackup
from appliance.entry import backups
from appliance.keyring.signing import verify
from appliance.settings import Settings
from cli.exit_codes import ExitCode
from cli.output import print_json, spinner, talk

app = typer.Typer(name="drill", help="Rehearse a restore; show the last proof.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def run(
    wanted: Annotated[str, typer.Option("--set", help="A set's name; unset: the latest.", metavar="SET")] = "latest",
    as_json: AsJson = False,
) -> None:
    """Restore into a scratch server, look whether all is there, and sign what came of it; exit code 1 if not."""
    with spinner() as tell:
        held, report = backups.drill(Settings(), tell, wanted=wanted)
    _print(held.payload(), as_json=as_json)
    talk.print(f"Signed and kept: {report}", style="dim")
    if not held.passed:
        raise typer.Exit(ExitCode.FAILED)


@app.command()
def report(as_json: AsJson = False) -> None:
    """Show the newest report, if this machine signed it."""
    settings = Settings()
    path = backups.last_drill(settings)
    if path is None:
        raise NoBackup(wanted="be proven: there was no drill yet")
    statement = verify(path.read_bytes(), load_public_key(settings.signing_public_path), kind=KIND)
    _print(dict(statement.payload), as_json=as_json)
    talk.print(f"[green]✓[/] Signed by {statement.key} at {statement.at:%Y-%m-%d %H:%M:%S} UTC", soft_wrap=True)


def _print(payload: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(payload)
        return
    verdict = "Last proven restore" if payload["passed"] else "NOT PROVEN"
    lines = [
        f"{verdict}: {payload['at']}, of the backup {payload['set']}",
        f"Restored in {payload['restore_s']} s, ready {payload['replay_s']} s later; all in {payload['took_s']} s.",
    ]
    for proof in payload["proofs"]:
        mark = "ok    " if not proof["faults"] else "FAILED"
        lines.append(f"  {mark}  {proof['name']}: {proof['looked_at']}")
        lines += [f"          {fault}" for fault in proof["faults"]]
    sys.stdout.write("\n".join(lines) + "\n")
