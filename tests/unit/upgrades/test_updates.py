"""Security updates by the same state machine: in, or all the way back, and nobody waits who need not."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.releases.errors import UpdatesReplayed
from appliance.upgrades.errors import NothingToUpdate, NotReady, UpgradeUndone, UpgradeUnfinished
from appliance.upgrades.model import Ending, Kind, Stage
from tests.fakes.upgradable import OLD, SCHEMA, SYSTEM, UPDATED_SYSTEM, Fuse, Upgradable, drive, power_comes_back

ROWS = 4
UNTOUCHED = {
    "current": OLD,
    "schema": SCHEMA[OLD],
    "rows": list(range(ROWS)),
    "applied": OLD,
    "portal": "open",
    "workers": "running",
}
ACTS = 80
"""More than updates take, there and back."""


def machine_in(folder: Path, *, touches: bool = True, trouble: str = "") -> Upgradable:
    """A machine on which updates are about to be put in."""
    new = Upgradable.new(folder, rows=ROWS)
    return Upgradable(new.folder, Fuse(-1), trouble, Kind.UPDATES, touches)


@pytest.fixture
def place(quick_scratch: Path) -> Path:
    """A folder in memory: what is synced to a disk a thousand times takes minutes."""
    return Path(tempfile.mkdtemp(dir=quick_scratch))


def start(machine: Upgradable) -> None:
    machine.service().start(machine.record(), driver=machine.folder / "releases" / OLD)


def system(machine: Upgradable) -> dict[str, str]:
    """What is installed; fails unless the machine is whole, people are in, and what runs is what is installed."""
    state = machine.state()
    # The database is not taken back for packages: a trial that was cut off leaves its meeting, and no other row goes.
    state["rows"] = [row for row in state["rows"] if row >= 0]
    assert state == UNTOUCHED
    assert not machine.window_is_open()
    assert machine.journal.read() is None
    found = machine._get("system")
    assert found in (SYSTEM, UPDATED_SYSTEM)
    assert machine._get("loaded") == found
    return dict(found)


@pytest.mark.parametrize("touches", [True, False])
def test_updates_go_in_and_are_told(place: Path, touches: bool) -> None:
    """People wait where the portal uses what changes, and nowhere else; the updates' number rises alone."""
    machine = machine_in(place, touches=touches)
    start(machine)
    assert system(machine) == UPDATED_SYSTEM
    last = machine.journal.last_updates_done()
    assert last is not None
    assert last.updates is not None
    assert (last.downtime_s is not None) == touches == last.updates.closes
    assert [(one.name, one.old, one.new) for one in last.updates.changes] == [
        ("less", "590-2", "590-2.1"),
        ("libz", "1.2.13-1", "1.2.13-2"),
        ("libnew", "", "1"),
    ]
    assert (last.updates.restarted, last.updates.reboot) == (("ssh.service",), ("dbus.service",))
    assert (machine._get("updates_high_seq"), machine._get("high_seq")) == (4, 5)
    assert machine._get("trail") == ["begun", "committed"]
    assert machine._get("account") == ("closed" if touches else None)
    assert set(last.gate) == ({"schema"} if touches else {"health"})


def test_the_way_back_to_the_release_before_stays_open(place: Path) -> None:
    """Updates are not the last upgrade: their notes lie beside those of upgrades."""
    upgraded = Upgradable.new(place, rows=ROWS)
    upgraded.service().start(upgraded.record(), driver=upgraded.folder)
    before = upgraded.journal.last_done()
    assert before is not None
    updating = Upgradable(place, Fuse(-1), "", Kind.UPDATES, touches=False)
    updating.service().start(updating.record(), driver=place)
    assert updating.journal.last_done() == updating.journal.last() == before
    assert updating.journal.last_updates_done() is not None


