"""Looking at the machine: every check by itself, the worst finding for the whole."""

import pytest

from appliance.health.errors import NothingToFix, UnknownCheck
from appliance.health.model import Check, Finding, Severity
from appliance.health.service import HealthService
from appliance.kernel.clock import SystemClock
from appliance.kernel.errors import Unavailable


class Broken(Unavailable):
    code = "test.broken"
    message = "The disk does not answer."
    hint = "Look at the cable."


def well() -> Finding:
    return Finding(Severity.OK, "All is well.")


def bad() -> Finding:
    return Finding(Severity.CRITICAL, "It stands still.", remedy="Start it.")


def service(*checks: Check) -> HealthService:
    return HealthService(checks, SystemClock())


def test_the_worst_finding_is_the_machines() -> None:
    """One critical finding makes the machine critical; none makes it well."""
    both = service(Check("a", "A", well), Check("b", "B", bad))
    assert both.examine().severity is Severity.CRITICAL
    assert both.examine("a").severity is Severity.OK
    assert service().examine().severity is Severity.OK


@pytest.mark.parametrize(
    ("error", "told"), [(Broken(), "The disk does not answer."), (RuntimeError("a secret"), "RuntimeError")]
)
def test_a_check_that_breaks_is_unknown_and_hides_no_other(error: Exception, told: str) -> None:
    """What could not be looked at is told, by its kind alone where nobody foresaw it, and the rest is looked at."""

    def breaks() -> Finding:
        raise error

    report = service(Check("a", "A", breaks), Check("b", "B", well)).examine()
    assert [one.finding.severity for one in report.examined] == [Severity.UNKNOWN, Severity.OK]
    assert told in report.examined[0].finding.summary
    assert "a secret" not in report.examined[0].finding.summary


def test_a_quick_look_leaves_out_what_takes_long() -> None:
    """An upgrade's gate asks every second; the trail of ten years is not read each time."""
    report = service(Check("a", "A", well), Check("b", "B", well, slow=True)).examine(quick=True)
    assert [one.check.id for one in report.examined] == ["a"]


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    """A misspelt check is not taken for a healthy one."""
    with pytest.raises(UnknownCheck, match="disc"):
        service(Check("disk", "Disk", well)).examine("disc")


def test_a_remedy_is_applied_and_looked_at_again() -> None:
    """Whoever fixes something sees whether it helped."""
    state = ["down"]

    def look() -> Finding:
        return well() if state == ["up"] else bad()

    def start() -> str:
        state[:] = ["up"]
        return "Started."

    done, after = service(Check("units", "Processes", look, fix=start)).fix("units")
    assert done == "Started."
    assert after.severity is Severity.OK


@pytest.mark.parametrize(
    "check", [Check("disk", "Disk", bad), Check("units", "Processes", well, fix=lambda: "Started.")]
)
def test_what_cannot_or_need_not_be_fixed_is_left_alone(check: Check) -> None:
    """No remedy runs on a healthy machine, and none is made up where only a person can act."""
    with pytest.raises(NothingToFix):
        service(check).fix(check.id)
