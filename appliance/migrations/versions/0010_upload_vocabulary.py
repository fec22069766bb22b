"""An upload may carry names and terms to expect, sealed like its title until it becomes a meeting.

Locks: ``upload`` for an instant; no row is rewritten. Duration: under a second.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; uploads that are under way expect nothing."""
    op.add_column("upload", sa.Column("vocabulary_sealed", sa.LargeBinary()))


def downgrade() -> None:
    """Drop it, with what uploads that are under way should have expected."""
    op.drop_column("upload", "vocabulary_sealed")
