"""``hangjegyzet approval``, and ``apply`` that asks for two people."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from appliance.approvals.errors import ApprovalNeeded, ArgumentsInvalid, RequestUnknown
from appliance.configuration.errors import NeedsRoot
from appliance.entry import approvals, machine
from appliance.settings import Settings
from cli.commands import apply, approval
from tests.factories.approvers import Person

pytestmark = pytest.mark.usefixtures("folders")


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This machine's files, and no database: events that cannot be written now do not stop anything."""
    file = tmp_path / "appliance.toml"
    file.write_text(
        f'data_dir = "{tmp_path}"\n[database]\nurl = "postgresql:///gone?host=/nonexistent"\n'
        '[firewall]\nssh_from = ["10.0.0.0/8"]\n'
    )
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "applied.toml").write_text(file.read_text())
    monkeypatch.setenv("HANGJEGYZET_CONFIG", str(file))
    monkeypatch.setattr(machine, "STATE_DIR", tmp_path / "state")
    monkeypatch.setattr(approvals, "STATE_DIR", tmp_path / "approvals")
    monkeypatch.setattr(approvals, "APPROVERS_FILE", tmp_path / "approvers")
    with capture_logs():
        yield


@pytest.fixture
def people(tmp_path: Path) -> tuple[Person, Person]:
    found = Person("anna", tmp_path), Person("bela", tmp_path)
    approvals.open_approvals().enrol("".join(person.line for person in found).encode(), executor="root")
    return found


def run(*words: str) -> Result:
    return CliRunner().invoke(approval.app, list(words))


def test_from_the_question_to_the_answer(people: tuple[Person, Person], tmp_path: Path) -> None:
    """Asked, copied to a stick, signed twice, handed in: then it may be done."""
    copy = tmp_path / "stick.json"
    asked = run("request", "break-glass", "minutes=30", "--reason", "full disk", "--output", str(copy), "--json")
    request = json.loads(asked.stdout)["id"]
    assert run("verify", request).exit_code == 3
    for person in people:
        signature = tmp_path / f"{person.name}.sig"
        signature.write_bytes(person.sign(copy.read_bytes()))
        handed = run("add", request, str(signature))
        assert f"{person.name} approves it: break-glass minutes=30" in handed.output
    assert run("verify", request).exit_code == 0
    (listed,) = json.loads(run("list", "--json").stdout)
    assert listed["signed by"] == "anna, bela"
    assert "ssh-keygen -Y sign -n hangjegyzet-approval" in run("show", request).output


def test_a_wider_firewall_takes_two_people(people: tuple[Person, Person], tmp_path: Path) -> None:
    """apply refuses before it does anything; the request takes the values from the file."""
    file = machine.configuration_file()
    file.write_text(file.read_text().replace("10.0.0.0/8", "0.0.0.0/0"))
    refused = CliRunner().invoke(apply.app, [])
    assert isinstance(refused.exception, NeedsRoot | ApprovalNeeded)
    asked = json.loads(run("request", "loosen", "--json").stdout)
    path = Path(asked["file"])
    assert json.loads(path.read_text())["arguments"] == {"firewall.ssh_from": '["0.0.0.0/0"]'}
    for person in people:
        approvals.open_approvals().add_signature(asked["id"], person.sign(path.read_bytes()))
    changes = machine.open_configuration().pending()
    approvals.require_for_changes(Settings(), changes)
    with pytest.raises(ApprovalNeeded):
        approvals.require_for_changes(Settings(), changes)


def test_nothing_to_loosen_is_nothing_to_ask_for(people: tuple[Person, Person]) -> None:
    """A request without an act would only puzzle those who are to sign."""
    assert isinstance(run("request", "loosen").exception, ArgumentsInvalid)
    assert isinstance(run("request", "purge", "everything").exception, ArgumentsInvalid)


@pytest.mark.parametrize("name", ["0" * 12, "../../etc/passwd", ""])
def test_a_request_that_is_not_there(name: str) -> None:
    """An id is letters of ours and never a path."""
    assert isinstance(run("show", name).exception, RequestUnknown)


def test_a_dropped_request_is_gone(people: tuple[Person, Person]) -> None:
    """What nobody needs any more can be forgotten."""
    request = json.loads(run("request", "purge", "set=1", "--json").stdout)["id"]
    run("drop", request)
    assert json.loads(run("list", "--json").stdout) == []


def test_who_may_approve_is_listed() -> None:
    """Before anybody is enrolled that is said too."""
    assert "not in force" in run("approvers").output
