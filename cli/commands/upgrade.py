"""``hangjegyzet upgrade``: look at a bundle, bring this machine to it, see how it goes, go back."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import msgspec
import typer

from appliance.entry import upgrades
from appliance.entry.upgrade_notes import open_journal
from appliance.kernel.ids import UserId
from appliance.settings import Settings
from appliance.upgrades.errors import NothingToResume
from appliance.upgrades.estimates import expected_s
from appliance.upgrades.model import Record
from cli.output import print_fields, print_json, progress_bar, talk
from cli.upgrade_unit import require_root, run_in_a_unit, tell_on_stdout

app = typer.Typer(
    name="upgrade", help="Upgrades: look first, bring about, follow, resume, go back.", no_args_is_help=True
)

Source = Annotated[Path, typer.Argument(help="The .tar, its first part (.tar.001), or the unpacked folder.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Lines = Annotated[bool, typer.Option("--json", help="Print progress as lines of JSON.")]
Here = Annotated[bool, typer.Option("--here", help="In this process, without a unit.", hidden=True)]


@app.command()
def check(source: Source, as_json: Json = False) -> None:
    """Check a bundle and this machine, and change nothing; exit code 1 when something has to be mended first."""
    require_root()
    with progress_bar("checking"):
        offer, findings = upgrades.look_at(Settings(), source)
    manifest, record, before = offer.manifest, upgrades.new_upgrade(source), open_journal().last_done()
    fields = {
        "version": manifest.version,
        "release_seq": manifest.release_seq,
        "built_at": manifest.built_at,
        "installed": record.old,
        "schema": f"{manifest.schema.oldest} to {manifest.schema.newest}",
        "expected_wait_s": expected_s(record, before),
        "measured_here": before is not None,
        "findings": list(findings),
    }
    if as_json:
        print_json(fields)
    else:
        shown = {name.replace("_", " "): value for name, value in fields.items()}
        print_fields({**shown, "findings": "; ".join(findings) or "none: it can be upgraded"})
    if findings:
        raise typer.Exit(1)


@app.command()
def run(source: Source, as_json: Lines = False, here: Here = False) -> None:
    """Upgrade this machine; whatever fails, it has its old release again, or the new one, and every row."""
    require_root()
    if not here:
        run_in_a_unit(["upgrade", "run", str(source.resolve())], as_json)
    upgrades.open_upgrades(Settings(), tell_on_stdout).start(upgrades.new_upgrade(source), driver=upgrades.driver())


@app.command()
def resume(as_json: Lines = False, here: Here = False) -> None:
    """Bring an interrupted upgrade to its end: back, or forward once it was decided. The machine does so at boot.

    Both ends are what was asked for: exit code 0.
    """
    require_root()
    _by_the_driver()
    if not here:
        run_in_a_unit(["upgrade", "resume"], as_json)
    try:
        upgrades.open_upgrades(Settings(), tell_on_stdout).resume()
    except NothingToResume:
        # The unit asks after every end, also a good one.
        if os.environ.get("SERVICE_RESULT") is None:
            raise


@app.command()
def rollback(as_json: Lines = False, here: Here = False) -> None:
    """Go back to the release before, with the rows of today, while the schema allows it; two people have to approve."""
    require_root()
    if not here:
        run_in_a_unit(["upgrade", "rollback"], as_json)
    record = upgrades.new_downgrade(Settings())
    upgrades.open_upgrades(Settings(), tell_on_stdout).start(record, driver=upgrades.driver())


@app.command()
def status(as_json: Json = False) -> None:
    """Show the upgrade that is under way, or the last one: its stages, times, verdicts and how it ended."""
    require_root()
    journal = open_journal()
    record = journal.read()
    driven = record is not None and journal.is_driven()
    record = record or journal.last()
    if record is None:
        talk.print("This machine was never upgraded.")
        return
    if as_json:
        print_json({**msgspec.to_builtins(record), "driven": driven, "downtime_s": record.downtime_s})
        return
    print_fields(_fields(record, driven))


@app.command(hidden=True)
def prove(
    trial_user: Annotated[str, typer.Option("--trial-user", help="Id of the account of the trial.")] = "",
    portal_port: Annotated[int, typer.Option("--portal-port", help="Where the portal answers to this machine.")] = 0,
    machine_only: Annotated[bool, typer.Option("--machine-only", help="Without sign-in and recording.")] = False,
) -> None:
    """Prove that this release works here; asked by an upgrade of the release that it tries."""
    require_root()
    from cli.trial import prove_all, prove_machine, say_on_stdout

    if machine_only:
        prove_machine(Settings(), prove=say_on_stdout)
    elif trial_user and portal_port:
        prove_all(Settings(), user=UserId(UUID(trial_user)), portal_port=portal_port, prove=say_on_stdout)
    else:
        raise typer.BadParameter("--trial-user and --portal-port belong together")


@app.command(hidden=True)
def retreat(revision: Annotated[str, typer.Argument(help="Revision that the schema goes back to.")]) -> None:
    """Take this release's schema back; asked by a downgrade."""
    require_root()
    before, after = upgrades.retreat(Settings(), revision)
    print_json({"before": before, "after": after})


def _by_the_driver() -> None:
    """Whoever began it goes on with it, also while another release is in use."""
    driver = open_journal().driver()
    if driver is None or driver == upgrades.driver():
        return
    python = str(driver / "venv/bin/python")
    os.execv(python, [python, "-I", "-m", "cli.launch", *sys.argv[1:]])  # noqa: S606  # our own release, no shell


def _fields(record: Record, driven: bool) -> dict[str, Any]:
    state = record.ending.value if record.ending else ("under way" if driven else "interrupted")
    shown: dict[str, Any] = {
        "upgrade": f"{record.old} → {record.aim}",
        "state": state,
        "began": f"{record.began_at:%Y-%m-%d %H:%M:%S} UTC, by {record.actor}",
        "reason": record.reason or None,
    }
    for passed in record.passed:
        back = " (undone)" if passed.stage in record.undone else ""
        took = "interrupted" if passed.took_s is None else f"{passed.took_s:.1f} s"
        shown[f"  {passed.stage}"] = took + back
    if record.rehearsal is not None:
        shown["rehearsal"] = (
            f"{record.rehearsal.before} → {record.rehearsal.after} in {record.rehearsal.migrate_s:.1f} s on "
            f"{record.rehearsal.rows} rows; takes away: {', '.join(record.rehearsal.contracts) or 'nothing'}"
        )
    shown |= {f"proved: {name}": what for name, what in record.gate.items()}
    if record.downtime_s is not None:
        shown["people waited"] = f"{record.downtime_s:.1f} s (expected {record.expected_s:.0f} s)"
    return {name: value for name, value in shown.items() if value is not None}
