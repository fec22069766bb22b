"""Files that a command is given."""

from pathlib import Path
from typing import Any

import typer


def recording_argument() -> Any:
    """The recording to work on: must be a file that can be opened.

    Opened once to find out: whoever runs with the right to read every file, as the installed command does, may read
    what the permission bits deny.
    """
    return typer.Argument(
        help="Recording: audio or video.", exists=True, dir_okay=False, readable=False, callback=_opened
    )


def _opened(file: Path) -> Path:
    try:
        file.open("rb").close()
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be opened: {error.strerror}") from error
    return file
