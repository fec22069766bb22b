"""Graphics processors, room in the database, what runs by the clock: what each is called well, and what not."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.adapters.graphics import graphics, read_cards
from appliance.database.room import Room
from appliance.health.checks.bloat import DatabaseRoom, bloat
from appliance.health.checks.gpu import Card, Graphics, gpu
from appliance.health.checks.timers import timers
from appliance.health.model import Check, Severity
from appliance.kernel.units import GIB, MIB

SMI = """\
0, NVIDIA A10, 550.90.07, 23028, 4211, 52, 0
1, Tesla T4, 550.90.07, 15360, 3, 41, [N/A]
2, NVIDIA RTX 4000, SFF Ada, 550.90.07, 20475, 0, [Unknown Error], 2
"""
A10 = Card(0, "NVIDIA A10", "550.90.07", 23028, 4211, 52, 0)


def severity(check: Check) -> Severity:
    """What the check finds; whatever is not well says what to do."""
    finding = check.look()
    assert bool(finding.remedy) == (finding.severity is not Severity.OK)
    return finding.severity


def test_the_drivers_table_is_read() -> None:
    """A name with a comma, and what the driver does not know, included. The table is made up: no card was here."""
    first, second, third = read_cards(SMI)
    assert first == A10
    assert second.uncorrected_errors is None
    assert (third.name, third.temperature_c, third.uncorrected_errors) == ("NVIDIA RTX 4000, SFF Ada", None, 2)


@given(st.text(max_size=300))
def test_no_answer_breaks_the_reader(text: str) -> None:
    """Whatever a driver prints."""
    for card in read_cards(text):
        assert card.memory_mib >= 0


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (Graphics(False, False, ()), Severity.OK),
        (Graphics(False, True, (), "nvidia-smi is not installed"), Severity.WARNING),
        (Graphics(True, True, (), "Failed to initialize NVML: Driver/library version mismatch"), Severity.CRITICAL),
        (Graphics(True, False, ()), Severity.CRITICAL),
        (Graphics(True, True, (A10,)), Severity.OK),
        (Graphics(True, True, (A10, Card(1, "T4", "550", 15360, 3, 88, None))), Severity.WARNING),
        (Graphics(True, True, (Card(0, "T4", "550", 15360, 3, 97, None),)), Severity.CRITICAL),
        (Graphics(True, True, (Card(0, "T4", "550", 15360, 15300, 40, 0),)), Severity.WARNING),
        (Graphics(True, True, (Card(0, "T4", "550", 15360, 3, 40, 1),)), Severity.CRITICAL),
    ],
    ids=["none", "no driver", "mismatch", "wanted", "well", "warm", "hot", "full", "broken"],
)
def test_gpu(state: Graphics, expected: Severity) -> None:
    """A card that is counted on and does not work is critical; one that nobody counts on is a warning."""
    assert severity(gpu(lambda: state)) is expected


def test_the_driver_is_asked_as_a_program(tmp_path: Path) -> None:
    """Its answer, its failure and its absence are told apart. The program is a stand-in: no card was here."""
    pci = tmp_path / "pci" / "0000:01:00.0"
    pci.mkdir(parents=True)
    (pci / "vendor").write_text("0x10de\n")
    (pci / "class").write_text("0x030200\n")
    tool = tmp_path / "nvidia-smi"
    absent = graphics(wanted=False, pci=tmp_path / "pci", tool=str(tool))
    assert (absent.present, absent.cards, absent.problem) == (True, (), f"{tool} is not installed")
    tool.write_text("#!/bin/sh\necho 'Driver/library version mismatch' >&2\nexit 18\n")
    tool.chmod(0o755)
    assert graphics(wanted=True, pci=tmp_path, tool=str(tool)).problem == "Driver/library version mismatch"
    tool.write_text(f"#!/bin/sh\ncat <<'X'\n{SMI}X\n")
    assert len(graphics(wanted=True, pci=tmp_path / "none", tool=str(tool)).cards) == 3


@pytest.mark.parametrize(
    ("rooms", "oldest", "expected"),
    [
        ((), 1000, Severity.OK),
        ((Room("document", "table", 900 * MIB, 90 * MIB),), 1000, Severity.OK),
        ((Room("document", "table", 80 * MIB, 60 * MIB),), 1000, Severity.OK),
        ((Room("document", "table", 900 * MIB, 600 * MIB),), 1000, Severity.WARNING),
        ((Room("job_pkey", "index", 12 * GIB, 11 * GIB),), 1000, Severity.CRITICAL),
        ((), 600_000_000, Severity.WARNING),
        ((), 1_600_000_000, Severity.CRITICAL),
    ],
)
def test_bloat(rooms: Sequence[Room], oldest: int, expected: Severity) -> None:
    """Much of something large counts; and rows that nobody froze stop everything in the end."""
    assert severity(bloat(lambda: DatabaseRoom(rooms, oldest), lambda found: None)) is expected


def test_only_what_is_bloated_is_cleaned() -> None:
    """The remedy leaves the rest alone."""
    rooms = (Room("document", "table", 900 * MIB, 600 * MIB), Room("job", "table", 900 * MIB, 6 * MIB))
    cleaned: list[Room] = []
    check = bloat(lambda: DatabaseRoom(rooms, 0), cleaned.extend)
    assert check.fix is not None
    assert "document" in check.fix()
    assert cleaned == [rooms[0]]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, Severity.OK),
        ({"hangjegyzet-health.timer": {"ActiveState": "inactive"}}, Severity.CRITICAL),
        ({"hangjegyzet-health.service": {"Result": "timeout"}}, Severity.WARNING),
    ],
)
def test_timers(changed: Mapping[str, Mapping[str, str]], expected: Severity) -> None:
    """A clock that stands still is critical: nobody would notice anything any more; one failed run is a warning."""
    names = ("hangjegyzet-health.timer", "hangjegyzet-backup.timer")

    def show(name: str) -> Mapping[str, str]:
        return {"ActiveState": "active", "Result": "success"} | dict(changed.get(name, {}))

    assert severity(timers(lambda: names, show)) is expected


def test_a_machine_without_clocks_is_a_finding() -> None:
    """It was never set up."""
    assert severity(timers(lambda: (), lambda name: {})) is Severity.WARNING
