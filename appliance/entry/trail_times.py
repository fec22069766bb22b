"""When something was written into an audit trail last: time that has passed for certain."""

from datetime import datetime

from appliance.adapters.postgres import open_server
from appliance.audit import queries as trails
from appliance.database.roles import DatabaseRole
from appliance.entry.provision import open_database
from appliance.settings import Settings
from appliance.tenants import queries as tenants


def newest_event(settings: Settings) -> datetime | None:
    """The newest event of all trails.

    Raises:
        DatabaseUnavailable: the database does not answer.
    """
    newest = []
    with open_database(open_server(settings), DatabaseRole.WORKER) as opened:
        with opened.reading(None) as tx:
            organisations = tenants.list_tenants(tx)
        for tenant in organisations:
            with opened.reading(tenant.id) as tx:
                newest += [event.at for event in trails.latest(tx, tenant.id, limit=1)]
    return max(newest, default=None)
