"""The audit trail and the heads of its chains.

Locks: none but on the new tables. Duration: under a second.
"""

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
