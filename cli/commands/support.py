"""``hangjegyzet support``: collect what the maker needs to help, look at it, seal it."""

from pathlib import Path
from typing import Annotated

import typer

from appliance.entry import support
from appliance.kernel.units import format_bytes
from appliance.settings import Settings
from appliance.support.model import Bundle
from cli.output import print_json, print_table, progress_bar, talk

app = typer.Typer(name="support", help="The support bundle: collect, look, seal it to the maker.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def bundle(
    keep_addresses: Annotated[
        bool, typer.Option("--keep-addresses", help="Leave network addresses as they are, when they are the trouble.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Collect and redact, by a fixed list; it stays on this machine until somebody exports it."""
    with progress_bar("Collecting") as progress:
        found = support.collect(Settings(), keep_addresses=keep_addresses, tell=lambda _, done: progress(done))
    _print(found, as_json)
    talk.print("Look at it before it leaves: hangjegyzet support preview NAME. Then: hangjegyzet support export FOLDER")


@app.command()
def preview(
    name: Annotated[str | None, typer.Argument(help="A part; without one, all by name.")] = None, as_json: Json = False
) -> None:
    """Show what would leave, part by part, to the letter, and what was taken out."""
    if name is not None:
        typer.echo(support.open_support().part(name).text, nl=False)
    else:
        _print(support.open_support().collected(), as_json)


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="Where to: a stick.", exists=True, file_okay=False)],
) -> None:
    """Seal what was collected so that the maker alone can open it; it is signed, and gone from here then."""
    sealed, statement = support.export(Settings(), folder)
    typer.echo(sealed)
    typer.echo(statement)
    talk.print("Give both files to the maker.")


@app.command()
def discard() -> None:
    """Remove what was collected."""
    support.open_support().forget()
    talk.print("Nothing is kept.")


def _print(found: Bundle, as_json: bool) -> None:
    if as_json:
        print_json(found.report())
        return
    rows = [
        (
            part.name,
            format_bytes(part.bytes),
            ", ".join(f"{count} {kind}" for kind, count in sorted(part.redacted.items())) or "nothing",
            part.trouble or ("its beginning is cut" if part.cut else part.title),
        )
        for part in found.parts
    ]
    print_table(("part", "size", "taken out", "what it is"), rows)
