"""Rows of the outbox."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from appliance.database.types import utc_column


class OutboxTable(SQLModel, table=True):
    """A message that somebody is owed. It names things by id: what it says is put together when it is sent."""

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("kind", "job_id", name="outbox_once_per_job"),
        Index("outbox_undelivered", "created_at", postgresql_where=text("delivered_at IS NULL")),
    )

    id: UUID = Field(primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id")
    kind: str
    recipient_id: UUID | None = None
    meeting_id: UUID
    job_id: UUID
    created_at: datetime = utc_column()
    delivered_at: datetime | None = utc_column(nullable=True, default=None)
