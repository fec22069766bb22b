"""Rows of wrapped keys."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index
from sqlmodel import Field, SQLModel

from appliance.database.types import bytes_column, utc_column
from appliance.tenants.tables import Tenant


class TenantKey(SQLModel, table=True):
    """A tenant's key, wrapped by the root key; the highest version wraps what is new."""

    __tablename__ = "tenant_key"
    __table_args__ = (CheckConstraint("version > 0", name="tenant_key_version_positive"),)

    tenant_id: UUID = Field(primary_key=True, foreign_key=f"{Tenant.__tablename__}.id")
    version: int = Field(primary_key=True)
    provider: str
    wrapped: bytes = bytes_column(nullable=False)
    created_at: datetime = utc_column()


class MeetingKey(SQLModel, table=True):
    """A meeting's key, wrapped by its tenant's; without the key once it is destroyed."""

    __tablename__ = "meeting_key"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "tenant_key_version"], ["tenant_key.tenant_id", "tenant_key.version"]),
        CheckConstraint("(wrapped IS NULL) = (destroyed_at IS NOT NULL)", name="meeting_key_destroyed_or_there"),
        Index("meeting_key_tenant", "tenant_id", "tenant_key_version"),
    )

    meeting_id: UUID = Field(primary_key=True)
    tenant_id: UUID
    tenant_key_version: int
    wrapped: bytes | None = bytes_column(nullable=True)
    created_at: datetime = utc_column()
    destroyed_at: datetime | None = utc_column(nullable=True)
