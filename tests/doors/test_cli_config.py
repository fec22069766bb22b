"""``hangjegyzet config`` and ``apply``: the machine's one file, as a technician reads and changes it."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from appliance.configuration.errors import ConfigurationInvalid, ConfigurationMissing, NeedsRoot, UnknownKey
from appliance.entry import machine
from appliance.kernel.errors import HangJegyzetError
from cli.commands import apply, config
from cli.exit_codes import ExitCode, exit_code_for


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This machine's file, and root's notes of what was applied."""
    path = tmp_path / "appliance.toml"
    path.write_text("# ours\n[web]\nport = 443  # as people expect\n")
    monkeypatch.setenv("HANGJEGYZET_CONFIG", str(path))
    monkeypatch.setattr(machine, "STATE_DIR", tmp_path / "state")
    return path


def run(*words: str) -> Result:
    return CliRunner().invoke(config.app, list(words))


def refusal(result: Result, kind: type[HangJegyzetError]) -> ExitCode:
    """The exit code of an expected refusal."""
    assert isinstance(result.exception, kind), result.output
    return exit_code_for(result.exception)


def test_one_value_and_all_of_them(file: Path) -> None:
    """What the file says, and what holds where it says nothing."""
    assert run("get", "web.port").stdout == "443\n"
    assert run("get", "web.public_url").stdout == "(unset)\n"
    everything = json.loads(run("get", "--json").stdout)
    assert everything["web.port"] == 443
    assert everything["firewall.portal_from"] == ["0.0.0.0/0", "::/0"]


def test_a_value_is_changed_and_taken_out_again(file: Path) -> None:
    """Comments stay; the change says how it comes into force."""
    changed = run("set", "firewall.ssh_from", '["10.20.0.0/16"]')
    assert "10.20.0.0/16" in changed.output
    assert "hangjegyzet apply" in changed.output
    assert "# as people expect" in file.read_text()
    assert json.loads(run("get", "firewall.ssh_from", "--json").stdout) == ["10.20.0.0/16"]
    run("unset", "firewall.ssh_from")
    assert "fd00::/8" in run("get", "firewall.ssh_from").stdout
    assert "already" in run("set", "web.port", "443").output


def test_mistakes_are_refused_with_their_code(file: Path) -> None:
    """A misspelt key is not found, a wrong value is wrong usage; the file stays as it was."""
    before = file.read_text()
    assert refusal(run("get", "web.prot"), UnknownKey) is ExitCode.NOT_FOUND
    assert refusal(run("set", "web.port", "99999"), ConfigurationInvalid) is ExitCode.USAGE
    assert file.read_text() == before


def test_a_file_is_checked_before_it_is_put_into_place(file: Path, tmp_path: Path) -> None:
    """Another file than this machine's can be checked, with all its mistakes at once."""
    assert run("validate").exit_code == 0
    other = tmp_path / "other.toml"
    other.write_text("[web]\nprot = 1\n[speech]\nthreads = -1\n")
    checked = run("validate", str(other))
    assert refusal(checked, ConfigurationInvalid) is ExitCode.USAGE
    assert "web.prot" in str(checked.exception)
    assert "speech.threads" in str(checked.exception)
    assert refusal(run("validate", str(tmp_path / "none.toml")), ConfigurationMissing) is ExitCode.NOT_FOUND


def test_what_waits_to_be_applied_is_told(file: Path) -> None:
    """Exit code 1 while something waits, so that a script can ask."""
    waiting = run("diff", "--json")
    assert waiting.exit_code == 1
    assert {"key": "web.port", "before": 8443, "after": 443} in json.loads(waiting.stdout)
    (machine.STATE_DIR).mkdir()
    (machine.STATE_DIR / "applied.toml").write_text(file.read_text())
    assert run("diff").exit_code == 0


def test_only_root_applies(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody else is told how."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    refused = CliRunner().invoke(apply.app, ["--check"])
    assert refusal(refused, NeedsRoot) is ExitCode.REFUSED
