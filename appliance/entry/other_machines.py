"""Checks of what a machine has with others: workers, the box that it works for, members of a cluster."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from appliance.adapters.postgres import open_server
from appliance.bootstrap.main_box import CERTIFICATE_NAME
from appliance.database.roles import DatabaseRole
from appliance.entry.cluster import state
from appliance.entry.nodes import DOOR_CERTIFICATE
from appliance.entry.provision import open_database
from appliance.health.checks.cluster import ClusterHeard, MemberHeard, cluster
from appliance.health.checks.nodes import NodeHeard, node_certificate, nodes
from appliance.health.checks.units import OURS
from appliance.health.model import Check
from appliance.kernel.clock import SystemClock
from appliance.nodes import queries
from appliance.nodes.authority import valid_until
from appliance.nodes.model import NodeState
from appliance.settings import Settings


def other_machines(settings: Settings) -> Sequence[Check]:
    """What there is to look at; nothing on a box of its own."""
    now, found = SystemClock(), list[Check]()
    if settings.nodes.workers:
        found.append(nodes(partial(_nodes_heard, settings), now))
    if own := _own_certificate(settings):
        found.append(node_certificate(partial(_until, own), now))
    if settings.cluster.members:
        found.append(cluster(partial(_cluster_heard, settings), now))
    return found


def unit_names(settings: Settings) -> Sequence[str]:
    """The processes that this machine has to run."""
    if settings.nodes.role == "worker":
        return tuple(f"hangjegyzet-worker@{queue}.service" for queue in settings.nodes.queues)
    cluster_units: tuple[str, ...] = ()
    if settings.cluster.members:
        kept = ("etcd", "patroni", "haproxy", *(("keepalived",) if settings.cluster.address else ()))
        cluster_units = tuple(f"hangjegyzet-{name}.service" for name in kept)
    if settings.cluster.members and not serves(settings):
        return cluster_units
    door = ("hangjegyzet-nodes.service",) if settings.nodes.workers else ()
    return (*OURS, *door, *cluster_units)


def serves(settings: Settings) -> bool:
    """Whether portal and workers run on this member; the roles decide by the same rule."""
    first = settings.cluster.members[0].partition("=")[0]
    return settings.cluster.recordings_shared or settings.cluster.name == first


def _nodes_heard(settings: Settings) -> Sequence[NodeHeard]:
    with open_database(open_server(settings), DatabaseRole.WEB) as opened, opened.reading(None) as tx:
        found = queries.nodes(tx)
    return [
        NodeHeard(node.name, node.seen_at, node.certificate_until, node.state is NodeState.DRAINING)
        for node in found
        if node.works
    ]


def _own_certificate(settings: Settings) -> Path | None:
    if settings.nodes.role == "worker":
        return settings.nodes.folder / CERTIFICATE_NAME
    return settings.nodes.folder / DOOR_CERTIFICATE if settings.nodes.workers else None


def _until(certificate: Path) -> datetime | None:
    return valid_until(certificate.read_bytes()) if certificate.exists() else None


def _cluster_heard(settings: Settings) -> ClusterHeard:
    now = state(settings)
    return ClusterHeard(
        [MemberHeard(each.name, each.role, each.runs, each.lag_bytes) for each in now.members],
        now.missing,
        now.leaders,
        now.synchronous,
        valid_until((settings.cluster.folder / "member.pem").read_bytes()),
    )
