"""The row of a machine. It belongs to the appliance and to no tenant; it holds neither keys nor content."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text, text
from sqlmodel import Field, SQLModel

from appliance.database.types import bytes_column, utc_column


class Node(SQLModel, table=True):
    """One machine, from its invitation on; removed ones stay, so that the trail's names keep their meaning."""

    __tablename__ = "node"
    __table_args__ = (
        Index("node_name_in_use", "name", unique=True, postgresql_where=text("state <> 'removed'")),
        Index("node_serial", "serial", unique=True, postgresql_where=text("serial IS NOT NULL")),
    )

    id: UUID = Field(primary_key=True)
    name: str = Field(sa_type=Text)
    address: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    token_hash: bytes | None = bytes_column(nullable=True)
    token_until: datetime | None = utc_column(nullable=True)
    host: str = Field(default="", sa_type=Text)
    serial: str | None = Field(default=None, sa_type=Text)
    previous_serial: str | None = Field(default=None, sa_type=Text)
    """The one before, good until the next renewal: connections that were open go on."""
    certificate_until: datetime | None = utc_column(nullable=True)
    invited_at: datetime = utc_column()
    joined_at: datetime | None = utc_column(nullable=True)
    seen_at: datetime | None = utc_column(nullable=True)
    removed_at: datetime | None = utc_column(nullable=True)
