"""Acts on the whole machine, put into the trail of its first organisation."""

from collections.abc import Mapping
from uuid import UUID

from appliance.adapters.postgres import open_server
from appliance.audit.model import AuditName, DetailValue, Outcome
from appliance.audit.service import AuditTrail
from appliance.database.roles import DatabaseRole
from appliance.entry.provision import open_database, operator
from appliance.kernel.clock import SystemClock
from appliance.settings import Settings
from appliance.tenants import queries as tenants


def record_act(
    settings: Settings,
    name: AuditName,
    *,
    subject_type: str,
    subject_id: UUID | None = None,
    detail: Mapping[str, DetailValue],
    outcome: Outcome = Outcome.OK,
) -> bool:
    """Put an act into the trail; false on a machine that has no organisation yet.

    Raises:
        DatabaseUnavailable, NotInitialised: there is no trail to put it into now.
    """
    with open_database(open_server(settings), DatabaseRole.WORKER) as database:
        with database.reading(None) as tx:
            found = tenants.list_tenants(tx)
        if not found:
            return False
        with database.transaction(found[0].id) as tx:
            AuditTrail(SystemClock()).record(
                tx,
                name,
                actor=operator(found[0].id),
                subject_type=subject_type,
                subject_id=subject_id,
                outcome=outcome,
                detail=detail,
            )
    return True
