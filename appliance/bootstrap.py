"""The composition root: settings in, services out, wired by constructor arguments and by nothing else.

Engines are heavy to import (hundreds of MiB), so their adapters are imported inside the functions that build them: the
web process and the short CLI commands never load them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from appliance.adapters.postgres import open_server
from appliance.adapters.root_key import FileKeyProvider
from appliance.audit.service import AuditTrail
from appliance.database.engine import Database
from appliance.database.ports import DatabaseServer
from appliance.database.roles import DatabaseRole
from appliance.identity.accounts import AccountService
from appliance.identity.service import IdentityService
from appliance.kernel.clock import Clock, SystemClock
from appliance.kernel.ids import TenantId
from appliance.keyring.service import KeyRing
from appliance.models.service import ModelRegistry
from appliance.settings import Settings
from appliance.tenants.queries import first_tenant


@dataclass(frozen=True)
class Services:
    """Everything that a door may ask of the house."""

    settings: Settings
    clock: Clock
    server: DatabaseServer
    database: Database
    audit: AuditTrail
    keyring: KeyRing
    identity: IdentityService
    accounts: AccountService
    models: ModelRegistry
    home_tenant: TenantId
    """The tenant that was set up first; operators on the machine act in it."""


@contextmanager
def open_services(settings: Settings, role: DatabaseRole) -> Iterator[Services]:
    """Everything, wired, while the database runs; closed at the end of the block.

    Raises:
        NotInitialised, DatabaseUnavailable: there is no database, or it does not answer.
        NoTenant: the appliance was never set up.
    """
    clock = SystemClock()
    server = open_server(settings)
    with server.running():
        database = Database(server.url(role), pool_size=settings.database.pool_size)
        try:
            yield wire(settings, clock=clock, server=server, database=database)
        finally:
            database.dispose()


def wire(settings: Settings, *, clock: Clock, server: DatabaseServer, database: Database) -> Services:
    """The services over an open database."""
    with database.reading(None) as tx:
        home_tenant = first_tenant(tx)
    audit = AuditTrail(clock)
    return Services(
        settings=settings,
        clock=clock,
        server=server,
        database=database,
        audit=audit,
        keyring=KeyRing(FileKeyProvider(settings.root_key_path), clock),
        identity=IdentityService(
            database,
            audit,
            clock,
            session_idle_s=settings.web.session_idle_s,
            session_absolute_s=settings.web.session_absolute_s,
        ),
        accounts=AccountService(database, audit, clock),
        models=ModelRegistry(settings.models_path, clock=clock),
        home_tenant=home_tenant,
    )
