"""``hangjegyzet updates``: security updates of the operating system, from a signed bundle of their own."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from appliance.entry import upgrades
from appliance.entry.upgrade_notes import open_journal
from appliance.settings import Settings
from appliance.upgrades.model import Kind, Record, SystemUpdates
from appliance.upgrades.updating import listed, said
from cli.output import print_fields, print_json, progress_bar, talk
from cli.upgrade_unit import require_root, run_in_a_unit, tell_on_stdout

app = typer.Typer(
    name="updates",
    help="Security updates of the operating system: look first, put in, follow, list.",
    no_args_is_help=True,
)

Source = Annotated[Path, typer.Argument(help="The .tar, its first part (.tar.001), or the unpacked folder.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Lines = Annotated[bool, typer.Option("--json", help="Print progress as lines of JSON.")]
Here = Annotated[bool, typer.Option("--here", help="In this process, without a unit.", hidden=True)]


@app.command()
def check(source: Source, as_json: Json = False) -> None:
    """Check updates and this machine, and change nothing; exit code 1 when something has to be mended first."""
    require_root()
    with progress_bar("checking"):
        offer, told, findings = upgrades.look_at_updates(Settings(), source)
    fields = {
        "version": told.version,
        "release_seq": offer.manifest.release_seq,
        "changes": list(listed(told.changes)),
        "used_by": list(told.users),
        "people_wait": told.closes,
        "reboot": list(told.reboot),
        "findings": list(findings),
    }
    if as_json:
        print_json(fields)
    else:
        print_fields(
            {
                "updates": told.version,
                "means": said(told),
                "used by": ", ".join(told.users) or "nothing that runs",
                "in use after a restart of the machine": ", ".join(told.reboot) or "nothing",
                "findings": "; ".join(findings) or "none: they can be put in",
            }
        )
        _print_changes(told)
    if findings:
        raise typer.Exit(1)


@app.command()
def run(source: Source, as_json: Lines = False, here: Here = False) -> None:
    """Put updates in; whatever fails, the machine has the packages that it had, or all of the new ones."""
    require_root()
    if not here:
        run_in_a_unit(["updates", "run", str(source.resolve())], as_json)
    service = upgrades.open_upgrades(Settings(), tell_on_stdout)
    service.start(upgrades.new_updates(source), driver=upgrades.driver())


@app.command(name="list")
def list_packages(as_json: Json = False) -> None:
    """List what the last updates that stayed have changed, and what of it waits for a restart of the machine."""
    require_root()
    record = open_journal().last_updates_done()
    if record is None or record.updates is None:
        talk.print("This machine has had no updates of its own; its packages are those of its release.")
        return
    if as_json:
        print_json(msgspec.to_builtins(record.updates))
        return
    print_fields({"updates": record.updates.version, "put in": f"{record.ended_at:%Y-%m-%d %H:%M:%S} UTC"})
    _print_changes(record.updates)


@app.command()
def status(as_json: Json = False) -> None:
    """Show the updates that are under way, or the last ones: stages, times, what was proven and how it ended."""
    require_root()
    journal = open_journal()
    record = journal.read()
    if record is None or record.kind is not Kind.UPDATES:
        record = journal.last_updates()
    if record is None:
        talk.print("This machine has had no updates of its own; its packages are those of its release.")
        return
    driven = record.ending is None and journal.is_driven()
    if as_json:
        print_json({**msgspec.to_builtins(record), "driven": driven, "downtime_s": record.downtime_s})
        return
    print_fields(_fields(record, driven))


def _print_changes(updates: SystemUpdates) -> None:
    for line in listed(updates.changes):
        talk.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)


def _fields(record: Record, driven: bool) -> dict[str, Any]:
    updates = record.updates
    state = record.ending.value if record.ending else ("under way" if driven else "interrupted")
    shown: dict[str, Any] = {
        "updates": updates.version if updates else "not verified yet",
        "state": state,
        "began": f"{record.began_at:%Y-%m-%d %H:%M:%S} UTC, by {record.actor}",
        "reason": record.reason or None,
    }
    for passed in record.passed:
        back = " (undone)" if passed.stage in record.undone else ""
        took = "interrupted" if passed.took_s is None else f"{passed.took_s:.1f} s"
        shown[f"  {passed.stage}"] = took + back
    if updates is not None and updates.changes:
        shown["packages"] = len(updates.changes)
        shown["restarted"] = ", ".join(updates.restarted) or None
        shown["in use after a restart of the machine"] = ", ".join(updates.reboot) or "all of it is in use"
    shown |= {f"proved: {name}": what for name, what in record.gate.items()}
    if record.downtime_s is not None:
        shown["people waited"] = f"{record.downtime_s:.1f} s (expected {record.expected_s:.0f} s)"
    return {name: value for name, value in shown.items() if value is not None}
