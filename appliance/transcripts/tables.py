"""Rows of the journal of edits."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, ForeignKey
from sqlmodel import Field, SQLModel

from appliance.database.types import bytes_column, utc_column


class TranscriptEditTable(SQLModel, table=True):
    """One change of a transcript, sealed with the meeting's DEK; of kind ``base`` where a new transcription began."""

    __tablename__ = "transcript_edit"

    meeting_id: UUID = Field(sa_column=Column(ForeignKey("meeting.id", ondelete="CASCADE"), primary_key=True))
    revision: int = Field(primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id")
    author: UUID | None = None
    at: datetime = utc_column()
    kind: str
    undoes: int | None = None
    sealed: bytes = bytes_column()
