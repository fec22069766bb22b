"""Questions about machines, and about what they have under way."""

from typing import Any

from sqlalchemy import Row, text

from appliance.database.engine import Tx
from appliance.kernel.ids import JobId, MeetingId, TenantId
from appliance.nodes.errors import NodeNotFound
from appliance.nodes.model import NodeLease, NodeState, NodeView

_COLUMNS = "id, name, address, state, host, serial, certificate_until, invited_at, joined_at, seen_at"


def nodes(tx: Tx) -> list[NodeView]:
    """Every machine that is not removed, by name."""
    found = tx.execute(text(f"SELECT {_COLUMNS} FROM node WHERE state <> 'removed' ORDER BY name"))  # noqa: S608  # constants
    return [_view(row) for row in found]


def node_named(tx: Tx, name: str) -> NodeView:
    """The machine of this name.

    Raises:
        NodeNotFound: there is none, or it was removed.
    """
    statement = text(f"SELECT {_COLUMNS} FROM node WHERE state <> 'removed' AND name = :name")  # noqa: S608  # constants
    row = tx.execute(statement, {"name": name}).one_or_none()
    if row is None:
        raise NodeNotFound(name=name)
    return _view(row)


def node_with_certificate(tx: Tx, serial: str) -> NodeView | None:
    """The machine that was given this certificate last, or the one before, and may still work."""
    statement = text(
        f"SELECT {_COLUMNS} FROM node WHERE :serial IN (serial, previous_serial) AND state IN ('joined', 'draining')"  # noqa: S608  # constants
    )
    row = tx.execute(statement, {"serial": serial}).one_or_none()
    return None if row is None else _view(row)


def leases_of(tx: Tx, host: str) -> list[NodeLease]:
    """What a machine's workers have under way, over all tenants; asked as the worker role."""
    found = tx.execute(
        text(
            """
            SELECT s.job_id, s.tenant_id, j.meeting_id, s.name, s.attempt
            FROM job_step s JOIN job j ON j.id = s.job_id
            WHERE s.state IN ('running', 'undoing') AND starts_with(s.worker, :host || ':')
            """
        ),
        {"host": host},
    )
    return [
        NodeLease(
            JobId(row.job_id),
            TenantId(row.tenant_id),
            None if row.meeting_id is None else MeetingId(row.meeting_id),
            row.name,
            row.attempt,
        )
        for row in found
    ]


def _view(row: Row[Any]) -> NodeView:
    return NodeView(
        id=row.id,
        name=row.name,
        address=row.address,
        state=NodeState(row.state),
        host=row.host,
        serial=row.serial or "",
        certificate_until=row.certificate_until,
        invited_at=row.invited_at,
        joined_at=row.joined_at,
        seen_at=row.seen_at,
    )
