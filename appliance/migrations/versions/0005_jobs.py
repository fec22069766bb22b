"""Jobs, their steps, and the doorbell's queue.

Locks: none but on the new tables. Duration: under a second.
"""

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
