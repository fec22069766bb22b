"""``hangjegyzet backup``: take one, keep up in between, see what there is, verify, forget old ones."""

from typing import Annotated, Any

import typer

from appliance.backups.errors import SetDamaged
from appliance.backups.model import BackupKind
from appliance.backups.service import Pruned, Taken
from appliance.backups.sets import BackupSet
from appliance.entry import backups
from appliance.kernel.units import format_bytes
from appliance.settings import Settings
from cli.output import print_fields, print_json, print_table, spinner, talk

app = typer.Typer(name="backup", help="Backups: take, list, verify, forget.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SetName = Annotated[str, typer.Argument(help="A set's name, or latest.", metavar="SET")]


@app.command()
def run(
    full: Annotated[bool, typer.Option("--full", help="The whole database, not what changed.")] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Then forget what is not kept any longer.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take a backup while people work; a full backup disk fails it and leaves the appliance alone."""
    settings = Settings()
    with spinner() as tell:
        taken = backups.run(settings, tell, kind=BackupKind.FULL if full else None)
        pruned = backups.prune(settings, tell) if prune else None
    fields = _taken(taken) | (_pruned(pruned) if pruned else {})
    if as_json:
        print_json(fields)
    else:
        print_fields({name.replace("_", " "): _shown(name, value) for name, value in fields.items()})


@app.command()
def follow(
    quiet: Annotated[
        bool, typer.Option("--quiet", help="For timers: having nothing to do, or a backup that does it, is no failure.")
    ] = False,
) -> None:
    """Copy what is new since the last pass; a timer does so every other minute."""
    from appliance.backups.errors import BackupBusy  # imported here: only this call needs it

    settings = Settings()
    if quiet and (reason := backups.nothing_to_follow(settings)):
        talk.print(f"Nothing to do: {reason}.")
        return
    try:
        with backups.open_backups(settings) as service:
            done = service.follow(lambda _: None)
    except BackupBusy:
        if quiet:
            return
        raise
    if not quiet:
        talk.print(
            f"{done.copied.count} recording(s), {format_bytes(done.copied.bytes)}; {len(done.targets)} place(s)."
        )


@app.command("list")
def list_sets(as_json: AsJson = False) -> None:
    """Show what could be restored, and how much could be lost right now."""
    with backups.open_backups(Settings()) as service:
        sets = service.sets()
    standing = backups.standing(Settings())
    if as_json:
        print_json({"sets": [_set(one) for one in sets], **standing})
        return
    columns = ("set", "ended", "database", "kind", "recordings", "size", "release")
    print_table(columns, (_row(one) for one in sets), empty="No backup yet: hangjegyzet backup run")
    talk.print(
        f"Could be lost now: database {standing['rpo_database_s']} s, recordings {standing['rpo_recordings_s']} s."
        f" A restore took {standing['rto_s'] or '?'} s in the last drill.",
        style="dim",
    )


@app.command()
def verify(wanted: SetName = "latest", as_json: AsJson = False) -> None:
    """Read all of a backup, recordings and database included; exit code 6 if anything is damaged."""
    with backups.open_backups(Settings()) as service, spinner() as tell:
        described = service.describe(wanted)
        faults = service.verify(described.id, tell)
    if as_json:
        print_json({"set": described.id, "whole": not faults, "faults": list(faults)})
    for fault in faults[:20]:
        talk.print(f"[red]✗[/] {fault}", soft_wrap=True)
    if faults:
        raise SetDamaged(set_id=described.id, what=f"{len(faults)} fault(s), the first: {faults[0]}")
    talk.print(f"[green]✓[/] {described.id} is whole.")


@app.command()
def prune(as_json: AsJson = False) -> None:
    """Forget what retention does not keep; the newest backup always stays."""
    with spinner() as tell:
        done = backups.prune(Settings(), tell)
    if as_json:
        print_json(_pruned(done))
    else:
        talk.print(f"{len(done.sets)} backup(s) and {done.recordings.count} recording(s) forgotten.")


def _taken(taken: Taken) -> dict[str, Any]:
    size = taken.copied.bytes + taken.described.database.kept_bytes
    return {
        **_set(taken.described),
        "copied_bytes": taken.copied.bytes,
        "took_s": round(taken.took_s, 1),
        "recordings_s": round(taken.blobs_s, 1),
        "database_s": round(taken.database_s, 1),
        "database_mb_per_s": round(taken.described.database.bytes / 1e6 / max(taken.database_s, 0.001), 1),
        "recordings_mb_per_s": round(taken.copied.bytes / 1e6 / max(taken.blobs_s, 0.001), 1),
        "written_bytes": size,
        "places": list(taken.targets),
    }


def _pruned(pruned: Pruned) -> dict[str, Any]:
    return {"forgotten_sets": list(pruned.sets), "forgotten_recordings": pruned.recordings.count}


def _set(described: BackupSet) -> dict[str, Any]:
    return {
        "set": described.id,
        "ended_at": described.ended,
        "host": described.host,
        "release": described.release,
        "schema": described.schema,
        "kind": described.database.kind.value,
        "database_bytes": described.database.bytes,
        "recordings": described.blobs.count,
        "recordings_bytes": described.blobs.bytes,
        "custodians": len(described.machine.recipients),
    }


def _row(described: BackupSet) -> tuple[str, ...]:
    return (
        described.id,
        f"{described.ended_at:%Y-%m-%d %H:%M} UTC",
        format_bytes(described.database.bytes),
        described.database.kind.value,
        str(described.blobs.count),
        format_bytes(described.blobs.bytes),
        described.release,
    )


def _shown(name: str, value: Any) -> Any:
    if name.endswith("_bytes"):
        return format_bytes(value)
    return ", ".join(value) if isinstance(value, list) else value
