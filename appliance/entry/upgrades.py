"""Upgrades of this machine, wired: the room over releases, packages, units, backups and the trail that are here."""

import os
import secrets
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import msgspec
import structlog

from appliance.adapters.debian_cluster import DebianCluster
from appliance.adapters.postgres import open_server
from appliance.adapters.postgres.account import account_for
from appliance.adapters.scratch_servers import LocalScratchServers
from appliance.adapters.upgrades.bundles import IncomingBundles, IncomingUpdates
from appliance.adapters.upgrades.commands import ReleaseCommands
from appliance.adapters.upgrades.doors import SystemdDoors
from appliance.adapters.upgrades.packages import Dpkg
from appliance.adapters.upgrades.processes import LinuxProcesses
from appliance.adapters.upgrades.rehearsals import RestoredCopies
from appliance.adapters.upgrades.shelf import HOME, FolderShelf
from appliance.adapters.upgrades.system_packages import DpkgSystem
from appliance.approvals.model import Verb
from appliance.audit.model import AuditName, Outcome
from appliance.backups.ports import PointInTimeDatabase
from appliance.bootstrap import open_services
from appliance.database.roles import DatabaseRole
from appliance.entry.approvals import require
from appliance.entry.backups import open_engine
from appliance.entry.health import open_health
from appliance.entry.machine import installed_release, open_configuration
from appliance.entry.machine_trail import record_act
from appliance.entry.operators import operator_name
from appliance.entry.provision import describe, operator
from appliance.entry.update_fitness import MachineUpdateFitness, lacking
from appliance.entry.upgrade_notes import STATE_DIR
from appliance.entry.upgrade_notes import open_journal as open_journal
from appliance.health.model import Severity
from appliance.identity.errors import UserNotFound
from appliance.identity.permissions import Role
from appliance.kernel.clock import Clock, SystemClock
from appliance.kernel.errors import HangJegyzetError
from appliance.kernel.units import format_bytes
from appliance.migrations import runner
from appliance.releases.model import Version, instant
from appliance.releases.policy import (
    UPDATES_MARK_PATH,
    HighWaterMark,
    Installed,
    require_step,
    require_updates_for,
    require_updates_new_enough,
)
from appliance.releases.trust import TRUST_PATH
from appliance.settings import Settings
from appliance.upgrades.journal import boot_id
from appliance.upgrades.model import Kind, Record, SystemUpdates
from appliance.upgrades.ports import Offer, UpdatesOffer
from appliance.upgrades.returning import require_way_back
from appliance.upgrades.service import Speaker, UpgradeService
from appliance.upgrades.steps import downgrade_plan, require_acceptable, upgrade_plan
from appliance.upgrades.updating import UpdateParts, foreseen, updates_plan

log = structlog.get_logger()

INCOMING = HOME / "releases" / ".upgrade"
SCRATCH = Path("/var/lib/hangjegyzet-upgrade-rehearsal")
NOTICE = STATE_DIR / "notice.json"
TRIAL_EMAIL = "trial@hangjegyzet.invalid"
OLDEST_BACKUP = timedelta(days=3)
"""Older than that, backups have stopped coming, which is a fault by itself."""
COPY_FACTOR = 1.3
"""Room for a copy of the database and its log, as a multiple of its size."""
TOLERATED = frozenset({"backups", "drill", "wal"})
"""Checks that do not count against an upgrade, which takes its own backup first."""


def open_upgrades(settings: Settings, tell: Speaker = lambda _: None) -> UpgradeService:
    """Upgrades of this machine."""
    parts = _parts(settings, tell)
    plans = {
        Kind.UPGRADE: upgrade_plan(parts),
        Kind.DOWNGRADE: downgrade_plan(parts),
        Kind.UPDATES: updates_plan(parts),
    }
    return UpgradeService(parts.journal, plans, clock=parts.clock, tell=tell)


def new_upgrade(source: Path) -> Record:
    """The notes that an upgrade from a bundle begins with."""
    shelf = FolderShelf()
    current = shelf.current()
    return Record(
        id=secrets.token_hex(6),
        kind=Kind.UPGRADE,
        old=current,
        new=current,
        older=shelf.previous() or "",
        old_seq=HighWaterMark().read(),
        source=str(source.resolve()),
        actor=operator_name(),
        pid=os.getpid(),
        boot_id=boot_id(),
        began_at=SystemClock().now(),
    )


def new_updates(source: Path) -> Record:
    """The notes that security updates of the operating system begin with."""
    seq = HighWaterMark(UPDATES_MARK_PATH).read()
    return new_upgrade(source).but(kind=Kind.UPDATES, old_seq=seq)


