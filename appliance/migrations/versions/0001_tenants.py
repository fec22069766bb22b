"""Tenants: whose data it is.

Locks: none but on the new table. Duration: under a second.
"""

from alembic import op

from appliance.migrations.rls import WEB, WORKER, grant, grant_execute, protect

revision = "0001"
down_revision: str | None = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of tenants, and the way to the first one for whoever has not signed in yet."""
    op.execute(f"GRANT SELECT ON alembic_version TO {WEB}, {WORKER}")
    op.execute(
        """
        CREATE TABLE tenant (
            id uuid PRIMARY KEY,
            name text NOT NULL,
            created_at timestamptz NOT NULL,
            CONSTRAINT tenant_name_not_blank CHECK (btrim(name) <> '')
        )
        """
    )
    op.execute("CREATE UNIQUE INDEX tenant_name_key ON tenant (lower(name))")
    protect("tenant", tenant_column="id", worker_sees_all=True)
    grant("tenant", web="SELECT", worker="SELECT")
    op.execute(
        """
        CREATE FUNCTION first_tenant() RETURNS uuid
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
        AS $$ SELECT id FROM public.tenant ORDER BY created_at, id LIMIT 1 $$
        """
    )
    grant_execute("first_tenant()", web=True, worker=True)


def downgrade() -> None:
    """Take both away."""
    op.execute("DROP FUNCTION first_tenant()")
    op.execute("DROP TABLE tenant")
    op.execute(f"REVOKE SELECT ON alembic_version FROM {WEB}, {WORKER}")  # noqa: S608  # names of our own
