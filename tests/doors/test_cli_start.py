"""``hangjegyzet`` answers at once: a command is imported when it is called, and no other one with it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli import commands
from cli.lazy import Entry
from cli.main import COMMANDS, app

HEAVY = {"av", "ctranslate2", "faster_whisper", "huey", "litestar", "llama_cpp", "numpy", "onnxruntime", "sqlalchemy"}
ENGINES = {"av", "ctranslate2", "faster_whisper", "llama_cpp", "onnxruntime"}
SHOW_LOADED = "\nimport json, sys; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"


def loaded_by(program: str, *arguments: str) -> set[str]:
    """Top-level packages that a new process has after ``program``."""
    command = [sys.executable, "-c", program + SHOW_LOADED, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    return set(json.loads(done.stdout.splitlines()[-1]))


def calling(*arguments: str) -> str:
    """A program that calls the command line and goes on when it would exit."""
    return f"""
import sys
from cli.launch import main
sys.argv = ["hangjegyzet", *{arguments!r}]
try:
    main()
except SystemExit:
    pass
"""


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("no-such-command",)])
def test_what_runs_no_command_loads_none(arguments: tuple[str, ...]) -> None:
    """Help, the version and a misspelt word need neither database, nor web, nor engines, nor pictures of progress."""
    loaded = loaded_by(calling(*arguments))
    assert loaded & HEAVY == set()
    assert loaded & {"rich", "structlog"} == set()


def test_listing_packs_opens_no_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command loads what it needs itself."""
    monkeypatch.setenv("HANGJEGYZET_MODELS_DIR", str(tmp_path))
    assert loaded_by(calling("models", "list")) & HEAVY == set()


def test_help_of_commands_loads_no_engine() -> None:
    """Whoever asks what a command can do waits for no model library."""
    program = "\n".join(f"import {entry.module}" for entry in COMMANDS)
    assert loaded_by(program) & ENGINES == set()


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_a_command_is_announced_with_its_own_words(entry: Entry) -> None:
    """What help says without importing a command is what the command says of itself."""
    own, _, _ = (entry.load().help or "").partition("\n\n")
    assert own == entry.help


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_every_command_is_reached(entry: Entry) -> None:
    """The word leads to the command, which then shows its own help."""
    done = CliRunner().invoke(app, [entry.name, "--help"])
    assert done.exit_code == 0
    assert f"Usage: hangjegyzet {entry.name}" in done.stdout


def test_every_module_of_commands_is_announced() -> None:
    """A new file in ``cli/commands`` that nobody can call is noticed."""
    folder = Path(commands.__file__).parent
    with_app = {
        path.stem.replace("_", "-")
        for path in folder.glob("*.py")
        if "typer.Typer(" in path.read_text(encoding="utf-8")
    }
    assert {entry.name for entry in COMMANDS} == with_app


def test_completion_knows_words_and_verbs() -> None:
    """A shell completes the first word from the list, and the second from the command itself."""
    assert completed("hangjegyzet mo") == ["models"]
    assert completed("hangjegyzet models i") == ["import"]


def completed(line: str) -> list[str]:
    """What a shell is told about the last word of a line."""
    asked = {"_HANGJEGYZET_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    return CliRunner().invoke(app, [], env=asked, prog_name="hangjegyzet").stdout.split()
