"""Wrapped keys of tenants and meetings.

Locks: none but on the new tables. Duration: under a second.
"""

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
