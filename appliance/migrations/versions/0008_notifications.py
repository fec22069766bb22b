"""The outbox.

Locks: none but on the new tables. Duration: under a second.
"""

import sqlalchemy as sa
from alembic import op

from appliance.migrations.rls import grant, protect

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the outbox."""
    op.create_table(
        "outbox",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("tenant_id", sa.Uuid(), sa.ForeignKey("tenant.id"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("recipient_id", sa.Uuid()),
        sa.Column("meeting_id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True)),
        sa.UniqueConstraint("kind", "job_id", name="outbox_once_per_job"),
    )
    op.create_index("outbox_undelivered", "outbox", ["created_at"], postgresql_where=sa.text("delivered_at IS NULL"))
    protect("outbox", worker_sees_all=True)
    grant("outbox", web="SELECT, DELETE", worker="SELECT, INSERT, UPDATE, DELETE")


def downgrade() -> None:
    """Drop it, with messages that were not sent."""
    op.drop_table("outbox")
