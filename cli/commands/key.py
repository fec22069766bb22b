"""``hangjegyzet key``: hand out the root key, sealed."""

from pathlib import Path
from typing import Annotated

import typer

from appliance.entry.key_export import export_root_key
from appliance.settings import Settings
from cli.output import talk

app = typer.Typer(name="key", help="The root key: hand it out, sealed.", no_args_is_help=True)


@app.callback()
def key() -> None:
    """Keeps ``export`` a verb after the noun."""


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="Where to: a stick.")],
    recipient: Annotated[str, typer.Option("--to", help="The age key that alone can open it.")],
) -> None:
    """Write the root key to a file, sealed to an age key; two people have to approve it."""
    export_root_key(Settings(), file, recipient=recipient)
    talk.print(f"Sealed: {file}. Whoever opens it can open every recording and text of this machine.")
