"""Rows of the search index."""

from uuid import UUID

from sqlalchemy import Column, ForeignKey, Index
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlmodel import Field, SQLModel


class SegmentLexemesTable(SQLModel, table=True):
    """The keyed lexemes of one segment: a set without order, unreadable without the tenant's key."""

    __tablename__ = "segment_lexemes"
    __table_args__ = (Index("segment_lexemes_gin", "lexemes", postgresql_using="gin"),)

    meeting_id: UUID = Field(sa_column=Column(ForeignKey("meeting.id", ondelete="CASCADE"), primary_key=True))
    segment_id: int = Field(primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id")
    lexemes: str = Field(sa_type=TSVECTOR)
