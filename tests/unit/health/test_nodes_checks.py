"""Checks of other machines and of a cluster, with made-up states."""

from datetime import UTC, datetime, timedelta

import pytest

from appliance.health.checks.cluster import FAR_BEHIND_BYTES, ClusterHeard, MemberHeard, cluster
from appliance.health.checks.nodes import NodeHeard, node_certificate, nodes
from appliance.health.model import Severity
from appliance.kernel.clock import FixedClock

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
CLOCK = FixedClock(NOW)
LATER = NOW + timedelta(days=900)


def heard(**changes: object) -> NodeHeard:
    fields = {"name": "gpu-1", "seen_at": NOW, "certificate_until": NOW + timedelta(days=6), **changes}
    return NodeHeard(**fields)  # type: ignore[arg-type]  # one builder for all


@pytest.mark.parametrize(
    ("node", "severity"),
    [
        (heard(), Severity.OK),
        (heard(seen_at=NOW - timedelta(minutes=3)), Severity.WARNING),
        (heard(seen_at=None), Severity.WARNING),
        (heard(certificate_until=NOW + timedelta(days=2)), Severity.WARNING),
        (heard(draining=True), Severity.WARNING),
    ],
)
def test_a_machine_that_is_silent_drained_or_not_renewed_is_told(node: NodeHeard, severity: Severity) -> None:
    """Each with what to do; one that works is well."""
    finding = nodes(lambda: [node], CLOCK).look()
    assert finding.severity is severity
    assert bool(finding.remedy) == (severity is not Severity.OK)


@pytest.mark.parametrize(
    ("left", "severity"),
    [
        (None, Severity.OK),
        (timedelta(days=6), Severity.OK),
        (timedelta(days=1), Severity.WARNING),
        (timedelta(hours=-1), Severity.CRITICAL),
    ],
)
def test_a_certificate_that_is_not_renewed_is_told_in_time(left: timedelta | None, severity: Severity) -> None:
    """Days before it ends, and louder afterwards."""
    until = None if left is None else NOW + left
    assert node_certificate(lambda: until, CLOCK).look().severity is severity


A, B, C = (
    MemberHeard("a", "leader", True),
    MemberHeard("b", "sync_standby", True, 0),
    MemberHeard("c", "replica", True, 0),
)


@pytest.mark.parametrize(
    ("state", "severity", "words"),
    [
        (ClusterHeard((A, B, C), (), ("a",), ("b",), LATER), Severity.OK, "a leads"),
        (ClusterHeard((A, B, C), (), ("a", "b"), (), LATER), Severity.CRITICAL, "Two members lead"),
        (ClusterHeard((B, C), ("a",), (), ("b",), LATER), Severity.CRITICAL, "Nobody leads"),
        (ClusterHeard((A, B), ("c",), ("a",), ("b",), LATER), Severity.WARNING, "Not running: c"),
        (ClusterHeard((A, B, C), (), ("a",), (), LATER), Severity.WARNING, "Only the leader"),
        (
            ClusterHeard((A, B, MemberHeard("c", "replica", True, FAR_BEHIND_BYTES + 1)), (), ("a",), ("b",), LATER),
            Severity.WARNING,
            "behind",
        ),
        (ClusterHeard((A, B, C), (), ("a",), ("b",), NOW + timedelta(days=90)), Severity.WARNING, "certificates"),
        (ClusterHeard((A, B, C), (), ("a",), ("b",), NOW + timedelta(days=9)), Severity.CRITICAL, "certificates"),
    ],
)
def test_what_a_cluster_lacks_is_told_worst_first(state: ClusterHeard, severity: Severity, words: str) -> None:
    """No leader and two leaders are critical; what only endangers the next failover is a warning."""
    finding = cluster(lambda: state, CLOCK).look()
    assert finding.severity is severity
    assert words in finding.summary