def new_downgrade(settings: Settings) -> Record:
    """The notes that the way back begins with; it takes two people.

    Raises:
        NoWayBack: there is none.
        ApprovalNeeded, ...: as ``appliance.entry.approvals.require``.
    """
    journal, shelf, clock = open_journal(), FolderShelf(), SystemClock()
    current = shelf.current()
    back_to, revision = require_way_back(
        journal.last_done(), current=current, previous=shelf.previous(), now=clock.now()
    )
    require(settings, Verb.DOWNGRADE, {"from": current, "to": back_to})
    return msgspec.structs.replace(
        new_upgrade(Path("/")), kind=Kind.DOWNGRADE, new=back_to, revision=revision, source="", older=back_to
    )


def retreat(settings: Settings, revision: str) -> tuple[str, str]:
    """Take the schema back, for a downgrade; returns the revisions before and after."""
    server = open_server(settings)
    url = server.url(DatabaseRole.OWNER)
    before = runner.current(url)
    runner.downgrade(url, revision)
    return before, runner.current(url)


def driver() -> Path:
    """Folder of the release that drives: the one that this process runs from."""
    return installed_release().path


def look_at(settings: Settings, source: Path) -> tuple[Offer, Sequence[str]]:
    """Check a bundle and this machine without changing anything; what has to be mended before an upgrade.

    Raises:
        Corrupt, Refused, Invalid, NotFound: it cannot be taken at all.
    """
    parts = _parts(settings, lambda _: None, incoming=INCOMING.with_name(".look"))
    try:
        offer = parts.bundles.take(source)
        require_acceptable(offer.manifest, new_upgrade(source))
        return offer, parts.readiness.findings(offer)
    finally:
        parts.bundles.drop()


def look_at_updates(settings: Settings, source: Path) -> tuple[UpdatesOffer, SystemUpdates, Sequence[str]]:
    """Check security updates and this machine without changing anything: what they mean here, what is in their way.

    Raises:
        Corrupt, Refused, Invalid, NotFound: they cannot be taken at all.
        NothingToUpdate: they would change nothing.
        PackagesFailed: they do not fit together here.
    """
    parts = _parts(settings, lambda _: None, incoming=INCOMING.with_name(".look"))
    try:
        offer = parts.updates.take(source)
        record = new_updates(source)
        require_updates_new_enough(offer.manifest, record.old_seq)
        require_updates_for(offer.manifest, record.old)
        return offer, foreseen(parts.system, parts.processes, offer), parts.fitness.findings(offer)
    finally:
        parts.bundles.drop()


def _parts(settings: Settings, tell: Speaker, *, incoming: Path = INCOMING) -> UpdateParts:
    clock = SystemClock()
    shelf = FolderShelf()
    commands = ReleaseCommands(shelf.folder)
    past = open_engine(settings)
    account = account_for(DebianCluster().files, None)
    readiness, system = MachineReadiness(settings, past, clock), DpkgSystem(incoming / "system")
    return UpdateParts(
        bundles=IncomingBundles(incoming, TRUST_PATH, clock),
        shelf=shelf,
        packages=Dpkg(),
        releases=commands,
        rehearsals=RestoredCopies(SCRATCH, past=past, scratch=LocalScratchServers(account), commands=commands),
        past=past,
        doors=SystemdDoors(NOTICE, portal_port=settings.web.port),
        trail=MachineTrail(settings),
        account=MachineTrial(settings),
        readiness=readiness,
        journal=open_journal(),
        clock=clock,
        tell=tell,
        updates=IncomingUpdates(incoming, TRUST_PATH, clock),
        system=system,
        processes=LinuxProcesses(),
        fitness=MachineUpdateFitness(lambda: readiness.findings(None), system, kept=incoming.parent, clock=clock),
    )


