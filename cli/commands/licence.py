"""``hangjegyzet licence``: show it, put a new one into force."""

from pathlib import Path
from typing import Annotated, Any

import typer

from appliance.entry import licences
from appliance.licence.model import Standing
from appliance.settings import Settings
from cli.output import print_fields, print_json, talk

app = typer.Typer(name="licence", help="The licence: show it, put a new one into force.", no_args_is_help=True)


@app.command()
def show(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show how this machine stands; without a licence it is on trial, and everything works."""
    fields = _fields(licences.open_licence(Settings()).standing())
    if as_json:
        print_json(fields)
    else:
        print_fields(fields)


@app.command()
def install(
    file: Annotated[Path, typer.Argument(help="The file from the maker.", exists=True, dir_okay=False)],
) -> None:
    """Check a licence and put it into force; one that this machine has no reason to trust changes nothing."""
    licence = licences.install(Settings(), file)
    talk.print(f"In force for {licence.customer} until {licence.valid_until[:10]}.", markup=False)


def _fields(found: Standing) -> dict[str, Any]:
    licence = found.licence
    if licence is None:
        return {"state": found.state.value}
    return {
        "state": found.state.value,
        "days left": found.days_left,
        "licence": licence.id,
        "customer": licence.customer,
        "people": licence.people if licence.people is not None else "any number",
        "valid from": licence.valid_from,
        "valid until": licence.valid_until,
        "grace until": licence.grace_until.isoformat(),
    }
