"""``hangjegyzet serve``: the portal."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on, instead of web.host.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on, instead of web.port; 0 picks one.")
    ] = None,
    ready_file: Annotated[
        Path | None, typer.Option(help="Write the portal's address into this file once it answers.")
    ] = None,
) -> None:
    """Serve the portal until SIGTERM or Ctrl-C; workers are processes of their own: hangjegyzet worker."""
    options = {"--host": host, "--port": port, "--ready-file": ready_file}
    given = [part for name, value in options.items() if value is not None for part in (name, str(value))]
    # The process becomes the portal: same id, same signals, without what the other commands had loaded.
    os.execv(sys.executable, [sys.executable, "-m", "cli.portal", *given])  # noqa: S606  # ourselves, no shell
