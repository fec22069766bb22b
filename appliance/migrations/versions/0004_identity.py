"""Users, sessions, known devices, one-time codes, and the buckets that limit attempts.

Locks: none but on the new tables. Duration: under a second.

Four questions are asked before the tenant is known. Each is a SECURITY DEFINER function of the owner role that answers
this one question and nothing else.
"""

import sqlalchemy as sa
from alembic import op

from appliance.migrations.rls import WORKER, grant, grant_execute, protect

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_SEEN_BY_WORKERS = "id, tenant_id, email, name, role, locale, disabled_at"
_TIME = sa.DateTime(timezone=True)

_CREDENTIALS = """
CREATE FUNCTION identity_credentials(p_email_key text)
RETURNS TABLE (user_id uuid, tenant_id uuid, password_hash text, disabled boolean)
LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT u.id, u.tenant_id, u.password_hash, u.disabled_at IS NOT NULL
    FROM public.user_account u WHERE u.email_key = p_email_key
$$
"""

_RESUME = """
CREATE FUNCTION identity_resume(
    p_token_hash bytea, p_at timestamptz, p_idle_s double precision, p_touch_s double precision
)
RETURNS TABLE (
    session_id uuid, created_at timestamptz, last_seen_at timestamptz, expires_at timestamptz, origin text,
    user_agent text, user_id uuid, tenant_id uuid, email text, name text, role text, locale text, theme text,
    has_password boolean, user_created_at timestamptz
)
LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    s public.user_session;
BEGIN
    SELECT * INTO s FROM public.user_session x
    WHERE x.token_hash = p_token_hash AND x.expires_at > p_at
      AND x.last_seen_at > p_at - make_interval(secs => p_idle_s);
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF s.last_seen_at < p_at - make_interval(secs => p_touch_s) THEN
        UPDATE public.user_session x SET last_seen_at = p_at WHERE x.id = s.id;
    END IF;
    RETURN QUERY
        SELECT s.id, s.created_at, greatest(s.last_seen_at, p_at), s.expires_at, s.origin, s.user_agent, u.id,
               u.tenant_id, u.email, u.name, u.role, u.locale, u.theme, u.password_hash IS NOT NULL, u.created_at
        FROM public.user_account u WHERE u.id = s.user_id AND u.disabled_at IS NULL;
END
$$
"""

_CODE = """
CREATE FUNCTION identity_code(p_code_hash bytea, p_at timestamptz)
RETURNS TABLE (code_id uuid, tenant_id uuid, user_id uuid, purpose text)
LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT c.id, c.tenant_id, c.user_id, c.purpose
    FROM public.one_time_code c WHERE c.code_hash = p_code_hash AND c.expires_at > p_at
$$
"""

_SWEEP = """
CREATE FUNCTION identity_sweep(p_at timestamptz, p_idle_s double precision)
RETURNS bigint
LANGUAGE sql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
    WITH sessions AS (
        DELETE FROM public.user_session
        WHERE expires_at <= p_at OR last_seen_at <= p_at - make_interval(secs => p_idle_s) RETURNING 1
    ), devices AS (
        DELETE FROM public.known_device WHERE expires_at <= p_at RETURNING 1
    ), codes AS (
        DELETE FROM public.one_time_code WHERE expires_at <= p_at RETURNING 1
    ), buckets AS (
        DELETE FROM public.rate_bucket WHERE updated_at <= p_at - interval '1 day' RETURNING 1
    )
    SELECT (SELECT count(*) FROM sessions) + (SELECT count(*) FROM devices)
         + (SELECT count(*) FROM codes) + (SELECT count(*) FROM buckets)
$$
"""

_FUNCTIONS = {
    "identity_credentials(text)": _CREDENTIALS,
    "identity_resume(bytea, timestamptz, double precision, double precision)": _RESUME,
    "identity_code(bytea, timestamptz)": _CODE,
    "identity_sweep(timestamptz, double precision)": _SWEEP,
}


