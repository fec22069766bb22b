"""Whole machines: booted from scratch, without a network, and thrown away."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.appliance.box import missing_means
from tests.appliance.machines import Stick, installed_root, rates, this_commit, took

ASKED_FIRST = {
    "install": "install",
    "upgrade: people waited (by a visitor)": "downtime of an upgrade",
    "bad release: of that the way back": "rollback",
    "restore on other hardware": "restore",
    "cluster: power cut to next acknowledged row": "failover",
}
"""What a table calls it, and what the last line does."""
_LAST_LINE = pytest.StashKey[str]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say once per test what a machine would need that this one lacks."""
    here = Path(__file__).parent
    if reason := missing_means():
        for item in items:
            if item.path.is_relative_to(here):
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """What took how long, as a table."""
    if took or rates:
        terminalreporter.section("what took how long")
        for what, seconds in took.items():
            terminalreporter.write_line(f"{what:44} {seconds:8.1f} s")
        for what, megabytes in rates.items():
            terminalreporter.write_line(f"{what:44} {megabytes:8.1f} MB/s")
        counted = {verdict: len(terminalreporter.stats.get(verdict, ())) for verdict in ("passed", "failed", "error")}
        config.stash[_LAST_LINE] = summed_up(counted)


def pytest_unconfigure(config: pytest.Config) -> None:
    """The last line of all."""
    if line := config.stash.get(_LAST_LINE, ""):
        print(line)


def summed_up(counted: Mapping[str, int]) -> str:
    """How many tests held, and the figures that people ask for first, as far as they were taken."""
    unproven = counted["failed"] + counted["error"]
    verdict = f"{counted['passed']} proven" + (f", {unproven} NOT" if unproven else ", none failed")
    seconds = [f"{short} {took[what]:.0f} s" for what, short in ASKED_FIRST.items() if what in took]
    speeds = [f"{what} {megabytes:.0f} MB/s" for what, megabytes in rates.items()]
    return " · ".join([f"appliance: {verdict}", *seconds, *speeds])


@pytest.fixture(scope="session")
def stick() -> Stick:
    """The bundle of this commit, as on a stick."""
    return this_commit()


@pytest.fixture(scope="session")
def installed(stick: Stick) -> Path:
    """The disk of a machine that is ready for use, to stand a box on: ``Box.new(name, folder, base=installed)``."""
    return installed_root(stick)
