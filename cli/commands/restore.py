"""``hangjegyzet restore``: say what would happen, then do it: here, or on other hardware."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from appliance.backups.copier import seen
from appliance.backups.outstanding import Outstanding, Standing
from appliance.backups.restore import Plan, Recordings, Wish
from appliance.configuration.errors import NeedsRoot
from appliance.entry import restores
from appliance.entry.recordings import copy_outstanding
from appliance.kernel.units import format_bytes
from appliance.settings import Settings
from cli.output import print_fields, print_json, spinner, talk

app = typer.Typer(name="restore", help="Bring the machine back from a backup.", no_args_is_help=True)

From = Annotated[
    str, typer.Option("--from", help="Folder or URL with the backups; unset: this machine's own.", metavar="PLACE")
]
Set = Annotated[
    str | None, typer.Option("--set", help="A set's name, or latest; unset: all that was kept.", metavar="SET")
]
Time = Annotated[str | None, typer.Option("--time", help="A moment instead, as 2026-11-23T14:30.", metavar="TIME")]
Key = Annotated[Path | None, typer.Option("--key", help="A custodian's key file; on other hardware.", metavar="FILE")]
Signer = Annotated[
    str | None, typer.Option("--signer", help="Fingerprint that the set must be signed by.", metavar="SHA256")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def plan(
    source: From = "",
    wanted: Set = None,
    moment: Time = None,
    key: Key = None,
    signer: Signer = None,
    as_json: AsJson = False,
) -> None:
    """Say what a restore would bring back, and what would be lost; nothing is changed."""
    settings, wish = Settings(), _wish(source, wanted, moment)
    with restores.open_restores(settings, wish) as (service, catalogue):
        found = service.plan(wish, catalogue=catalogue, key=key, signer=signer)
    fields = _fields(wish, found)
    if as_json:
        print_json(fields)
    else:
        _show(fields, found)


@app.command()
def run(
    source: From = "",
    wanted: Set = None,
    moment: Time = None,
    key: Key = None,
    signer: Signer = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    afresh: Annotated[bool, typer.Option("--afresh", help="Give up a restore that was begun and not ended.")] = False,
    as_json: AsJson = False,
) -> None:
    """Do it. What was committed here after that moment is lost. One that was broken off is simply run again."""
    if os.geteuid() != 0:
        raise NeedsRoot
    settings, wish = Settings(), _wish(source, wanted, moment)
    with restores.open_restores(settings, wish) as (service, catalogue):
        found = service.plan(wish, catalogue=catalogue, key=key, signer=signer)
    if not yes:
        _show(_fields(wish, found), found)
        typer.confirm("Restore now?", abort=True, err=True)
    with spinner() as tell:
        done = restores.restore(settings, wish, tell, key=key, signer=signer, afresh=afresh)
    if as_json:
        print_json({**_fields(wish, found), "took_s": round(done.took_s, 1), "steps_s": dict(done.steps_s),
                    **_brought(done.recordings)})  # fmt: skip
    else:
        talk.print(f"[green]✓[/] Restored to {done.moment} in {done.took_s:.0f} s.")
    _tell(done.recordings)


@app.command()
def status(as_json: AsJson = False) -> None:
    """Say how many recordings are still being copied, and about how long; the portal answers meanwhile."""
    standing = Outstanding(Settings().blobs_path).standing()
    if as_json:
        print_json(_standing(standing))
    elif standing is None:
        talk.print("[green]✓[/] Every recording that was brought back is here.")
    else:
        print_fields(
            {
                "still copying": seen(standing),
                "from": standing.source,
                "size left": format_bytes(standing.bytes_left),
                "as of": f"{standing.at:%Y-%m-%d %H:%M:%S} UTC",
                "trouble": standing.trouble or "none",
                "damaged in the backups": ", ".join(standing.damaged) or "none",
            }
        )


@app.command()
def recordings(
    source: Annotated[
        Path, typer.Option("--from", help="Folder of backups.", metavar="FOLDER", exists=True, file_okay=False)
    ],
    as_json: AsJson = False,
) -> None:
    """Take recordings that are not here from another folder of backups; nothing else is changed."""
    if os.geteuid() != 0:
        raise NeedsRoot
    found = restores.bring_recordings(Settings(), source)
    if as_json:
        print_json(_brought(found))
    else:
        _tell(found)


@app.command("give-up")
def give_up(yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False, as_json: AsJson = False) -> None:
    """Wait no longer for recordings that are still to be copied; their transcripts and minutes stay."""
    if os.geteuid() != 0:
        raise NeedsRoot
    standing = Outstanding(Settings().blobs_path).standing()
    if standing is not None and not yes:
        typer.confirm(f"Give up {standing.left} recording(s)?", abort=True, err=True)
    count = restores.give_up_recordings(Settings())
    if as_json:
        print_json({"given_up": count})
    else:
        talk.print(f"{count} recording(s) given up.")


@app.command(hidden=True)
def copy() -> None:
    """Copy what is outstanding; the unit hangjegyzet-recordings does so by itself."""
    copy_outstanding(Settings())


def _brought(found: Recordings) -> dict[str, Any]:
    return {"missing": list(found.missing), "to_copy": found.owed, "to_copy_bytes": found.owed_bytes}


def _standing(standing: Standing | None) -> dict[str, Any]:
    if standing is None:
        return {"left": 0}
    return {
        "left": standing.left,
        "count": standing.count,
        "bytes_left": standing.bytes_left,
        "seconds_left": standing.seconds_left,
        "from": standing.source,
        "at": standing.at,
        "trouble": standing.trouble,
        "damaged": list(standing.damaged),
    }


def _tell(found: Recordings) -> None:
    if found.owed:
        talk.print(
            f"{found.owed} recording(s), {format_bytes(found.owed_bytes)}, are read from the backups and copied while"
            " people work. Leave their disk connected until then: hangjegyzet restore status",
            soft_wrap=True,
        )
    if found.missing:
        talk.print(
            f"[yellow]![/] {len(found.missing)} recording(s) were not in the backups; their texts are there.",
            soft_wrap=True,
        )


def _wish(source: str, wanted: str | None, moment: str | None) -> Wish:
    if wanted is not None and moment is not None:
        raise typer.BadParameter("--set and --time say two things; choose one")
    at = restores.parse_moment(moment).isoformat() if moment else ""
    return Wish(source=source, set=wanted or "now", at=at)


def _fields(wish: Wish, found: Plan) -> dict[str, Any]:
    described = found.described
    return {
        "to": str(found.moment),
        "set": described.id,
        "set_ended_at": described.ended,
        "from": wish.source or "this machine's own backups",
        "of_host": described.host,
        "release": described.release,
        "schema": described.schema,
        "database_bytes": described.database.bytes,
        "recordings": described.blobs.count,
        "recordings_bytes": described.blobs.bytes,
        "models_in_use": list(described.models),
        "signed_by": found.signer,
        "this_machine": found.own,
    }


def _show(fields: dict[str, Any], found: Plan) -> None:
    print_fields({name.replace("_", " "): _shown(name, value) for name, value in fields.items()})
    talk.print(
        "The portal stops. The database here is replaced: what came after that moment is lost."
        + (
            ""
            if found.own
            else " This machine takes over the other one's keys and settings, and keeps its own address."
        ),
        style="bold",
        soft_wrap=True,
    )


def _shown(name: str, value: Any) -> Any:
    if name.endswith("_bytes"):
        return format_bytes(value)
    return ", ".join(value) if isinstance(value, list) else value
