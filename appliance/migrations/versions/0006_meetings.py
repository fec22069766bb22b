"""Meetings, recordings, uploads and sealed documents.

Locks: none but on the new tables. Duration: under a second.
"""

from uuid import UUID

import sqlalchemy as sa
from alembic import op

from appliance.migrations.rls import grant, grant_execute, protect

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TABLES = ("blob_removal", "sealed_document", "upload", "recording", "meeting")


def upgrade() -> None:
    """Create the tables, their policies and the one question that spans tenants."""
    _create_meeting()
    _create_recording()
    _create_upload()
    _create_sealed_document()
    _create_blob_removal()
    _create_open_upload_bytes()


def downgrade() -> None:
    """Drop them; recordings become unreadable, so the root role does this only on an empty appliance."""
    op.execute("DROP FUNCTION open_upload_bytes()")
    for table in _TABLES:
        op.drop_table(table)


def _tenant() -> sa.Column[UUID]:
    return sa.Column("tenant_id", sa.Uuid(), sa.ForeignKey("tenant.id"), nullable=False)


def _meeting_key() -> sa.Column[UUID]:
    return sa.Column("meeting_id", sa.Uuid(), sa.ForeignKey("meeting.id", ondelete="CASCADE"), primary_key=True)


def _create_meeting() -> None:
    op.create_table(
        "meeting",
        sa.Column("id", sa.Uuid(), primary_key=True),
        _tenant(),
        sa.Column("owner_id", sa.Uuid()),
        sa.Column("title_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("language", sa.String()),
        sa.Column("speakers", sa.SmallInteger()),
        sa.Column("job_id", sa.Uuid()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("meeting_by_time", "meeting", ["tenant_id", sa.text("created_at DESC"), sa.text("id DESC")])
    op.create_index(
        "meeting_by_owner", "meeting", ["tenant_id", "owner_id", sa.text("created_at DESC"), sa.text("id DESC")]
    )
    protect("meeting")
    grant("meeting", web="SELECT, INSERT, UPDATE, DELETE", worker="SELECT, UPDATE")


def _create_recording() -> None:
    op.create_table(
        "recording",
        _meeting_key(),
        _tenant(),
        sa.Column("blob", sa.String(), nullable=False, unique=True),
        sa.Column("filename_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("duration_s", sa.Float()),
        sa.Column("container", sa.String()),
        sa.Column("codec", sa.String()),
        sa.Column("channels", sa.Integer()),
        sa.Column("sample_rate", sa.Integer()),
        sa.Column("has_video", sa.Boolean()),
        sa.Column("validated_at", sa.DateTime(timezone=True)),
    )
    protect("recording")
    grant("recording", web="SELECT, INSERT, DELETE", worker="SELECT, UPDATE")


def _create_upload() -> None:
    op.create_table(
        "upload",
        sa.Column("id", sa.Uuid(), primary_key=True),
        _tenant(),
        sa.Column("owner_id", sa.Uuid()),
        sa.Column("meeting_id", sa.Uuid(), nullable=False, unique=True),
        sa.Column("blob", sa.String(), nullable=False, unique=True),
        sa.Column("filename_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("title_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("language", sa.String()),
        sa.Column("speakers", sa.SmallInteger()),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("offset_bytes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("job_id", sa.Uuid()),
        sa.CheckConstraint("offset_bytes BETWEEN 0 AND size_bytes", name="upload_offset_within_size"),
    )
    op.create_index("upload_by_expiry", "upload", ["expires_at"])
    protect("upload", worker_sees_all=True)
    grant("upload", web="SELECT, INSERT, UPDATE, DELETE", worker="SELECT, UPDATE, DELETE")


def _create_sealed_document() -> None:
    op.create_table(
        "sealed_document",
        _meeting_key(),
        sa.Column("name", sa.String(), primary_key=True),
        _tenant(),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
    )
    # Ciphertext does not compress: do not try.
    op.execute("ALTER TABLE sealed_document ALTER COLUMN sealed SET STORAGE EXTERNAL")
    protect("sealed_document")
    both = "SELECT, INSERT, UPDATE, DELETE"
    grant("sealed_document", web=both, worker=both)


def _create_blob_removal() -> None:
    op.create_table(
        "blob_removal",
        sa.Column("blob", sa.String(), primary_key=True),
        _tenant(),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
    )
    protect("blob_removal", worker_sees_all=True)
    grant("blob_removal", web="SELECT, INSERT, DELETE", worker="SELECT, INSERT, DELETE")


def _create_open_upload_bytes() -> None:
    """How much room open uploads of all tenants still need: a number, and nothing about whose they are."""
    op.execute(
        "CREATE FUNCTION open_upload_bytes() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER"
        " SET search_path = pg_catalog, public AS"
        " 'SELECT coalesce(sum(size_bytes - offset_bytes), 0)::bigint FROM public.upload WHERE job_id IS NULL'"
    )
    grant_execute("open_upload_bytes()", web=True)
