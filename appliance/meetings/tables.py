"""Rows of meetings, recordings, uploads, and what is kept sealed beside them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Column, ForeignKey, Index, SmallInteger, desc
from sqlmodel import Field, SQLModel

from appliance.database.types import bytes_column, utc_column


def _of_meeting(*, primary: bool = True) -> Column[UUID]:
    """A meeting's id that goes away with its meeting."""
    return Column(ForeignKey("meeting.id", ondelete="CASCADE"), primary_key=primary, nullable=False)


class MeetingTable(SQLModel, table=True):
    """A meeting. Its title is content, and sealed with the meeting's DEK."""

    __tablename__ = "meeting"
    __table_args__ = (
        Index("meeting_by_time", "tenant_id", desc("created_at"), desc("id")),
        Index("meeting_by_owner", "tenant_id", "owner_id", desc("created_at"), desc("id")),
    )

    id: UUID = Field(primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id")
    owner_id: UUID | None = None
    title_sealed: bytes = bytes_column()
    language: str | None = None
    speakers: int | None = Field(default=None, sa_type=SmallInteger)
    job_id: UUID | None = None
    created_at: datetime = utc_column()


class RecordingTable(SQLModel, table=True):
    """The recording of a meeting: where its ciphertext lies, and what the validation found out."""

    __tablename__ = "recording"

    meeting_id: UUID = Field(sa_column=_of_meeting())
    tenant_id: UUID = Field(foreign_key="tenant.id")
    blob: str = Field(unique=True)
    filename_sealed: bytes = bytes_column()
    size_bytes: int = Field(sa_type=BigInteger)
    duration_s: float | None = None
    container: str | None = None
    codec: str | None = None
    channels: int | None = None
    sample_rate: int | None = None
    has_video: bool | None = None
    validated_at: datetime | None = utc_column(nullable=True, default=None)


class UploadTable(SQLModel, table=True):
    """A recording on its way in. It becomes the meeting whose id and key it carries from the beginning."""

    __tablename__ = "upload"
    __table_args__ = (Index("upload_by_expiry", "expires_at"),)

    id: UUID = Field(primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id")
    owner_id: UUID | None = None
    meeting_id: UUID = Field(unique=True)
    blob: str = Field(unique=True)
    filename_sealed: bytes = bytes_column()
    title_sealed: bytes = bytes_column()
    vocabulary_sealed: bytes | None = bytes_column(default=None)
    language: str | None = None
    speakers: int | None = Field(default=None, sa_type=SmallInteger)
    size_bytes: int = Field(sa_type=BigInteger)
    offset_bytes: int = Field(default=0, sa_type=BigInteger)
    created_at: datetime = utc_column()
    expires_at: datetime = utc_column()
    job_id: UUID | None = None


class SealedDocumentTable(SQLModel, table=True):
    """A document of a meeting, sealed with the meeting's DEK: transcript, minutes, peaks."""

    __tablename__ = "sealed_document"

    meeting_id: UUID = Field(sa_column=_of_meeting())
    name: str = Field(primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id")
    revision: int
    sealed: bytes = bytes_column()
    written_at: datetime = utc_column()


class BlobRemovalTable(SQLModel, table=True):
    """A file that a committed deletion left to be removed; the sweeper removes what a crash left over."""

    __tablename__ = "blob_removal"

    blob: str = Field(primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id")
    queued_at: datetime = utc_column()
