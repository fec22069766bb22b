"""The shell behind the glass: what is typed is recorded, the time ends it, and the trail has both ends."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from appliance.adapters.age import Age
from appliance.approvals.errors import ApprovalNeeded
from appliance.entry import approvals, break_glass, provision
from appliance.entry.key_export import export_root_key
from appliance.settings import DatabaseSettings, Settings
from appliance.support.errors import ExportExists, RecipientInvalid
from tests.factories.approvers import Person
from tests.factories.database import TestDatabase


@pytest.fixture
def settings(empty_db: TestDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(approvals, "STATE_DIR", tmp_path / "approvals")
    monkeypatch.setattr(approvals, "APPROVERS_FILE", tmp_path / "approvers")
    monkeypatch.setattr(break_glass, "RECORDINGS", tmp_path / "recordings")
    nobodys = re.sub(r"^\S+?://[^@/]*@", "postgresql://", empty_db.web_url)
    settings = Settings(data_dir=tmp_path / "data", database=DatabaseSettings(url=nobodys))
    provision.initialise(settings, organisation="Kékfa Egyesület")
    return settings


def told(settings: Settings) -> list[tuple[str, dict[str, Any]]]:
    """Events of the shell, in order."""
    lines: list[str] = []
    provision.export_trail(settings, lines.append)
    events = [json.loads(line) for line in lines[1:]]
    return [(event["name"], json.loads(event["detail"])) for event in events if ":shell:" in event["name"]]


def test_a_shell_is_recorded_from_its_beginning_to_its_end(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was shown can be read again; nobody but root may."""
    monkeypatch.setattr(break_glass, "SHELL", "echo mended with care")
    recording = break_glass.break_glass(settings, reason="full disk", minutes=1)
    assert "mended with care" in recording.read_text(errors="replace")
    assert recording.stat().st_mode & 0o777 == 0o400
    (opened, begun), (closed, ended) = told(settings)
    assert (opened, closed) == ("approvals:shell:opened", "approvals:shell:closed")
    assert begun["reason"] == "full disk"
    assert ended["ended"] == "left"
    assert ended["bytes"] == recording.stat().st_size


def test_the_time_ends_it(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever forgot it open has it closed, and the trail says that it was not they who left."""
    monkeypatch.setattr(break_glass, "SHELL", "sleep 60")
    monkeypatch.setattr(break_glass, "GRACE_S", 2)
    break_glass.break_glass(settings, reason="full disk", minutes=1 / 60)
    assert told(settings)[1][1]["ended"] == "time over"


def test_without_two_people_there_is_no_shell(settings: Settings, tmp_path: Path) -> None:
    """Nothing is opened, and no recording begins."""
    people = Person("anna", tmp_path), Person("bela", tmp_path)
    approvals.enrol(settings, "".join(person.line for person in people).encode())
    with pytest.raises(ApprovalNeeded):
        break_glass.break_glass(settings, reason="full disk", minutes=30)
    assert told(settings) == []
    assert not (tmp_path / "recordings").exists()


def test_the_root_key_leaves_sealed_and_told(settings: Settings, tmp_path: Path) -> None:
    """Only whom it was sealed to can open it; the trail names that key, and an export overwrites nothing."""
    key = tmp_path / "custodian.key"
    subprocess.run(["age-keygen", "-o", str(key)], check=True, capture_output=True)
    shown = subprocess.run(["age-keygen", "-y", str(key)], check=True, capture_output=True, text=True)
    target = tmp_path / "root.age"
    export_root_key(settings, target, recipient=shown.stdout.strip())
    assert Age().open(target.read_bytes(), key) == settings.root_key_path.read_bytes()
    lines: list[str] = []
    provision.export_trail(settings, lines.append)
    assert "keyring:root_key:exported" in "".join(lines)
    with pytest.raises(ExportExists):
        export_root_key(settings, target, recipient=shown.stdout.strip())
    with pytest.raises(RecipientInvalid):
        export_root_key(settings, tmp_path / "other", recipient="--help")
