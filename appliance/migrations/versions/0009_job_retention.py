"""Finished jobs can be forgotten: an index by which they are found, and the right of workers to remove them.

Locks: writes to ``job`` wait while the index is built. Duration: under a second for a hundred thousand jobs.
"""

from alembic import op

from appliance.migrations.rls import WORKER, grant

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index and give the right; steps and checkpoints go with their job."""
    op.execute("CREATE INDEX job_finished ON job (tenant_id, finished_at) WHERE finished_at IS NOT NULL")
    grant("job", worker="DELETE")


def downgrade() -> None:
    """Take both back; jobs that were forgotten stay so."""
    op.execute(f"REVOKE DELETE ON job FROM {WORKER}")
    op.execute("DROP INDEX job_finished")
