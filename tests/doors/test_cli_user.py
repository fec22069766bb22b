"""``hangjegyzet user``: accounts from the machine's own shell."""

import json
from pathlib import Path
from typing import Any

import pytest
import structlog.testing
from typer.testing import CliRunner

from appliance.entry import provision
from appliance.identity.errors import EmailTaken, UserNotFound
from appliance.settings import Settings
from cli.commands.user import app

pytestmark = pytest.mark.slow


@pytest.fixture
def machine(scratch: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine that was set up, and a shell on it."""
    folder = scratch / f"cli-{abs(hash(request.node.name)) % 10000}"
    folder.mkdir(mode=0o711)
    monkeypatch.setenv("HANGJEGYZET_DATA_DIR", str(folder))
    provision.initialise(Settings(), organisation="Kékfa Egyesület")
    return folder


def run(*arguments: str) -> Any:
    """What the command prints as JSON; an error of ours comes through as itself."""
    with structlog.testing.capture_logs():
        result = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_technician_makes_and_looks_after_accounts(machine: Path) -> None:
    """The first code, a new person, another role, out and in again, a reset; then the list shows it."""
    first, second = run("first-code"), run("first-code")
    assert first["purpose"] == "first_administrator"
    assert first["code"] != second["code"]
    created = run("create", "bela@example.org", "--name", "Béla")
    assert created["purpose"] == "set_password"
    assert run("change", "Bela@example.org", "--role", "auditor")["role"] == "auditor"
    assert run("disable", "bela@example.org")["state"] == "disabled"
    assert run("enable", "bela@example.org")["state"] == "awaits password"
    assert run("reset", "bela@example.org")["code"] != created["code"]
    assert [(person["email"], person["role"]) for person in run("list")] == [("bela@example.org", "auditor")]
    with pytest.raises(EmailTaken):
        run("create", "BELA@example.org", "--name", "Another")
    with pytest.raises(UserNotFound):
        run("reset", "nobody@example.org")
