"""What every process asks before it starts to work."""

from appliance.database.engine import Database
from appliance.database.hungarian import require_hungarian
from appliance.migrations.runner import require_head


def require_ready(database: Database) -> None:
    """Make sure that the database answers, knows Hungarian letters, and has the tables of this release.

    Raises:
        DatabaseUnavailable, WrongLocale, SchemaBehind, SchemaUnknown: what is in the way, with its remedy.
    """
    with database.raw_connection() as connection:
        require_hungarian(connection)
    require_head(database)
