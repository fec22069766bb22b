"""Another machine is let in by the same way as any change of settings: two people asked."""

from pathlib import Path

import pytest

from appliance.approvals.errors import ApprovalNeeded
from appliance.approvals.model import Arguments, Verb
from appliance.configuration.service import ConfigurationService
from appliance.entry import applying, approvals, nodes
from appliance.entry.machine import InstalledRelease
from appliance.settings import Settings
from tests.unit.configuration.test_applying import RELEASE, Machine, ignore


def test_a_machine_that_two_people_did_not_approve_is_not_let_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The firewall stays shut; what was asked for waits in the file, to be named by a request."""
    file, machine = tmp_path / "appliance.toml", Machine()
    file.write_text("[web]\nport = 443\n")
    service = ConfigurationService(file, applied_file=tmp_path / "applied.toml")
    service.apply(machine, release=RELEASE, tell=ignore)
    runs = len(machine.runs)
    asked: list[tuple[Verb, Arguments]] = []

    def refuse(settings: Settings, verb: Verb, arguments: Arguments) -> None:
        asked.append((verb, arguments))
        raise ApprovalNeeded(act="loosen", words="loosen")

    for module in (nodes, applying):
        monkeypatch.setattr(module, "open_configuration", lambda: service)
    monkeypatch.setattr(nodes, "machinery", lambda release: machine)
    monkeypatch.setattr(nodes, "installed_release", lambda: InstalledRelease(*RELEASE))
    monkeypatch.setattr(approvals, "require", refuse)
    with pytest.raises(ApprovalNeeded):
        nodes.bring_about({"nodes.address": "10.0.0.1", "nodes.workers": '["10.0.0.2"]'}, ignore)
    assert asked == [(Verb.LOOSEN, {"nodes.workers": '["10.0.0.2"]'})]
    assert len(machine.runs) == runs
    assert [change.key for change in service.pending()] == ["nodes.address", "nodes.workers"]
