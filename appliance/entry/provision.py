"""What an operator does to the database: set it up, move its schema, look at it, check and export the trail."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from appliance.adapters.postgres import EmbeddedServer, open_server
from appliance.adapters.postgres.provisioning import provision
from appliance.adapters.root_key import FileKeyProvider, create_root_key
from appliance.adapters.signing_key import provide_signing_key
from appliance.audit import service as trail
from appliance.audit.model import AuditName, Outcome, VerificationReport
from appliance.audit.service import AuditTrail
from appliance.database.engine import Database
from appliance.database.errors import DatabaseUnavailable, NotInitialised, ServerNotPrepared
from appliance.database.ports import DatabaseServer, ServerStatus
from appliance.database.roles import DatabaseRole
from appliance.entry.operators import operator_name
from appliance.identity.permissions import EVERY_PERMISSION
from appliance.kernel.actor import Actor, ActorKind
from appliance.kernel.clock import SystemClock
from appliance.kernel.ids import TenantId
from appliance.keyring.errors import RootKeyMissing
from appliance.keyring.service import KeyRing
from appliance.migrations import runner
from appliance.migrations.readiness import require_ready
from appliance.models.location import models_folder
from appliance.models.trail import PackTrail
from appliance.settings import Settings
from appliance.tenants import queries as tenants
from appliance.tenants.model import TenantView
from appliance.tenants.service import TenantService

SETUP_LOCK_KEY = 0x48_4A_53_55
"""Advisory lock ("HJSU") of whoever sets up this machine."""


@dataclass(frozen=True, slots=True)
class Initialised:
    """What ``initialise`` found or made."""

    organisation: TenantView
    revision: str
    created_database: bool
    created_root_key: bool
    created_signing_key: bool
    created_organisation: bool


@dataclass(frozen=True, slots=True)
class DatabaseReport:
    """Where the database stands; revisions are empty while it does not run."""

    server: ServerStatus
    revision: str
    needed: str

    @property
    def ready(self) -> bool:
        """Whether this release can work with it."""
        return self.server.running and self.revision == self.needed


def initialise(settings: Settings, *, organisation: str) -> Initialised:
    """Make everything that the appliance needs before its first start; what is there already stays as it is.

    Raises:
        RootKeyMissing: the database has keys, but the root key that they are wrapped under is not here. A new one would
            not open them, so none is made.
        SigningKeyMissing: there was one, and its public half is still here.
    """
    server = open_server(settings)
    with server.running():
        created = _provision(server)
        runner.upgrade(server.url(DatabaseRole.OWNER))
        with open_database(server, DatabaseRole.OWNER) as owner, _alone(owner):
            require_ready(owner)
            new_key = _root_key(owner, settings)
            view, new_tenant = _first_tenant(owner, settings, organisation)
        new_signing_key = provide_signing_key(settings.signing_key_path, settings.signing_public_path)
        if new_signing_key:
            _record_for_first(server, AuditName.SIGNING_KEY_CREATED, subject_type="key", detail={})
    return Initialised(view, runner.head(), created, new_key, new_signing_key, new_tenant)


def migrate(settings: Settings, revision: str = "head") -> tuple[str, str]:
    """Move the schema up; returns the revisions before and after.

    Raises:
        NotInitialised: there is no database yet.
    """
    with _running(settings) as server:
        before = runner.current(server.url(DatabaseRole.OWNER))
        runner.upgrade(server.url(DatabaseRole.OWNER), revision)
        after = runner.current(server.url(DatabaseRole.OWNER))
        if before != after:
            _record_for_first(server, AuditName.DATABASE_MIGRATED, detail={"before": before, "after": after})
    return before, after


def describe(settings: Settings) -> DatabaseReport:
    """Look at the server and its schema without starting anything."""
    server = open_server(settings)
    status = server.status()
    if not status.running:
        return DatabaseReport(status, "", runner.head())
    try:
        found = runner.current(server.url(DatabaseRole.WORKER))
    except NotInitialised:
        found = ""
    return DatabaseReport(status, found, runner.head())


def shell_command(settings: Settings, role: DatabaseRole) -> list[str]:
    """The command line of ``psql`` on a running database; that it was opened is put into the trail first.

    Raises:
        DatabaseUnavailable: it does not run.
    """
    server = open_server(settings)
    if not server.status().running:
        raise DatabaseUnavailable
    _record_for_first(server, AuditName.DATABASE_SHELL_OPENED, detail={"role": role.value})
    return server.client_command("psql", role)


def stand(settings: Settings) -> ServerStatus:
    """Start the embedded server and leave it running."""
    server = open_server(settings)
    if isinstance(server, EmbeddedServer):
        server.stand()
    return server.status()


def fall(settings: Settings) -> ServerStatus:
    """Stop the embedded server.

    Raises:
        ServerInUse: parts of the appliance still need it.
    """
    server = open_server(settings)
    if isinstance(server, EmbeddedServer):
        server.fall()
    return server.status()


def verify_trails(settings: Settings) -> list[tuple[TenantView, VerificationReport]]:
    """Check the chains of all organisations; each check is itself put into the chain."""
    found = []
    with _running(settings) as server, open_database(server, DatabaseRole.WORKER) as worker:
        for tenant in _all_tenants(worker):
            with worker.transaction(tenant.id) as tx:
                report = trail.verify(tx, tenant.id)
                AuditTrail(SystemClock()).record(
                    tx,
                    AuditName.TRAIL_VERIFIED,
                    actor=operator(tenant.id),
                    subject_type="trail",
                    subject_id=tenant.id,
                    outcome=Outcome.OK if report.intact else Outcome.FAILED,
                    detail={"events": report.events, "head": report.head.hash.hex()},
                )
            found.append((tenant, report))
    return found


def export_trail(settings: Settings, write: Callable[[str], object]) -> int:
    """Hand the chain of the first organisation to ``write``, line by line; returns how many events it had."""
    with _running(settings) as server, open_database(server, DatabaseRole.WORKER) as worker:
        with worker.reading(None) as tx:
            tenant_id = tenants.first_tenant(tx)
        with worker.transaction(tenant_id) as tx:
            lines = -1  # the first line says what this is
            for line in trail.export(tx, tenant_id):
                write(line + "\n")
                lines += 1
            AuditTrail(SystemClock()).record(
                tx,
                AuditName.TRAIL_EXPORTED,
                actor=operator(tenant_id),
                subject_type="trail",
                subject_id=tenant_id,
                detail={"events": lines},
            )
    return lines


def operator(tenant_id: TenantId) -> Actor:
    """Somebody with a shell on this machine, by the name that they logged in with."""
    permissions = frozenset(EVERY_PERMISSION)
    return Actor(ActorKind.OPERATOR, tenant_id, operator_name(), origin="cli", permissions=permissions)


@contextmanager
def pack_trail(settings: Settings) -> Iterator[PackTrail | None]:
    """Where deeds on model packs are put; nothing on a machine that was never set up."""
    server = open_server(settings)
    if not server.exists():
        yield None
        return
    with server.running(), open_database(server, DatabaseRole.WORKER) as worker:
        found = _all_tenants(worker)
        if not found:
            yield None
            return
        audit = AuditTrail(SystemClock())
        yield PackTrail(worker, audit, folder=models_folder(settings), tenant_id=found[0].id)


def _provision(server: DatabaseServer) -> bool:
    """Roles and database of the embedded server; those of another one are its administrator's to make."""
    if isinstance(server, EmbeddedServer):
        return provision(server.superuser_url())
    try:
        runner.current(server.url(DatabaseRole.OWNER))
    except NotInitialised:
        raise ServerNotPrepared(place=server.status().place) from None
    return False


