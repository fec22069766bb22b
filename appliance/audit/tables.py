"""Rows of the trail."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlmodel import Field, SQLModel

from appliance.database.types import bytes_column, utc_column
from appliance.tenants.tables import Tenant


class AuditEventRow(SQLModel, table=True):
    """One event; inserted once, never changed: the database refuses it."""

    __tablename__ = "audit_event"
    __table_args__ = (
        CheckConstraint("seq > 0", name="audit_event_seq_positive"),
        CheckConstraint("octet_length(prev_hash) = 32 AND octet_length(hash) = 32", name="audit_event_hash_lengths"),
        Index("audit_event_subject", "tenant_id", "subject_type", "subject_id"),
    )

    tenant_id: UUID = Field(primary_key=True, foreign_key=f"{Tenant.__tablename__}.id")
    seq: int = Field(primary_key=True, sa_type=BigInteger)
    id: UUID = Field(unique=True)
    at: datetime = utc_column()
    name: str
    outcome: str
    actor_kind: str
    actor_name: str
    actor_user_id: UUID | None
    actor_session_id: UUID | None
    origin: str
    subject_type: str
    subject_id: UUID | None
    detail: str
    prev_hash: bytes = bytes_column(nullable=False)
    hash: bytes = bytes_column(nullable=False)


class AuditHeadRow(SQLModel, table=True):
    """Where a tenant's chain ends; its lock puts writers in line."""

    __tablename__ = "audit_head"
    __table_args__ = (CheckConstraint("octet_length(hash) = 32", name="audit_head_hash_length"),)

    tenant_id: UUID = Field(primary_key=True, foreign_key=f"{Tenant.__tablename__}.id")
    seq: int = Field(sa_type=BigInteger)
    hash: bytes = bytes_column(nullable=False)
