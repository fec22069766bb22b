"""Tenants: whose data it is.

Locks: none but on the new tables. Duration: under a second.
"""

revision = "0001"
down_revision: str | None = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
