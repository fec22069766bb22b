"""Moves the schema up and down, and tells where it stands."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from appliance.database.engine import Database
from appliance.database.errors import SchemaBehind, SchemaUnknown

FOLDER = Path(__file__).parent


def upgrade(owner_url: str, revision: str = "head") -> None:
    """Run the migrations up to ``revision``; waits while another process runs them."""
    command.upgrade(_configuration(owner_url), revision)


def downgrade(owner_url: str, revision: str) -> None:
    """Take migrations back down to ``revision``, or to ``base``."""
    command.downgrade(_configuration(owner_url), revision)


def head() -> str:
    """The revision that this release needs."""
    return ScriptDirectory.from_config(_configuration()).get_current_head() or "base"


def revisions() -> list[str]:
    """All revisions, oldest first."""
    scripts = ScriptDirectory.from_config(_configuration())
    return [script.revision for script in scripts.walk_revisions()][::-1]


def current(url: str) -> str:
    """The revision that the database is at; ``base`` when it was never migrated."""
    database = Database(url, pool_size=1)
    try:
        with database.reading(None) as tx:
            return _current(tx.connection())
    finally:
        database.dispose()


def require_head(database: Database) -> None:
    """Make sure that this process and the database speak of the same tables; asked at the start of every process.

    Raises:
        SchemaBehind: migrations are missing.
        SchemaUnknown: a newer release has written it.
    """
    needed = head()
    with database.reading(None) as tx:
        found = _current(tx.connection())
    if found == needed:
        return
    if found == "base" or found in revisions():
        raise SchemaBehind(found=found, needed=needed)
    raise SchemaUnknown(found=found)


def _current(connection: Connection) -> str:
    return MigrationContext.configure(connection).get_current_revision() or "base"


def _configuration(url: str | None = None) -> Config:
    configuration = Config()
    configuration.set_main_option("script_location", str(FOLDER))
    if url is not None:
        configuration.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return configuration
