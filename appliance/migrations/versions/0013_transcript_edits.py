"""The journal of transcripts: one sealed row an edit.

Locks: none but on the new table. Duration: under a second.
"""

import sqlalchemy as sa
from alembic import op

from appliance.migrations.rls import grant, protect

revision = "0013"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; transcripts that are there become the base of what is edited from now on."""
    op.create_table(
        "transcript_edit",
        sa.Column("meeting_id", sa.Uuid(), sa.ForeignKey("meeting.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("revision", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("tenant_id", sa.Uuid(), sa.ForeignKey("tenant.id"), nullable=False),
        sa.Column("author", sa.Uuid()),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("undoes", sa.Integer()),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
    )
    # Ciphertext does not compress: do not try.
    op.execute("ALTER TABLE transcript_edit ALTER COLUMN sealed SET STORAGE EXTERNAL")
    protect("transcript_edit")
    both = "SELECT, INSERT, DELETE"
    grant("transcript_edit", web=both, worker=both)


def downgrade() -> None:
    """Drop it: edits that were not yet folded into their transcript are lost."""
    op.drop_table("transcript_edit")
