"""This machine's licence."""

from pathlib import Path

from sqlalchemy import text

from appliance.adapters.postgres import open_server
from appliance.audit.model import AuditName
from appliance.database.roles import DatabaseRole
from appliance.entry.machine_trail import record_act
from appliance.entry.provision import open_database
from appliance.health.checks.licence import LicenceState
from appliance.kernel.clock import SystemClock
from appliance.licence.model import Licence
from appliance.licence.service import LICENCE_FILE, LicenceService
from appliance.releases.trust import TRUST_PATH
from appliance.settings import Settings

_PEOPLE = text("SELECT count(*) FROM user_account WHERE disabled_at IS NULL")


def open_licence(settings: Settings) -> LicenceService:
    """The service over this machine's file."""
    mark = settings.data_dir / "state" / "licence-seen.json"
    return LicenceService(LICENCE_FILE, trust_folder=TRUST_PATH, mark_file=mark, clock=SystemClock())


def install(settings: Settings, source: Path) -> Licence:
    """Put a licence into force, and into the trail.

    Raises:
        LicenceUnreadable, LicenceForged, LicenceOlder: it is refused.
    """
    licence = open_licence(settings).install(source)
    detail = {"licence": licence.id, "customer": licence.customer, "until": licence.valid_until}
    record_act(settings, AuditName.LICENCE_INSTALLED, subject_type="licence", detail=detail)
    return licence


def licence_state(settings: Settings) -> LicenceState:
    """What the health check wants to know.

    Raises:
        LicenceUnreadable, LicenceForged: what lies there is no licence.
    """
    found = open_licence(settings).standing()
    with open_database(open_server(settings), DatabaseRole.OWNER) as database, database.reading(None) as tx:
        people: int = tx.execute(_PEOPLE).scalar_one()
    granted = found.licence
    return LicenceState(
        found.state.value,
        found.days_left,
        granted.customer if granted else "",
        people,
        granted.people if granted else None,
    )
