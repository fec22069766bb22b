"""Whole machines: booted from scratch, without a network, and thrown away."""

from pathlib import Path

import pytest

from tests.appliance.box import missing_means
from tests.appliance.machines import Stick, installed_root, this_commit, took


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say once per test what a machine would need that this one lacks."""
    here = Path(__file__).parent
    if reason := missing_means():
        for item in items:
            if item.path.is_relative_to(here):
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What took how long, as a table."""
    if took:
        terminalreporter.section("what took how long")
        for what, seconds in took.items():
            terminalreporter.write_line(f"{what:40} {seconds:8.1f} s")


@pytest.fixture(scope="session")
def stick() -> Stick:
    """The bundle of this commit, as on a stick."""
    return this_commit()


@pytest.fixture(scope="session")
def installed(stick: Stick) -> Path:
    """The disk of a machine that is ready for use, to stand a box on: ``Box.new(name, folder, base=installed)``."""
    return installed_root(stick)
