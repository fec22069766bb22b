"""Machines that are emulated whole; each takes many minutes, so ``make test-images`` alone starts them."""

from pathlib import Path

import pytest

from tests.appliance.box import missing_means
from tests.appliance.machines import Stick, this_commit, took
from tests.emulated.machine import missing_programs


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say once per test what this machine lacks."""
    here = Path(__file__).parent
    if reason := missing_means() or missing_programs():
        for item in items:
            if item.path.is_relative_to(here):
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What took how long, as a table."""
    if took:
        terminalreporter.section("what took how long, emulated")
        for what, seconds in took.items():
            terminalreporter.write_line(f"{what:50} {seconds:8.1f} s")


@pytest.fixture(scope="session")
def stick() -> Stick:
    """The bundle of this commit, as on a stick."""
    return this_commit()
