"""Row-level security and rights, said the same way by every migration.

The three roles: ``hangjegyzet_owner`` owns the tables and runs migrations, ``hangjegyzet_web`` serves people,
``hangjegyzet_worker`` works on jobs. None of them has BYPASSRLS; the owner sees all rows through a policy of its own,
because FORCE binds owners too.
"""

from alembic import op

OWNER = "hangjegyzet_owner"
WEB = "hangjegyzet_web"
WORKER = "hangjegyzet_worker"

CURRENT_TENANT = "nullif(current_setting('app.tenant', true), '')::uuid"
"""The tenant of the transaction; null, and so no row, outside of one."""


def protect(table: str, *, tenant_column: str = "tenant_id", worker_sees_all: bool = False) -> None:
    """Force row-level security: web and workers see the rows of their transaction's tenant alone.

    Args:
        tenant_column: the column that names the tenant; ``id`` for the table of tenants itself.
        worker_sees_all: workers look for work over all tenants in this table.
    """
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY {table}_owner ON {table} TO {OWNER} USING (true) WITH CHECK (true)")
    op.execute(
        f"CREATE POLICY {table}_tenant ON {table} TO {WEB}, {WORKER}"
        f" USING ({tenant_column} = {CURRENT_TENANT}) WITH CHECK ({tenant_column} = {CURRENT_TENANT})"
    )
    if worker_sees_all:
        op.execute(f"CREATE POLICY {table}_worker ON {table} TO {WORKER} USING (true) WITH CHECK (true)")


def grant(table: str, *, web: str = "", worker: str = "") -> None:
    """Give rights on a table, such as ``grant("job", web="SELECT, INSERT", worker="SELECT, UPDATE")``."""
    for role, rights in ((WEB, web), (WORKER, worker)):
        if rights:
            op.execute(f"GRANT {rights} ON {table} TO {role}")


def grant_execute(function: str, *, web: bool = False, worker: bool = False) -> None:
    """Let roles call a function, named with its argument types; nobody else may."""
    op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
    for role, wanted in ((WEB, web), (WORKER, worker)):
        if wanted:
            op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {role}")
