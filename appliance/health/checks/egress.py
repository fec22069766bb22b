"""Whether nothing can leave this machine: asked of the firewall, and tried."""

from collections.abc import Callable

from appliance.egress.model import EgressReport, Verdict
from appliance.egress.wording import sentence
from appliance.health.model import Check, Evidence, Finding, Severity

REMEDY = "Load the rules: hangjegyzet health --fix egress. Until they hold, take the machine off the network."


def egress(examine: Callable[[], EgressReport], load_rules: Callable[[], None]) -> Check:
    """Whether the firewall drops what goes out, and packets that are sent out do not get anywhere."""

    def fix() -> str:
        load_rules()
        return "The rules of the file were loaded."

    return Check("egress", "Nothing leaves", lambda: _look(examine()), fix=fix)


def _look(report: EgressReport) -> Finding:
    rules = report.rules
    evidence: dict[str, Evidence] = {
        "output_policy": "drop" if rules and rules.drops else "open",
        "rules_as_declared": rules.as_declared if rules else None,
        "attempts": len(report.attempts),
        "seen_on_the_wire": report.frames,
        "refused_meanwhile": report.counted,
        "refused_packets": rules.refused if rules else None,
    }
    if report.remarks:
        evidence["remarks"] = " ".join(sentence(one, "en") for one in report.remarks)
    summary = " ".join(sentence(one, "en") for one in report.reasons)
    if report.verdict is Verdict.LEAKS:
        return Finding(Severity.CRITICAL, summary, evidence, REMEDY)
    if report.verdict is Verdict.UNPROVEN:
        return Finding(Severity.WARNING, summary, evidence, "See what could not be looked at: hangjegyzet egress test")
    return Finding(Severity.OK, summary, evidence)
