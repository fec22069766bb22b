"""The row of a tenant."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field, SQLModel

from appliance.database.types import utc_column


class Tenant(SQLModel, table=True):
    """One organisation; its ``id`` is what row-level security compares in every other table."""

    __tablename__ = "tenant"
    __table_args__ = (
        CheckConstraint("btrim(name) <> ''", name="tenant_name_not_blank"),
        Index("tenant_name_key", text("lower(name)"), unique=True),
    )

    id: UUID = Field(primary_key=True)
    name: str
    created_at: datetime = utc_column()
