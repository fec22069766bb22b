"""Wrapped keys of tenants and meetings.

Locks: none but on the new tables. Duration: under a second.
"""

from alembic import op

from appliance.migrations.rls import grant, protect

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make both tables; a destroyed key leaves its row behind as the proof, without the key."""
    op.execute(
        """
        CREATE TABLE tenant_key (
            tenant_id uuid NOT NULL REFERENCES tenant (id),
            version integer NOT NULL,
            provider text NOT NULL,
            wrapped bytea NOT NULL,
            created_at timestamptz NOT NULL,
            PRIMARY KEY (tenant_id, version),
            CONSTRAINT tenant_key_version_positive CHECK (version > 0)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE meeting_key (
            meeting_id uuid PRIMARY KEY,
            tenant_id uuid NOT NULL,
            tenant_key_version integer NOT NULL,
            wrapped bytea,
            created_at timestamptz NOT NULL,
            destroyed_at timestamptz,
            FOREIGN KEY (tenant_id, tenant_key_version) REFERENCES tenant_key (tenant_id, version),
            CONSTRAINT meeting_key_destroyed_or_there CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
        )
        """
    )
    op.execute("CREATE INDEX meeting_key_tenant ON meeting_key (tenant_id, tenant_key_version)")
    protect("tenant_key")
    protect("meeting_key")
    grant("tenant_key", web="SELECT, INSERT", worker="SELECT")
    grant("meeting_key", web="SELECT, INSERT, UPDATE", worker="SELECT, INSERT, UPDATE")


def downgrade() -> None:
    """Take both away: everything encrypted under them is lost for good."""
    op.execute("DROP TABLE meeting_key")
    op.execute("DROP TABLE tenant_key")
