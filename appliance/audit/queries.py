"""Reads of the trail."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Row, text

from appliance.audit.model import AuditEvent, ChainHead
from appliance.database.engine import Tx
from appliance.kernel.ids import EventId, TenantId

BATCH = 1000
_COLUMNS = ", ".join(AuditEvent.__dataclass_fields__)
_AFTER = text(
    f"SELECT {_COLUMNS} FROM audit_event WHERE tenant_id = :tenant"  # noqa: S608  # names of our own fields
    " AND seq > :after AND (CAST(:upto AS bigint) IS NULL OR seq <= CAST(:upto AS bigint)) ORDER BY seq LIMIT :limit"
)
_LATEST = text(
    f"SELECT {_COLUMNS} FROM audit_event WHERE tenant_id = :tenant"  # noqa: S608  # as above
    " AND (CAST(:before AS bigint) IS NULL OR seq < CAST(:before AS bigint)) ORDER BY seq DESC LIMIT :limit"
)
_OF_SUBJECT = text(
    f"SELECT {_COLUMNS} FROM audit_event WHERE tenant_id = :tenant"  # noqa: S608  # as above
    " AND subject_type = :subject_type AND subject_id = :subject_id ORDER BY seq"
)
_BEYOND_HEAD = text(
    f"SELECT {_COLUMNS} FROM audit_event WHERE tenant_id = :tenant"  # noqa: S608  # as above
    " AND seq > coalesce((SELECT seq FROM audit_head WHERE tenant_id = :tenant), 0) ORDER BY seq LIMIT 1"
)


def iterate(tx: Tx, tenant_id: TenantId, *, after: int = 0, upto: int | None = None) -> Iterator[AuditEvent]:
    """All events after a number, up to one if given, in order and in batches: memory does not grow with the trail."""
    while batch := _batch_after(tx, tenant_id, after, upto):
        yield from batch
        after = batch[-1].seq


def latest(tx: Tx, tenant_id: TenantId, *, limit: int = 50, before: int | None = None) -> list[AuditEvent]:
    """The newest events first; ``before`` a number to page on."""
    return _events(tx.execute(_LATEST, {"tenant": tenant_id, "before": before, "limit": limit}).all())


def about(tx: Tx, tenant_id: TenantId, subject_type: str, subject_id: object) -> list[AuditEvent]:
    """What happened to one thing, oldest first."""
    arguments = {"tenant": tenant_id, "subject_type": subject_type, "subject_id": subject_id}
    return _events(tx.execute(_OF_SUBJECT, arguments).all())


def head(tx: Tx, tenant_id: TenantId) -> ChainHead | None:
    """Where the chain says that it ends; none before its first event."""
    row = tx.execute(
        text("SELECT seq, hash FROM audit_head WHERE tenant_id = :tenant"), {"tenant": tenant_id}
    ).one_or_none()
    return ChainHead(row.seq, row.hash) if row else None


def first_beyond_head(tx: Tx, tenant_id: TenantId) -> AuditEvent | None:
    """An event that the head does not know of; one statement, so that one appended just now is not taken for it."""
    rows = tx.execute(_BEYOND_HEAD, {"tenant": tenant_id}).all()
    return _event(rows[0]) if rows else None


def _batch_after(tx: Tx, tenant_id: TenantId, after: int, upto: int | None) -> list[AuditEvent]:
    arguments = {"tenant": tenant_id, "after": after, "upto": upto, "limit": BATCH}
    return _events(tx.execute(_AFTER, arguments).all())


def _events(rows: Sequence[Row[Any]]) -> list[AuditEvent]:
    return [_event(row) for row in rows]


def _event(row: Row[Any]) -> AuditEvent:
    fields = row._asdict()
    return AuditEvent(**fields | {"id": EventId(row.id), "tenant_id": TenantId(row.tenant_id)})
