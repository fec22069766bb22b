"""Meetings, recordings, uploads and sealed documents.

Locks: none but on the new tables. Duration: under a second.
"""

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
