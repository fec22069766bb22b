"""``hangjegyzet console``: the console, in this terminal."""

import os
import sys
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def console(
    language: Annotated[
        str | None, typer.Option(help="hu or en, instead of the machine's language.", metavar="LANGUAGE")
    ] = None,
    display: Annotated[
        bool, typer.Option("--display", help="On the machine's own display: leave when nobody types for long.")
    ] = False,
) -> None:
    """Open the console: everything a technician does, by keys, with the command that does it."""
    given = ["--language", language] if language else []
    given += ["--display"] if display else []
    # The process becomes the console: same terminal, without what commands had loaded. The doors stay apart.
    os.execv(sys.executable, [sys.executable, "-I", "-m", "tui", *given])  # noqa: S606  # ourselves, no shell
