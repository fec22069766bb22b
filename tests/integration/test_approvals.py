"""The two-person rule and the trail: everything that shows an approval is in the chain."""

import json
import re
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from appliance.approvals.errors import ApprovalNeeded
from appliance.approvals.model import Verb, read_request
from appliance.entry import approvals, provision
from appliance.health.checks.approvals import approvals as approvals_check
from appliance.health.model import Severity
from appliance.settings import DatabaseSettings, Settings
from tests.factories.approvers import Person
from tests.factories.database import TestDatabase

ACT = {"set": "20261123-060000F"}


@pytest.fixture
def settings(empty_db: TestDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A machine that was set up, with folders of its own for approvals."""
    monkeypatch.setattr(approvals, "STATE_DIR", tmp_path / "approvals")
    monkeypatch.setattr(approvals, "APPROVERS_FILE", tmp_path / "approvers")
    nobodys = re.sub(r"^\S+?://[^@/]*@", "postgresql://", empty_db.web_url)
    settings = Settings(data_dir=tmp_path / "data", database=DatabaseSettings(url=nobodys))
    provision.initialise(settings, organisation="Kékfa Egyesület")
    return settings


@pytest.fixture
def people(tmp_path: Path) -> tuple[Person, Person]:
    return Person("anna", tmp_path), Person("bela", tmp_path)


@pytest.fixture
def enrolled(settings: Settings, people: tuple[Person, Person]) -> Settings:
    approvals.enrol(settings, "".join(person.line for person in people).encode())
    return settings


def events(settings: Settings) -> list[dict[str, Any]]:
    """The trail, as an export tells it."""
    lines: list[str] = []
    provision.export_trail(settings, lines.append)
    return [json.loads(line) for line in lines[1:]]


def named(settings: Settings, name: str) -> list[dict[str, Any]]:
    return [json.loads(event["detail"]) for event in events(settings) if event["name"] == name]


def severity(settings: Settings) -> Severity:
    check = approvals_check(lambda: approvals.approvers_state(settings), record=lambda: approvals.record_used(settings))
    return check.look().severity


def approve(people: tuple[Person, Person]) -> bytes:
    """Both sign what was asked for; the file that they signed."""
    service = approvals.open_approvals()
    request, path = service.request(Verb.RESTORE, ACT, reason="the disk died", by="dora")
    document = path.read_bytes()
    for person in people:
        service.add_signature(request.id, person.sign(document))
    return document


def joined(detail: dict[str, str], name: str) -> str:
    return "".join(detail[key] for key in sorted(detail) if key.startswith(f"{name}_"))


def test_the_chain_alone_shows_who_approved_what(
    enrolled: Settings, people: tuple[Person, Person], tmp_path: Path
) -> None:
    """With an export and ssh-keygen anybody can check both signatures, years later."""
    document = approve(people)
    approvals.require(enrolled, Verb.RESTORE, ACT)
    (used,) = named(enrolled, "approvals:request:used")
    assert joined(used, "document").encode() == document
    assert read_request(document).verb is Verb.RESTORE
    (listed,) = named(enrolled, "approvals:approvers:enrolled")
    allowed = tmp_path / "allowed"
    allowed.write_text(joined(listed, "list"))
    for number, person in enumerate(people, 1):
        assert used[f"person_{number}"] == person.name
        assert b64decode(joined(used, f"signature_{number}")).startswith(b"-----BEGIN SSH SIGNATURE-----")
    assert provision.verify_trails(enrolled)[0][1].intact


def test_a_refusal_is_in_the_trail(enrolled: Settings) -> None:
    """Who tried alone is known."""
    with pytest.raises(ApprovalNeeded):
        approvals.require(enrolled, Verb.RESTORE, ACT)
    assert named(enrolled, "approvals:act:refused") == [{"code": "approvals.needed", "verb": "restore"}]


def test_an_act_on_a_machine_on_trial_is_in_the_trail(settings: Settings) -> None:
    """Nobody was asked, and that can be read."""
    approvals.require(settings, Verb.RESTORE, ACT)
    assert named(settings, "approvals:act:unguarded")[0]["verb"] == "restore"
    assert severity(settings) is Severity.WARNING


def test_what_was_used_while_the_database_was_away_is_recorded_later(
    enrolled: Settings, people: tuple[Person, Person]
) -> None:
    """A restore uses its approval before there is a trail to put it into."""
    approve(people)
    away = enrolled.model_copy(update={"database": DatabaseSettings(url="postgresql:///gone?host=/nonexistent")})
    approvals.require(away, Verb.RESTORE, ACT)
    assert named(enrolled, "approvals:request:used") == []
    assert severity(enrolled) is Severity.WARNING
    assert approvals.record_used(enrolled) == 1
    assert len(named(enrolled, "approvals:request:used")) == 1
    assert severity(enrolled) is Severity.OK


def test_a_trail_that_went_back_gets_what_was_used_since(
    enrolled: Settings, people: tuple[Person, Person], empty_db: TestDatabase
) -> None:
    """A restore's approval is in the restored trail, once; a list that came back with it is in force."""
    approve(people)
    approvals.require(enrolled, Verb.RESTORE, ACT)
    (approvals.STATE_DIR / "enrolled").unlink()
    lose_newest_event(empty_db)
    assert severity(enrolled) is Severity.CRITICAL
    assert approvals.trail_went_back(enrolled) == 1
    assert approvals.trail_went_back(enrolled) == 0
    assert len(named(enrolled, "approvals:request:used")) == 1
    assert severity(enrolled) is Severity.OK


def lose_newest_event(database: TestDatabase) -> None:
    """The trail as an older backup has it."""
    with database.connect(database.superuser_url) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM audit_event WHERE seq = (SELECT max(seq) FROM audit_event)")
        connection.execute(
            "UPDATE audit_head SET (seq, hash) = (SELECT seq, hash FROM audit_event ORDER BY seq DESC LIMIT 1)"
        )


def test_a_list_that_the_trail_never_saw_is_critical(enrolled: Settings, people: tuple[Person, Person]) -> None:
    """Whoever rewrites both files as root is found by the chain, which they cannot rewrite unseen."""
    other = people[0].line.replace("anna", "zoli") + people[1].line
    for file in (approvals.APPROVERS_FILE, approvals.STATE_DIR / "enrolled"):
        file.write_text(other)
    assert severity(enrolled) is Severity.CRITICAL


def test_a_rule_that_was_taken_away_by_hand_is_critical(enrolled: Settings) -> None:
    """Removing both files does not bring the trial back."""
    for file in (approvals.APPROVERS_FILE, approvals.STATE_DIR / "enrolled"):
        file.unlink()
    assert severity(enrolled) is Severity.CRITICAL
