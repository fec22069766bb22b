"""Machines that work for this one.

Locks: none but on the new table. Duration: under a second.
"""

from alembic import op

from appliance.migrations.rls import grant

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; workers get no right to it, since what a machine may do is not for that machine to say."""
    op.execute(
        """
        CREATE TABLE node (
            id uuid PRIMARY KEY,
            name text NOT NULL,
            address text NOT NULL,
            state text NOT NULL CONSTRAINT node_state_known
                CHECK (state IN ('invited', 'joined', 'draining', 'removed')),
            token_hash bytea,
            token_until timestamptz,
            host text NOT NULL,
            serial text,
            previous_serial text,
            certificate_until timestamptz,
            invited_at timestamptz NOT NULL,
            joined_at timestamptz,
            seen_at timestamptz,
            removed_at timestamptz,
            CONSTRAINT node_token_until_joined CHECK ((token_hash IS NULL) = (token_until IS NULL)),
            CONSTRAINT node_joined_with_certificate CHECK (
                state NOT IN ('joined', 'draining') OR (serial IS NOT NULL AND joined_at IS NOT NULL))
        )
        """
    )
    op.execute("CREATE UNIQUE INDEX node_name_in_use ON node (name) WHERE state <> 'removed'")
    op.execute("CREATE UNIQUE INDEX node_serial ON node (serial) WHERE serial IS NOT NULL")
    grant("node", web="SELECT, INSERT, UPDATE")


def downgrade() -> None:
    """Drop it: every machine has to join again."""
    op.execute("DROP TABLE node")
