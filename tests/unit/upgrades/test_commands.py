"""The calls that one release makes of another."""

from pathlib import Path

import pytest

from appliance.adapters.upgrades.commands import ReleaseCommands
from appliance.upgrades.errors import CommandFailed

FLOOD = "import sys; sys.stderr.write('noise\\n' * 100_000)"


def release_that(does: str, folder: Path) -> ReleaseCommands:
    """A release whose every command is this line of Python."""
    python = folder / "venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/usr/bin/env python3\n{does}\n", encoding="utf-8")
    python.chmod(0o755)
    return ReleaseCommands(lambda _: folder)


@pytest.mark.timeout(30)
def test_a_command_that_complains_at_length_still_ends(tmp_path: Path) -> None:
    """More on stderr than a pipe holds does not hold it up."""
    release_that(FLOOD, tmp_path).check("1.0", lambda _: None)


def test_what_it_said_last_is_the_reason(tmp_path: Path) -> None:
    """A failure is told in the command's own last words."""
    release = release_that(f"{FLOOD}; sys.exit('No disk is left.')", tmp_path)
    with pytest.raises(CommandFailed, match=r"No disk is left\."):
        release.check("1.0", lambda _: None)
