"""A machine's own role in the database: made and dropped by the server's superuser, who is a person on this machine.

No process of ours may make roles: the appliance's owner is no superuser, and a right to make roles is almost one.
"""

import subprocess

from appliance.database.errors import DatabaseUnavailable
from appliance.database.roles import DATABASE_NAME, DatabaseRole

CONNECTIONS = 60
"""A worker's processes keep some connections each; the box itself must never be shut out by a machine gone wild."""

_CREATE = """
SELECT format(
    'CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT'
    ' CONNECTION LIMIT {connections} IN ROLE {worker}', :'role')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \\gexec
"""
_DROP = """
SELECT format('ALTER ROLE %I NOLOGIN', rolname) FROM pg_roles WHERE rolname = :'role' \\gexec
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = :'role';
SELECT format('DROP ROLE %I', rolname) FROM pg_roles WHERE rolname = :'role' \\gexec
"""


def create_role(role: str) -> None:
    """Let a machine sign in with its certificate, with a worker's rights and no more; nothing where it may already.

    Raises:
        DatabaseUnavailable: the server does not answer, or we are not root on its machine.
    """
    _psql(_CREATE.format(connections=CONNECTIONS, worker=DatabaseRole.WORKER), role)


def drop_role(role: str) -> None:
    """Shut a machine out: its connections end now, and no certificate opens this door again.

    Raises:
        DatabaseUnavailable: as above.
    """
    _psql(_DROP, role)


def _psql(script: str, role: str) -> None:
    command = [
        "runuser", "-u", "postgres", "--",
        "psql", "--no-psqlrc", "--quiet", "--output=/dev/null", "--set=ON_ERROR_STOP=1", f"--set=role={role}",
        f"--dbname={DATABASE_NAME}",
    ]  # fmt: skip
    try:
        subprocess.run(command, input=script, text=True, capture_output=True, check=True, timeout=60, cwd="/")
    except (OSError, subprocess.SubprocessError) as error:
        raise DatabaseUnavailable from error
