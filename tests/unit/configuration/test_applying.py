"""Applying a configuration: done, only looked at, or gone back from."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from appliance.configuration.errors import ApplyBusy, ApplyFailed, ConfigurationInvalid
from appliance.configuration.model import Change
from appliance.configuration.ports import Run, Task, TaskState
from appliance.configuration.service import ConfigurationService

RELEASE = (Path("/opt/hangjegyzet/releases/1.0.0"), "1.0.0")


class Machine:
    """Remembers what it was brought to; ``breaks_at`` are ports at which its firewall task fails."""

    def __init__(self, breaks_at: Sequence[int] = ()) -> None:
        self.port: object = None
        self.runs: list[Run] = []
        self._breaks_at = breaks_at

    def run(self, run: Run) -> Iterator[Task]:
        self.runs.append(run)
        wanted = run.settings["web.port"]
        yield Task("app", "Set the port", TaskState.BEGUN)
        if not run.check:
            changed, self.port = self.port != wanted, wanted
        else:
            changed = self.port != wanted
        yield Task("app", "Set the port", TaskState.CHANGED if changed else TaskState.OK)
        if wanted in self._breaks_at:
            yield Task("firewall", "Load the rules", TaskState.FAILED, reason="no such table")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "appliance.toml"
    path.write_text("[web]\nport = 443\n")
    return path


@pytest.fixture
def service(file: Path, tmp_path: Path) -> ConfigurationService:
    return ConfigurationService(file, applied_file=tmp_path / "state" / "applied.toml")


def ignore(task: Task) -> None:
    """Nobody looks on."""


def test_a_second_run_changes_nothing(service: ConfigurationService):
    """Applying is a statement about the state and not a series of acts."""
    machine = Machine()
    assert service.apply(machine, release=RELEASE, tell=ignore).changed == 1
    assert service.apply(machine, release=RELEASE, tell=ignore).changed == 0
    assert service.pending() == ()


def test_checking_changes_nothing(service: ConfigurationService):
    """What would change is told; the machine and what counts as applied stay."""
    machine = Machine()
    assert service.check(machine, release=RELEASE, diff=False, tell=ignore).changed == 1
    assert machine.port is None
    assert [change.key for change in service.pending()] == ["web.port"]


def test_a_failure_brings_the_previous_configuration_back(service: ConfigurationService, file: Path):
    """The machine and the file are as before; what was refused is kept beside it."""
    machine = Machine(breaks_at=[444])
    service.apply(machine, release=RELEASE, tell=ignore)
    service.set("web.port", "444")
    with pytest.raises(ApplyFailed, match="Load the rules: no such table") as failure:
        service.apply(machine, release=RELEASE, tell=ignore)
    assert machine.port == 443
    assert service.get("web.port") == 443
    assert "444" in file.with_suffix(".toml.refused").read_text()
    assert "in force again" in failure.value.remedy


def test_a_way_back_that_fails_is_told(service: ConfigurationService):
    """Nobody is told that all is well when the old state could not be brought back either."""
    machine = Machine(breaks_at=[444])
    service.apply(machine, release=RELEASE, tell=ignore)
    service.set("web.port", "444")
    machine._breaks_at = [443, 444]
    with pytest.raises(ApplyFailed) as failure:
        service.apply(machine, release=RELEASE, tell=ignore)
    assert "failed too" in failure.value.remedy


def test_a_first_run_that_fails_keeps_the_file(service: ConfigurationService, file: Path):
    """There is nothing to go back to: the cause is told, and the file stays for the next try."""
    with pytest.raises(ApplyFailed):
        service.apply(Machine(breaks_at=[443]), release=RELEASE, tell=ignore)
    assert "443" in file.read_text()


def test_an_invalid_file_touches_nothing(service: ConfigurationService, file: Path):
    """The file is checked before the machine is."""
    file.write_text("[web]\nprot = 443\n")
    machine = Machine()
    with pytest.raises(ConfigurationInvalid):
        service.apply(machine, release=RELEASE, tell=ignore)
    assert machine.runs == []


def test_two_runs_do_not_meet(service: ConfigurationService):
    """Whoever comes second is told so, and the first goes on."""
    machine = Machine()

    def second(task: Task) -> None:
        with pytest.raises(ApplyBusy):
            service.apply(machine, release=RELEASE, tell=ignore)

    assert service.apply(machine, release=RELEASE, tell=second).changed == 1


def test_the_first_file_is_written_once(tmp_path: Path):
    """An installed appliance answers the network; a file that is there is never overwritten."""
    service = ConfigurationService(tmp_path / "appliance.toml", applied_file=tmp_path / "applied.toml")
    assert service.create()
    assert service.get("web.host") == "::"
    service.set("web.port", "9443")
    assert not service.create()
    assert service.get("web.port") == 9443


def test_a_mistake_is_corrected_by_its_key(service: ConfigurationService, file: Path):
    """A file that cannot be applied is mended with the same verb that changes one that can."""
    file.write_text("[web]\nport = 'many'\n")
    assert service.set("web.port", "443") == Change("web.port", None, 443)
    assert service.get("web.port") == 443
