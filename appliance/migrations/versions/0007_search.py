"""Keyed lexemes of transcripts.

Locks: none but on the new tables. Duration: under a second.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

from appliance.migrations.rls import CURRENT_TENANT, grant, grant_execute, protect

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the index and the function that asks it."""
    op.create_table(
        "segment_lexemes",
        sa.Column("meeting_id", sa.Uuid(), sa.ForeignKey("meeting.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("segment_id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("tenant_id", sa.Uuid(), sa.ForeignKey("tenant.id"), nullable=False),
        sa.Column("lexemes", TSVECTOR(), nullable=False),
    )
    op.create_index("segment_lexemes_gin", "segment_lexemes", ["lexemes"], postgresql_using="gin")
    protect("segment_lexemes")
    grant("segment_lexemes", web="SELECT, INSERT, DELETE", worker="SELECT, INSERT, DELETE")
    _create_find_segments()


def downgrade() -> None:
    """Drop both; the index can be made again from the transcripts."""
    op.execute("DROP FUNCTION find_segments(tsquery, uuid, boolean, integer)")
    op.drop_table("segment_lexemes")


def _create_find_segments() -> None:
    """Ask the index as its owner.

    ``@@`` is not leakproof, so under row-level security PostgreSQL checks the policy of every row before it asks the
    GIN index, that is, never asks it. The function states the tenant itself, and who may see what.
    """
    op.execute(
        f"""
        CREATE FUNCTION find_segments(query tsquery, reader uuid, sees_all boolean, most integer)
        RETURNS TABLE (meeting_id uuid, segment_id integer)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
        AS $$
            SELECT s.meeting_id, s.segment_id
            FROM public.segment_lexemes s JOIN public.meeting m ON m.id = s.meeting_id
            WHERE s.lexemes @@ query
              AND s.tenant_id = {CURRENT_TENANT} AND m.tenant_id = s.tenant_id
              AND (sees_all OR m.owner_id = reader)
            ORDER BY m.created_at DESC, m.id DESC, s.segment_id
            LIMIT most
        $$
        """  # noqa: S608  # nothing in it comes from outside of this file
    )
    grant_execute("find_segments(tsquery, uuid, boolean, integer)", web=True)
