"""The audit trail and the heads of its chains.

Locks: none but on the new tables. Duration: under a second.
"""

from alembic import op

from appliance.migrations.rls import grant, protect

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the chain: who appends can't change, and what changes it by accident is stopped even for the owner."""
    op.execute(
        """
        CREATE TABLE audit_event (
            tenant_id uuid NOT NULL REFERENCES tenant (id),
            seq bigint NOT NULL,
            id uuid NOT NULL UNIQUE,
            at timestamptz NOT NULL,
            name text NOT NULL,
            outcome text NOT NULL,
            actor_kind text NOT NULL,
            actor_name text NOT NULL,
            actor_user_id uuid,
            actor_session_id uuid,
            origin text NOT NULL,
            subject_type text NOT NULL,
            subject_id uuid,
            detail text NOT NULL,
            prev_hash bytea NOT NULL,
            hash bytea NOT NULL,
            PRIMARY KEY (tenant_id, seq),
            CONSTRAINT audit_event_seq_positive CHECK (seq > 0),
            CONSTRAINT audit_event_hash_lengths CHECK (octet_length(prev_hash) = 32 AND octet_length(hash) = 32)
        )
        """
    )
    op.execute("CREATE INDEX audit_event_subject ON audit_event (tenant_id, subject_type, subject_id)")
    op.execute(
        """
        CREATE TABLE audit_head (
            tenant_id uuid PRIMARY KEY REFERENCES tenant (id),
            seq bigint NOT NULL,
            hash bytea NOT NULL,
            CONSTRAINT audit_head_hash_length CHECK (octet_length(hash) = 32)
        )
        """
    )
    op.execute(
        """
        CREATE FUNCTION audit_event_is_final() RETURNS trigger
        LANGUAGE plpgsql SET search_path = pg_catalog
        AS $$ BEGIN RAISE EXCEPTION 'audit events are never changed or removed' USING ERRCODE = 'HJ001'; END $$
        """
    )
    op.execute(
        "CREATE TRIGGER audit_event_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_event"
        " FOR EACH STATEMENT EXECUTE FUNCTION audit_event_is_final()"
    )
    protect("audit_event")
    protect("audit_head")
    grant("audit_event", web="SELECT, INSERT", worker="SELECT, INSERT")
    grant("audit_head", web="SELECT, INSERT, UPDATE", worker="SELECT, INSERT, UPDATE")


def downgrade() -> None:
    """Take the trail away, with all that is in it."""
    op.execute("DROP TABLE audit_head")
    op.execute("DROP TABLE audit_event")
    op.execute("DROP FUNCTION audit_event_is_final()")
