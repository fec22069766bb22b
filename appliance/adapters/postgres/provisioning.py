"""Makes what migrations can't: the roles, the database and who may enter it. Needs a superuser; safe to repeat."""

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from appliance.database.roles import DATABASE_NAME, DatabaseRole

LOCK_KEY = 0x48_4A_50_52
"""Advisory lock ("HJPR") of whoever makes roles and databases; it ends with the connection."""

_ROLE_STATEMENTS = """
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
    CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT;
  END IF;
END
$$;
"""


def roles_sql() -> str:
    """What the administrator of a server of their own runs once, as superuser, connected to any database."""
    return "".join(_ROLE_STATEMENTS.format(role=role.value) for role in DatabaseRole)


def database_sql(database: str = DATABASE_NAME) -> str:
    """The database itself; ``CREATE DATABASE`` can't run inside a transaction."""
    return (
        f"CREATE DATABASE {database} OWNER {DatabaseRole.OWNER} ENCODING 'UTF8' LOCALE 'C.UTF-8' TEMPLATE template0;\n"
    )


def rights_sql(database: str = DATABASE_NAME) -> str:
    """Who may enter the database and who may create in it; run while connected to it."""
    readers = f"{DatabaseRole.WEB}, {DatabaseRole.WORKER}"
    return (
        f"REVOKE ALL ON DATABASE {database} FROM PUBLIC;\n"
        f"GRANT CONNECT ON DATABASE {database} TO {readers};\n"
        f"ALTER SCHEMA public OWNER TO {DatabaseRole.OWNER};\n"
        "REVOKE ALL ON SCHEMA public FROM PUBLIC;\n"
        f"GRANT USAGE ON SCHEMA public TO {readers};\n"
        # Measures how much of a table is empty; its owner may, and reads no row by it.
        "CREATE EXTENSION IF NOT EXISTS pgstattuple WITH SCHEMA public;\n"
        "GRANT EXECUTE ON FUNCTION public.pgstattuple_approx(regclass), public.pgstatindex(regclass)"
        f" TO {DatabaseRole.OWNER};\n"
    )


def provision(superuser_url: str, database: str = DATABASE_NAME) -> bool:
    """Make roles, database and rights where they are missing; true when the database is new.

    One at a time: the lock is held to the end, on the connection to the database that is always there.
    """
    with _connect(superuser_url) as server:
        server.execute("SELECT pg_advisory_lock(%s)", [LOCK_KEY])
        server.execute(sql.SQL(roles_sql()))
        exists = server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone()
        if not exists:
            server.execute(sql.SQL(database_sql(database)))
        address = make_url(superuser_url).set(database=database).render_as_string(hide_password=False)
        with _connect(address) as connection:
            connection.execute(sql.SQL(rights_sql(database)))
    return not exists


def _connect(url: str) -> psycopg.Connection[tuple[object, ...]]:
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(address, autocommit=True)
