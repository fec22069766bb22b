"""What health says of the last upgrade."""

import pytest

from appliance.health.checks.upgrade import UpgradeState, upgrade
from appliance.health.model import Severity


@pytest.mark.parametrize(
    ("state", "severity", "words"),
    [
        (None, Severity.OK, "never"),
        (UpgradeState("The upgrade", "gate", is_driven=True, ended=""), Severity.OK, "under way, at gate"),
        (UpgradeState("The upgrade", "gate", is_driven=False, ended=""), Severity.CRITICAL, "interrupted at gate"),
        (
            UpgradeState("The upgrade", "gate", False, "undone", "the portal answers 500"),
            Severity.WARNING,
            "answers 500",
        ),
        (UpgradeState("The upgrade", "tidy", is_driven=False, ended="done"), Severity.OK, "is done"),
    ],
)
def test_an_upgrade_that_needs_somebody_is_a_finding(
    state: UpgradeState | None, severity: Severity, words: str
) -> None:
    """Half-way is for now, undone is for the day, done is well."""
    finding = upgrade(lambda: state).look()
    assert finding.severity is severity
    assert words in finding.summary
    assert (finding.remedy == "") == (severity is Severity.OK)
