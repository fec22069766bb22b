"""The state machine over a machine of files: forward, back, and killed at every single act."""

import contextlib
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.upgrades.errors import (
    FinishFailed,
    NothingToResume,
    NotReady,
    UndoFailed,
    UpgradeBusy,
    UpgradeStateDamaged,
    UpgradeUndone,
    UpgradeUnfinished,
)
from appliance.upgrades.model import Ending, Kind, Stage
from tests.fakes.upgradable import NEW, OLD, SCHEMA, Fuse, Upgradable, drive, power_comes_back

ROWS = 6
AS_BEFORE = {
    "current": OLD,
    "schema": SCHEMA[OLD],
    "rows": list(range(ROWS)),
    "portal": "open",
    "workers": "running",
}
AS_NEW = {**AS_BEFORE, "current": NEW, "schema": SCHEMA[NEW]}
ACTS = 60
"""More than an upgrade takes, there and back."""


@pytest.fixture
def place(quick_scratch: Path) -> Path:
    """A folder in memory: what is synced to a disk a thousand times takes minutes."""
    return Path(tempfile.mkdtemp(dir=quick_scratch))


@pytest.fixture
def machine(place: Path) -> Upgradable:
    return Upgradable.new(place, rows=ROWS)


def start(machine: Upgradable) -> None:
    machine.service().start(machine.record(), driver=machine.folder / "releases" / OLD)


def state(machine: Upgradable) -> dict[str, object]:
    """Without what was applied, which is told apart."""
    found = machine.state()
    assert found.pop("applied") == found["current"]
    return found


def test_an_upgrade_ends_with_the_new_release_and_all_rows(machine: Upgradable) -> None:
    """Nothing is left over: people are in, the number is raised, the trail tells both ends."""
    machine._put("allowed", OLD)
    start(machine)
    assert state(machine) == AS_NEW
    assert not machine.window_is_open()
    assert machine.journal.read() is None
    last = machine.journal.last()
    assert last is not None
    assert last.ending is Ending.DONE
    assert last.downtime_s is not None
    assert [one.stage for one in last.passed] == [one for one in Stage if one is not Stage.RESTART]
    assert machine._get("trail") == ["begun", "committed"]
    assert (machine._get("high_seq"), machine._get("account"), machine.previous()) == (7, "closed", OLD)
    assert machine._get("allowed") is None


@pytest.mark.parametrize("trouble", ["migrate", "apply", "gate"])
def test_a_release_that_fails_is_taken_back_with_its_rows(machine: Upgradable, trouble: str) -> None:
    """A destructive migration too: every row that was there when people were sent out is there again."""
    machine.trouble = trouble
    with pytest.raises(UpgradeUndone):
        start(machine)
    assert state(machine) == AS_BEFORE
    assert not machine.window_is_open()
    assert machine._get("high_seq") == 5
    assert machine._get("trail") == ["begun", "undone"]
    last = machine.journal.last()
    assert last is not None
    assert last.ending is Ending.UNDONE


@pytest.mark.parametrize("trouble", ["", "gate"])
def test_a_downgrade_keeps_the_rows_of_today(machine: Upgradable, trouble: str) -> None:
    """What was entered since the upgrade is there afterwards; one that fails leaves the newer release in place."""
    start(machine)
    machine._put("rows", list(range(ROWS + 2)))
    machine.trouble = trouble
    record = machine.record().but(kind=Kind.DOWNGRADE, old=NEW, new=OLD, revision=SCHEMA[OLD])
    if trouble:
        with pytest.raises(UpgradeUndone):
            machine.service().start(record, driver=machine.folder)
        assert state(machine) == {**AS_NEW, "rows": list(range(ROWS + 2))}
        assert machine._get("allowed") is None
        return
    machine.service().start(record, driver=machine.folder)
    assert machine._get("allowed") == OLD
    assert state(machine) == {**AS_BEFORE, "rows": list(range(ROWS + 2))}
    assert machine._get("high_seq") == 7


def test_what_fails_before_anything_stops_is_told_as_what_it_is(machine: Upgradable) -> None:
    """The machine was never touched, and the error is that of the stage."""
    machine.trouble = "preflight"
    with pytest.raises(NotReady, match="The disk is full"):
        start(machine)
    assert state(machine) == AS_BEFORE
    assert machine._get("trail") == ["refused"]


def run_until_killed(machine: Upgradable, acts: int, verb: str, trouble: str = "") -> bool:
    """Let a process of its own drive; whether it was killed."""
    if (child := os.fork()) == 0:
        try:
            drive(Upgradable(machine.folder, Fuse(acts), trouble), verb)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def is_whole(machine: Upgradable) -> str:
    """Which release the machine has; fails when it has neither whole."""
    assert not machine.window_is_open()
    assert machine.journal.read() is None
    found = state(machine)
    assert found in (AS_BEFORE, AS_NEW)
    return str(found["current"])