def upgrade() -> None:
    """Five tables, then the functions that look into them across tenants."""
    _create_users()
    _create_sessions()
    _create_codes()
    op.create_table(
        "rate_bucket",
        sa.Column("key", sa.LargeBinary(), primary_key=True),
        sa.Column("tokens", sa.Float(), nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
    )
    op.create_index("ix_rate_bucket_updated_at", "rate_bucket", ["updated_at"])
    for table in ("user_account", "user_session", "known_device", "one_time_code"):
        protect(table)
        grant(table, web="SELECT, INSERT, UPDATE, DELETE")
    grant("rate_bucket", web="SELECT, INSERT, UPDATE, DELETE")
    # Workers address people by name and language; hashes of passwords are none of their business.
    op.execute(f"GRANT SELECT ({_SEEN_BY_WORKERS}) ON user_account TO {WORKER}")
    for signature, body in _FUNCTIONS.items():
        op.execute(body)
        grant_execute(signature, web=True, worker=signature.startswith("identity_sweep"))


def _create_users() -> None:
    op.create_table(
        "user_account",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("tenant_id", sa.Uuid(), sa.ForeignKey("tenant.id"), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False, unique=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text()),
        sa.Column("locale", sa.Text()),
        sa.Column("theme", sa.Text(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("password_changed_at", _TIME),
        sa.Column("disabled_at", _TIME),
        sa.CheckConstraint("role IN ('administrator', 'member', 'auditor')", name="user_account_role"),
        sa.CheckConstraint("theme IN ('auto', 'light', 'dark')", name="user_account_theme"),
        sa.CheckConstraint("password_hash LIKE '$argon2id$%'", name="user_account_password_hash"),
    )
    op.create_index("ix_user_account_tenant_id", "user_account", ["tenant_id"])


def _create_sessions() -> None:
    op.create_table(
        "user_session",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("tenant_id", sa.Uuid(), sa.ForeignKey("tenant.id"), nullable=False),
        sa.Column("user_id", sa.Uuid(), sa.ForeignKey("user_account.id", ondelete="CASCADE"), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False, unique=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("last_seen_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.CheckConstraint("length(token_hash) = 32", name="user_session_token_hash"),
    )
    op.create_index("ix_user_session_user_id", "user_session", ["user_id"])
    op.create_index("ix_user_session_expires_at", "user_session", ["expires_at"])
    op.create_table(
        "known_device",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("tenant_id", sa.Uuid(), sa.ForeignKey("tenant.id"), nullable=False),
        sa.Column("user_id", sa.Uuid(), sa.ForeignKey("user_account.id", ondelete="CASCADE"), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False, unique=True),
        sa.Column("expires_at", _TIME, nullable=False),
    )
    op.create_index("ix_known_device_user_id", "known_device", ["user_id"])
    op.create_index("ix_known_device_expires_at", "known_device", ["expires_at"])


def _create_codes() -> None:
    op.create_table(
        "one_time_code",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("tenant_id", sa.Uuid(), sa.ForeignKey("tenant.id"), nullable=False),
        sa.Column("user_id", sa.Uuid(), sa.ForeignKey("user_account.id", ondelete="CASCADE")),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False, unique=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.CheckConstraint(
            "purpose IN ('first_administrator', 'set_password')"
            " AND (purpose = 'first_administrator') = (user_id IS NULL)",
            name="one_time_code_purpose",
        ),
    )
    op.create_index("ix_one_time_code_tenant_id", "one_time_code", ["tenant_id"])
    op.create_index("ix_one_time_code_user_id", "one_time_code", ["user_id"])
    op.create_index("ix_one_time_code_expires_at", "one_time_code", ["expires_at"])


def downgrade() -> None:
    """All accounts, sessions and codes are lost."""
    for signature in _FUNCTIONS:
        op.execute(f"DROP FUNCTION {signature}")
    for table in ("rate_bucket", "one_time_code", "known_device", "user_session", "user_account"):
        op.drop_table(table)
