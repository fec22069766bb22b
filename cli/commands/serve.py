"""``hangjegyzet serve``: the portal."""

from pathlib import Path
from typing import Annotated

import typer

from appliance.settings import Settings, WebSettings
from cli.output import talk

app = typer.Typer()


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on, instead of web.host.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on, instead of web.port; 0 picks one.")] = None,
    ready_file: Annotated[
        Path | None, typer.Option(help="Write the portal's address into this file once it answers.")
    ] = None,
) -> None:
    """Serve the portal until SIGTERM or Ctrl-C; workers are processes of their own: hangjegyzet worker."""
    # Imported here: the portal's framework takes a second and 50 MiB that no other command needs.
    from web.main import run_portal

    run_portal(_settings(host, port), say=talk.print, ready_file=ready_file)


def _settings(host: str | None, port: int | None) -> Settings:
    """The settings with what the command line says."""
    settings = Settings()
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    web = WebSettings.model_validate(settings.web.model_dump() | given)
    return settings.model_copy(update={"web": web})
