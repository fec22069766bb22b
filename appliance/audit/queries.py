"""Reads of the trail."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Row, text

from appliance.audit.model import GENESIS, AuditEvent, ChainHead
from appliance.database.engine import Tx
from appliance.kernel.ids import EventId, TenantId

BATCH = 1000
_COLUMNS = ", ".join(AuditEvent.__dataclass_fields__)
_AFTER = text(
    f"SELECT {_COLUMNS} FROM audit_event WHERE tenant_id = :tenant"  # noqa: S608  # names of our own fields
    " AND seq > :after ORDER BY seq LIMIT :limit"
)
_LATEST = text(
    f"SELECT {_COLUMNS} FROM audit_event WHERE tenant_id = :tenant"  # noqa: S608  # as above
    " AND (CAST(:before AS bigint) IS NULL OR seq < CAST(:before AS bigint)) ORDER BY seq DESC LIMIT :limit"
)
_OF_SUBJECT = text(
    f"SELECT {_COLUMNS} FROM audit_event WHERE tenant_id = :tenant"  # noqa: S608  # as above
    " AND subject_type = :subject_type AND subject_id = :subject_id ORDER BY seq"
)


def iterate(tx: Tx, tenant_id: TenantId, *, after: int = 0) -> Iterator[AuditEvent]:
    """All events after a number, in order, fetched in batches: memory does not grow with the trail."""
    while batch := events_after(tx, tenant_id, after, limit=BATCH):
        yield from batch
        after = batch[-1].seq


def events_after(tx: Tx, tenant_id: TenantId, after: int, *, limit: int) -> list[AuditEvent]:
    """The next events after a number."""
    return _events(tx.execute(_AFTER, {"tenant": tenant_id, "after": after, "limit": limit}).all())


def latest(tx: Tx, tenant_id: TenantId, *, limit: int = 50, before: int | None = None) -> list[AuditEvent]:
    """The newest events first; ``before`` a number to page on."""
    return _events(tx.execute(_LATEST, {"tenant": tenant_id, "before": before, "limit": limit}).all())


def about(tx: Tx, tenant_id: TenantId, subject_type: str, subject_id: object) -> list[AuditEvent]:
    """What happened to one thing, oldest first."""
    arguments = {"tenant": tenant_id, "subject_type": subject_type, "subject_id": subject_id}
    return _events(tx.execute(_OF_SUBJECT, arguments).all())


def head(tx: Tx, tenant_id: TenantId) -> ChainHead:
    """Where the chain says that it ends; a chain without events ends before its first."""
    row = tx.execute(
        text("SELECT seq, hash FROM audit_head WHERE tenant_id = :tenant"), {"tenant": tenant_id}
    ).one_or_none()
    return ChainHead(row.seq, row.hash) if row else ChainHead(0, GENESIS)


def _events(rows: Sequence[Row[Any]]) -> list[AuditEvent]:
    return [_event(row) for row in rows]


def _event(row: Row[Any]) -> AuditEvent:
    fields = row._asdict()
    return AuditEvent(**fields | {"id": EventId(row.id), "tenant_id": TenantId(row.tenant_id)})
