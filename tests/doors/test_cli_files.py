"""What commands take as a recording."""

import os
import socket
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from cli.files import recording_argument
from cli.main import app as hangjegyzet

app = typer.Typer(rich_markup_mode=None)


@app.command()
def take(file: Annotated[Path, recording_argument()]) -> None:
    typer.echo(file.name)


def test_a_file_that_only_the_bits_deny_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The installed command may read any file, which access(2) does not know: it looks at the real user alone."""
    recording = tmp_path / "meeting.wav"
    recording.write_bytes(b"RIFF")
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    assert CliRunner().invoke(app, [str(recording)]).stdout == "meeting.wav\n"


def test_what_cannot_be_opened_is_wrong_usage(tmp_path: Path) -> None:
    """Said with the machine's own reason, before anything is loaded."""
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        done = CliRunner().invoke(app, [str(path)])
    assert done.exit_code == 2
    assert "cannot be opened" in done.stderr


@pytest.mark.parametrize("command", [("meeting", "add"), ("speech", "run")])
def test_commands_with_a_recording_judge_it_this_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, str]
) -> None:
    """A socket is no recording for either, and neither gets as far as its engines or database."""
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        done = CliRunner().invoke(hangjegyzet, [*command, "socket"])
    assert done.exit_code == 2
    assert "socket cannot be opened" in done.stderr