class MachineTrail:
    """Upgrades in the audit trail of this machine's first organisation."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def begun(self, record: Record) -> None:
        """An upgrade begins."""
        self._record(AuditName.UPGRADE_BEGUN, record)

    def committed(self, record: Record) -> None:
        """It stays."""
        self._record(AuditName.UPGRADE_COMMITTED, record)

    def undone(self, record: Record) -> None:
        """It was taken back."""
        self._record(AuditName.UPGRADE_UNDONE, record, Outcome.FAILED)

    def refused(self, record: Record) -> None:
        """It was not even begun; a database that is away does not keep the machine from where it was."""
        try:
            self._record(AuditName.UPGRADE_REFUSED, record, Outcome.REFUSED)
        except HangJegyzetError as error:
            log.warning("upgrade_refusal_not_recorded", code=error.code)

    def _record(self, name: AuditName, record: Record, outcome: Outcome = Outcome.OK) -> None:
        detail = {
            "kind": record.kind.value,
            "updates": record.updates.version if record.updates else None,
            "old": record.old,
            "new": record.new,
            "release_seq": record.new_seq,
            "upgrade": record.id,
            "asked_by": record.actor[:80],
            "reason": record.reason[:400] or None,
        }
        record_act(self._settings, name, subject_type="release", detail=detail, outcome=outcome)


class MachineTrial:
    """The account that sends a recording through a new release."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def open(self) -> str:
        """Let it be used; its id."""
        with open_services(self._settings, DatabaseRole.WEB) as services:
            actor = operator(services.home_tenant)
            try:
                person = services.accounts.find(actor, TRIAL_EMAIL)
            except UserNotFound:
                made, _ = services.accounts.create(
                    actor, email=TRIAL_EMAIL, name="HangJegyzet (trial of a release)", role=Role.MEMBER
                )
                return str(made.id)
            if person.disabled_at is not None:
                services.accounts.enable(actor, person.id)
            return str(person.id)

    def close(self) -> None:
        """Let nobody use it."""
        with open_services(self._settings, DatabaseRole.WEB) as services:
            actor = operator(services.home_tenant)
            try:
                person = services.accounts.find(actor, TRIAL_EMAIL)
            except UserNotFound:
                return
            if person.disabled_at is None:
                services.accounts.disable(actor, person.id)


def membership(settings: Settings) -> Sequence[str]:
    """Why a machine of a cluster takes no release: the way back would take the database from under the others."""
    if not settings.cluster.members:
        return ()
    why = "This machine is a member of a cluster, whose database it cannot take back alone if the release proves bad."
    return (f"{why} docs/cluster.md says how a cluster gets a new release.",)


class MachineReadiness:
    """Whether this machine is fit to be upgraded."""

    def __init__(self, settings: Settings, past: PointInTimeDatabase, clock: Clock) -> None:
        self._settings = settings
        self._past = past
        self._clock = clock

    def findings(self, offer: Offer | None) -> Sequence[str]:
        """What has to be mended first.

        Raises:
            ReleaseSchemaUnsupported: the release does not know this database.
        """
        found = [*self._health(), *self._configuration(), *self._backups()]
        if offer is not None:
            found += membership(self._settings)
            installed = Installed(Version.parse(FolderShelf().current()), schema=describe(self._settings).revision)
            require_step(offer.manifest, installed)
            found += [*self._room(offer), *self._machine(offer), *self._time(offer)]
        return found

    def _health(self) -> Iterator[str]:
        for one in open_health(self._settings).examine(quick=True).examined:
            if one.finding.severity is Severity.CRITICAL and one.check.id not in TOLERATED:
                yield f"{one.check.title}: {one.finding.summary} {one.finding.remedy}"

    def _configuration(self) -> Iterator[str]:
        if waiting := [change.key for change in open_configuration().pending()]:
            yield f"Settings wait to be applied ({', '.join(waiting)}): hangjegyzet apply, or take them back."

    def _backups(self) -> Iterator[str]:
        try:
            there = self._past.backups()
        except HangJegyzetError as error:
            yield f"Backups: {error} {error.remedy}"
            return
        if there and (age := self._clock.now() - there[-1].ended_at) > OLDEST_BACKUP:
            yield f"The newest backup is {age.days} days old; see why none was taken since: hangjegyzet health"

    def _room(self, offer: Offer) -> Iterator[str]:
        yield from lacking(HOME, offer.manifest.requirements.disk_bytes)
        database = max((backup.database_bytes for backup in self._past.backups()), default=0)
        yield from lacking(SCRATCH.parent, int(database * COPY_FACTOR))

    def _machine(self, offer: Offer) -> Iterator[str]:
        needs = offer.manifest.requirements
        if (memory := os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")) < needs.memory_bytes:
            yield f"The machine has {format_bytes(memory)} of memory; {format_bytes(needs.memory_bytes)} are needed."
        flags = set(Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").split())
        if lacking := [flag for flag in needs.cpu_flags if flag not in flags]:
            yield f"The processor lacks {', '.join(lacking)}."

    def _time(self, offer: Offer) -> Iterator[str]:
        if self._clock.now() < (built := instant(offer.manifest.built_at)):
            yield f"The clock is wrong: this release was built later than now, at {built:%Y-%m-%d %H:%M} UTC."