@pytest.mark.parametrize("trouble", ["", "gate"])
def test_killed_at_any_act_it_is_the_old_release_or_the_new_one(place: Path, trouble: str) -> None:
    """A real SIGKILL before each act in turn, then a boot: never a half state, never a row less."""
    ends = []
    for acts in range(ACTS):
        (folder := place / str(acts)).mkdir()
        machine = Upgradable.new(folder, rows=ROWS)
        killed = run_until_killed(machine, acts, "run", trouble)
        power_comes_back(machine)
        if machine.journal.read() is not None:
            Upgradable(folder, Fuse(-1), trouble).service().resume()
        ends.append(is_whole(machine))
        if not killed:
            break
    else:
        pytest.fail("an upgrade takes more acts than were tried")
    assert ends[0] == OLD
    # Once it is decided it stays decided.
    assert ends == sorted(ends)
    assert ends[-1] == (OLD if trouble else NEW)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=st.integers(0, 45),
    others=st.lists(st.integers(0, 14), max_size=3),
    trouble=st.sampled_from(["", "gate", "migrate", "apply"]),
)
def test_killed_again_and_again_it_still_ends_whole(place: Path, first: int, others: list[int], trouble: str) -> None:
    """Also while it goes back, and while it is brought to its end after a boot."""
    machine = Upgradable.new(Path(tempfile.mkdtemp(dir=place)), rows=ROWS)
    run_until_killed(machine, first, "run", trouble)
    for acts in others:
        power_comes_back(machine)
        if machine.journal.read() is not None:
            run_until_killed(machine, acts, "resume", trouble)
    power_comes_back(machine)
    if machine.journal.read() is not None:
        Upgradable(machine.folder, Fuse(-1), trouble).service().resume()
    is_whole(machine)


def test_an_interrupted_upgrade_has_to_be_ended_before_another(machine: Upgradable) -> None:
    """Nobody starts over the notes of another one."""
    assert run_until_killed(machine, 12, "run")
    with pytest.raises(UpgradeUnfinished):
        start(machine)
    assert machine.service().resume().ending is Ending.UNDONE
    with pytest.raises(NothingToResume):
        machine.service().resume()


def test_two_cannot_drive_at_once(machine: Upgradable) -> None:
    """The second is told the first one's process."""
    with machine.journal.alone(), pytest.raises(UpgradeBusy, match=str(os.getpid())):
        start(machine)
    assert not machine.journal.is_driven()


def test_an_undoing_that_fails_is_taken_up_again(machine: Upgradable, monkeypatch: pytest.MonkeyPatch) -> None:
    """People stay out, and the next try goes on where the first one stopped."""
    machine.trouble = "gate"
    with monkeypatch.context() as broken:
        broken.setattr(Upgradable, "rewind", lambda *_: (_ for _ in ()).throw(OSError("disk")))
        with pytest.raises(UndoFailed):
            start(machine)
    assert machine.window_is_open()
    assert machine.service().resume().ending is Ending.UNDONE
    assert is_whole(machine) == OLD


def test_what_was_decided_is_finished(machine: Upgradable, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the decision a failure leads forward, never back."""
    with monkeypatch.context() as broken:
        broken.setattr(Upgradable, "keep_revocations", lambda _: (_ for _ in ()).throw(OSError("disk")))
        with pytest.raises(FinishFailed):
            start(machine)
    assert machine.service().resume().ending is Ending.DONE
    assert is_whole(machine) == NEW


@pytest.mark.parametrize("damage", [b"", b"{", b"\x00" * 64, b"[]", b'{"format": 1}', b"null", b"{" * 100_000])
def test_notes_that_cannot_be_read_stop_everything(machine: Upgradable, damage: bytes) -> None:
    """Nothing is guessed: the error names the file and the runbook."""
    (machine.folder / "notes" / "state.json").write_bytes(damage)
    for verb in (machine.service().resume, lambda: start(machine)):
        with pytest.raises(UpgradeStateDamaged) as refusal:
            verb()
        assert "upgrade-state.md" in refusal.value.remedy


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 2000), flips=st.lists(st.tuples(st.integers(0, 1500), st.integers(1, 255)), max_size=4))
def test_spoilt_notes_are_read_or_refused(place: Path, cut: int, flips: list[tuple[int, int]]) -> None:
    """Cut off anywhere and with bytes flipped: a record comes out, or the one error that names the file."""
    machine = Upgradable.new(Path(tempfile.mkdtemp(dir=place)), rows=1)
    machine.journal.save(machine.record())
    path = machine.folder / "notes" / "state.json"
    data = bytearray(path.read_bytes()[:cut])
    for at, mask in flips:
        if at < len(data):
            data[at] ^= mask
    path.write_bytes(data)
    with contextlib.suppress(UpgradeStateDamaged):
        machine.journal.read()
