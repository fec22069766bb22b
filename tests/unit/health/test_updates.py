"""What health says of the operating system's security updates."""

from datetime import timedelta

import pytest

from appliance.health.checks.updates import OLD, UpdatesState, updates
from appliance.health.model import Severity
from appliance.kernel.clock import FixedClock
from tests.factories.bundles import NOW

FRESH = NOW - timedelta(days=3)


@pytest.mark.parametrize(
    ("state", "severity", "words"),
    [
        (UpdatesState(FRESH), Severity.OK, "2026-11-20"),
        (UpdatesState(NOW - OLD - timedelta(days=1)), Severity.WARNING, "61 days old"),
        (UpdatesState(FRESH, waiting=("libc6", "dbus.service")), Severity.WARNING, "libc6, dbus.service: updated"),
        (UpdatesState(FRESH, waiting=tuple("abcdefg")), Severity.WARNING, "and others"),
        (UpdatesState(FRESH, undone="the gate was shut"), Severity.WARNING, "taken back: the gate was shut"),
    ],
)
def test_what_somebody_has_to_do_is_a_finding(state: UpdatesState, severity: Severity, words: str) -> None:
    """Old, waiting and taken back are for the day; none of them stops anything at night."""
    finding = updates(lambda: state, FixedClock(NOW)).look()
    assert finding.severity is severity
    assert words in finding.summary
    assert (finding.remedy == "") == (severity is Severity.OK)


def test_a_restart_that_is_due_comes_first() -> None:
    """It is what makes the updates count."""
    state = UpdatesState(NOW - OLD * 2, waiting=("linux-image-amd64",), undone="a gate")
    assert "started again" in updates(lambda: state, FixedClock(NOW)).look().summary
