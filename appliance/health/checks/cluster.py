"""A cluster's members: whether somebody leads, whether somebody else has every row, how far the others are behind."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from appliance.health.model import Check, Evidence, Finding, Severity
from appliance.kernel.clock import Clock
from appliance.kernel.units import MIB, format_bytes

FAR_BEHIND_BYTES = 64 * MIB
SOON = timedelta(days=180)
VERY_SOON = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class MemberHeard:
    """One member of the cluster as its keeper tells."""

    name: str
    role: str
    runs: bool
    lag_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class ClusterHeard:
    """What this member knows of all."""

    members: Sequence[MemberHeard]
    missing: Sequence[str]
    leaders: Sequence[str]
    synchronous: Sequence[str]
    certificate_until: datetime


def cluster(state: Callable[[], ClusterHeard], clock: Clock) -> Check:
    """Whether the cluster would survive the loss of a member now."""
    return Check("cluster", "Cluster", lambda: _look(state(), clock.now()))


def _look(heard: ClusterHeard, now: datetime) -> Finding:
    behind = {each.name: each.lag_bytes for each in heard.members if (each.lag_bytes or 0) > FAR_BEHIND_BYTES}
    down = [*(each.name for each in heard.members if not each.runs), *heard.missing]
    evidence: dict[str, Evidence] = {
        "leader": ", ".join(heard.leaders),
        "has_every_row": ", ".join(heard.synchronous),
        "not_running": ", ".join(down),
        "certificate_until": heard.certificate_until.isoformat(),
        **{f"behind_{each.name}_bytes": each.lag_bytes for each in heard.members if each.lag_bytes is not None},
    }
    left = heard.certificate_until - now
    if len(heard.leaders) > 1:
        remedy = "Stop one at once: systemctl stop hangjegyzet-patroni on the member that clients do not reach."
        return Finding(Severity.CRITICAL, f"Two members lead: {', '.join(heard.leaders)}.", evidence, remedy)
    if not heard.leaders:
        remedy = "Two members must see one another: systemctl status hangjegyzet-etcd hangjegyzet-patroni on each."
        return Finding(Severity.CRITICAL, "Nobody leads: the database cannot be written.", evidence, remedy)
    if left < VERY_SOON:
        remedy = "Make new certificates: docs/cluster.md, New certificates for members."
        return Finding(Severity.CRITICAL, f"The members' certificates end in {left.days} days.", evidence, remedy)
    if down:
        remedy = f"Look at {down[0]}: systemctl status hangjegyzet-etcd hangjegyzet-patroni there."
        return Finding(Severity.WARNING, f"Not running: {', '.join(down)}.", evidence, remedy)
    if not heard.synchronous:
        remedy = "A replica has to catch up: hangjegyzet cluster show. If none does: journalctl -u hangjegyzet-patroni"
        return Finding(Severity.WARNING, "Only the leader has every row.", evidence, remedy)
    if behind:
        worst = max(behind, key=lambda name: behind[name] or 0)
        told = f"{worst} is {format_bytes(behind[worst] or 0)} behind."
        return Finding(
            Severity.WARNING, told, evidence, f"See what it does: journalctl -u hangjegyzet-patroni on {worst}"
        )
    if left < SOON:
        remedy = "Make new certificates: docs/cluster.md, New certificates for members."
        return Finding(Severity.WARNING, f"The members' certificates end in {left.days} days.", evidence, remedy)
    return Finding(Severity.OK, f"{heard.leaders[0]} leads; {', '.join(heard.synchronous)} has every row.", evidence)