@pytest.mark.parametrize("touches", [True, False])
@pytest.mark.parametrize("trouble", ["packages", "restart", "gate"])
def test_what_fails_brings_the_packages_of_before_back(place: Path, trouble: str, touches: bool) -> None:
    """Half in, in and not starting, or in and not proven: versions and processes are those of before."""
    machine = machine_in(place, touches=touches, trouble=trouble)
    with pytest.raises(UpgradeUndone, match=r"updates 2026\.11\.23"):
        start(machine)
    assert system(machine) == SYSTEM
    assert machine._get("updates_high_seq") == 3
    assert machine._get("trail") == ["begun", "undone"]
    last = machine.journal.last_updates()
    assert last is not None
    assert last.ending is Ending.UNDONE
    assert Stage.PACKAGES in last.undone
    assert machine.journal.last_updates_done() is None


def test_a_machine_that_is_not_ready_is_left_alone(place: Path) -> None:
    """With the reason, and told to the trail."""
    machine = machine_in(place, trouble="preflight")
    with pytest.raises(NotReady, match="half-configured"):
        start(machine)
    assert system(machine) == SYSTEM
    assert machine._get("trail") == ["refused"]


def test_older_updates_are_refused_and_the_same_have_nothing_to_do(place: Path) -> None:
    """A replay would open holes again; the same ones are not put in twice."""
    machine = machine_in(place)
    start(machine)
    with pytest.raises(NothingToUpdate):
        start(machine)
    machine._put("offered", 3)
    with pytest.raises(UpdatesReplayed):
        start(machine)
    assert system(machine) == UPDATED_SYSTEM
    assert machine._get("trail") == ["begun", "committed", "refused", "refused"]


def run_until_killed(machine: Upgradable, acts: int, verb: str) -> bool:
    """Let a process of its own drive; whether it was killed."""
    if (child := os.fork()) == 0:
        try:
            drive(Upgradable(machine.folder, Fuse(acts), machine.trouble, Kind.UPDATES, machine.touches), verb)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def resumed(machine: Upgradable) -> None:
    if machine.journal.read() is not None:
        machine.service().resume()


@pytest.mark.parametrize("touches", [True, False])
@pytest.mark.parametrize("trouble", ["", "gate", "packages"])
def test_killed_at_any_act_it_has_the_packages_of_before_or_all_new_ones(
    place: Path, trouble: str, touches: bool
) -> None:
    """A real SIGKILL before each act in turn, then a boot: never a mix of both, never the page left standing."""
    ends = []
    for acts in range(ACTS):
        (folder := place / str(acts)).mkdir()
        machine = machine_in(folder, touches=touches, trouble=trouble)
        killed = run_until_killed(machine, acts, "run")
        power_comes_back(machine)
        resumed(machine)
        ends.append(system(machine) == UPDATED_SYSTEM)
        if not killed:
            break
    else:
        pytest.fail("updates take more acts than were tried")
    assert not ends[0]
    # Once it is decided it stays decided.
    assert ends == sorted(ends)
    assert ends[-1] == (trouble == "")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=st.integers(0, 40),
    others=st.lists(st.integers(0, 14), max_size=3),
    trouble=st.sampled_from(["", "gate", "packages", "restart"]),
    touches=st.booleans(),
)
def test_killed_again_and_again_it_still_ends_whole(
    place: Path, first: int, others: list[int], trouble: str, touches: bool
) -> None:
    """Also while the packages of before are put back."""
    machine = machine_in(Path(tempfile.mkdtemp(dir=place)), touches=touches, trouble=trouble)
    run_until_killed(machine, first, "run")
    for acts in others:
        power_comes_back(machine)
        if machine.journal.read() is not None:
            run_until_killed(machine, acts, "resume")
    power_comes_back(machine)
    resumed(machine)
    system(machine)


def test_an_upgrade_waits_for_interrupted_updates(place: Path) -> None:
    """One at a time, whatever its kind; the words name what was interrupted."""
    machine = machine_in(place)
    assert run_until_killed(machine, 14, "run")
    upgrade = Upgradable(place, Fuse(-1))
    with pytest.raises(UpgradeUnfinished, match="with updates 2026"):
        upgrade.service().start(upgrade.record(), driver=place)
    resumed(upgrade)
    assert system(machine) == SYSTEM
