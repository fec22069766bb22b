"""Reads of wrapped keys; what comes back is still sealed."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import text

from appliance.database.engine import Tx
from appliance.kernel.ids import MeetingId, TenantId

_MEETING_KEYS = text(
    "SELECT meeting_id, tenant_id, tenant_key_version, wrapped FROM meeting_key WHERE meeting_id = ANY(:ids)"
)


@dataclass(frozen=True, slots=True)
class WrappedTenantKey:
    """A tenant's key as stored."""

    version: int
    wrapped: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class WrappedMeetingKey:
    """A meeting's key as stored; ``wrapped`` is gone once it was destroyed."""

    meeting_id: MeetingId
    tenant_id: TenantId
    tenant_key_version: int
    wrapped: bytes | None = field(repr=False)


def tenant_key(tx: Tx, tenant_id: TenantId, version: int | None = None) -> WrappedTenantKey | None:
    """A version of a tenant's key, or the newest."""
    row = tx.execute(
        text(
            "SELECT version, wrapped FROM tenant_key WHERE tenant_id = :tenant_id"
            " AND (version = CAST(:version AS integer) OR CAST(:version AS integer) IS NULL)"
            " ORDER BY version DESC LIMIT 1"
        ),
        {"tenant_id": tenant_id, "version": version},
    ).one_or_none()
    return WrappedTenantKey(row.version, row.wrapped) if row else None


def meeting_keys(tx: Tx, ids: Iterable[MeetingId]) -> list[WrappedMeetingKey]:
    """The keys of several meetings in one question; those of other tenants do not show."""
    rows = tx.execute(_MEETING_KEYS, {"ids": list(ids)}).all()
    return [
        WrappedMeetingKey(MeetingId(row.meeting_id), TenantId(row.tenant_id), row.tenant_key_version, row.wrapped)
        for row in rows
    ]
