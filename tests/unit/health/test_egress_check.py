"""The check of silence: a leak is critical, a doubt a warning, and loading the rules is its remedy."""

from dataclasses import replace

import pytest

from appliance.egress.model import EgressReport, Ground, Network, Reason, Rules, Verdict
from appliance.health.checks.egress import egress
from appliance.health.model import Severity
from appliance.health.service import HealthService
from appliance.kernel.clock import SystemClock

RULES = Rules(
    drops=True, openings=(), as_declared=True, refused=100, sha256="ab" * 32, text="table inet hangjegyzet {}"
)
REPORT = EgressReport(
    release="1.2.3",
    host="box",
    began_at="2026-11-23T08:00:00+00:00",
    took_s=1.5,
    verdict=Verdict.SILENT,
    reasons=(Reason(Ground.DROPPING),),
    remarks=(Reason(Ground.FILTER_IDLE),),
    rules=RULES,
    network=Network((), ()),
    filter_enforced=False,
    units=(),
    attempts=(),
    frames=0,
    counted=11,
)


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (Verdict.SILENT, Severity.OK),
        (Verdict.UNPROVEN, Severity.WARNING),
        (Verdict.LEAKS, Severity.CRITICAL),
    ],
)
def test_a_verdict_becomes_a_finding(verdict: Verdict, expected: Severity) -> None:
    """With what it rests on; whatever is not well says what to do."""
    finding = egress(lambda: replace(REPORT, verdict=verdict), lambda: None).look()
    assert finding.severity is expected
    assert finding.summary == "The firewall drops what goes out."
    assert bool(finding.remedy) == (expected is not Severity.OK)
    assert finding.evidence["output_policy"] == "drop"
    assert "filter of addresses" in str(finding.evidence["remarks"])


def test_the_remedy_loads_the_rules() -> None:
    """After it the check looks again, and says what it sees then."""
    loaded: list[bool] = []

    def examine() -> EgressReport:
        return REPORT if loaded else replace(REPORT, verdict=Verdict.LEAKS, rules=None)

    service = HealthService([egress(examine, lambda: loaded.append(True))], SystemClock())
    assert service.examine().severity is Severity.CRITICAL
    _, after = service.fix("egress")
    assert after.severity is Severity.OK