@contextmanager
def _running(settings: Settings) -> Iterator[DatabaseServer]:
    """The server, started for this block if need be, but never created by it."""
    server = open_server(settings)
    if not server.exists():
        raise NotInitialised
    with server.running():
        yield server


@contextmanager
def open_database(server: DatabaseServer, role: DatabaseRole) -> Iterator[Database]:
    """One connection as ``role`` to a server that runs, for the length of the block."""
    database = Database(server.url(role), pool_size=1)
    try:
        yield database
    finally:
        database.dispose()


@contextmanager
def _alone(owner: Database) -> Iterator[None]:
    """One at a time: two that set up the same machine together must not make two keys or two organisations."""
    with closing(owner.raw_connection()) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [SETUP_LOCK_KEY])
        yield


def _all_tenants(database: Database) -> list[TenantView]:
    with database.reading(None) as tx:
        return tenants.list_tenants(tx)


def _root_key(owner: Database, settings: Settings) -> bool:
    """Make the root key of a machine that has none, but never for keys that were wrapped under another one."""
    path = settings.root_key_path
    if path.exists():
        return False
    if _all_tenants(owner):
        raise RootKeyMissing(path=path)
    create_root_key(path)
    return True


def _first_tenant(owner: Database, settings: Settings, organisation: str) -> tuple[TenantView, bool]:
    """Found the organisation, unless there is one; an open key shows that the root key is the right one."""
    clock = SystemClock()
    keyring = KeyRing(FileKeyProvider(settings.root_key_path), clock)
    if existing := _all_tenants(owner):
        with owner.reading(existing[0].id) as tx:
            keyring.tenant_search_key(tx, existing[0].id)
        return existing[0], False
    with owner.transaction(None) as tx:
        tenant_id = TenantService(clock).found(tx, organisation)
        keyring.create_tenant_key(tx, tenant_id)
        audit = AuditTrail(clock)
        for name in (AuditName.TENANT_FOUNDED, AuditName.TENANT_KEY_CREATED):
            audit.record(tx, name, actor=operator(tenant_id), subject_type="tenant", subject_id=tenant_id)
        return tenants.show_tenant(tx, tenant_id), True


def _record_for_first(
    server: DatabaseServer,
    name: AuditName,
    *,
    detail: dict[str, str | int | float | bool | None],
    subject_type: str = "database",
) -> None:
    """Put an act on the whole machine into the trail of the first organisation, if there is one yet."""
    with open_database(server, DatabaseRole.OWNER) as owner:
        found = _all_tenants(owner)
        if not found:
            return
        with owner.transaction(found[0].id) as tx:
            actor = operator(found[0].id)
            AuditTrail(SystemClock()).record(
                tx, name, actor=actor, subject_type=subject_type, subject_id=None, detail=detail
            )
