"""What the console asks of the house: services, each behind one question.

Every method blocks and is called from a thread. Nothing is kept open in between, so that a database which comes back is
found at the next question.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from appliance.kernel.ids import JobId, UserId
from tui.undertakings import Approving, MachineUndertakings, Offered, Undertaking


@dataclass(frozen=True, slots=True)
class Kept:
    """What could be restored, and how well that is known.

    Args:
        sets: newest first.
        standing: seconds that could be lost or that a restore took, by name; as ``hangjegyzet backup list --json``.
        proof: the last drill's signed report.
    """

    sets: "Sequence[BackupSet]"
    standing: "Mapping[str, int | float | None]"
    proof: "Mapping[str, Any] | None"


@dataclass(frozen=True, slots=True)
class Releases:
    """Which release the machine has, and the upgrade that is under way, or was the last."""

    current: str
    previous: str | None
    record: "Record | None"
    driven: bool


if TYPE_CHECKING:  # what a question needs is imported when it is asked: the first screen does not wait for SQL
    from appliance.approvals.model import Arguments, Verb
    from appliance.audit.model import AuditEvent
    from appliance.backups.restore import Plan, Wish
    from appliance.backups.sets import BackupSet
    from appliance.bootstrap import Services
    from appliance.configuration.model import Change, Value
    from appliance.health.model import Report
    from appliance.identity.model import OneTimeCode, UserView
    from appliance.identity.permissions import Role
    from appliance.jobs.model import JobView
    from appliance.kernel.actor import Actor
    from appliance.models.model import InstalledPack, Pack
    from appliance.settings import Settings
    from appliance.support.model import Bundle
    from appliance.upgrades.model import Record
    from appliance.vitals.model import Glance, Place
    from tui.sticks import Found

SHOWN = 100
"""Jobs and events on a page."""


class House(Protocol):
    """The questions and the acts of the console's pages."""

    def last_glance(self) -> "Glance | None":
        """What was published last: there at once, even while nothing else answers."""
        ...

    def glance(self) -> "Glance":
        """The machine, now."""
        ...

    def place(self) -> "Place":
        """Where the machine is found."""
        ...

    def report(self) -> "Report":
        """The quick checks, with their findings."""
        ...

    def jobs(self) -> "Sequence[JobView]":
        """The newest jobs."""
        ...

    def cancel(self, job_id: JobId) -> None:
        """Stop a job."""
        ...

    def retry(self, job_id: JobId) -> None:
        """Take a job up again."""
        ...

    def people(self) -> "Sequence[UserView]":
        """Everybody with an account."""
        ...

    def create_person(self, *, email: str, name: str, role: "Role") -> "OneTimeCode":
        """A new account; its owner chooses a password with the code."""
        ...

    def first_code(self) -> "OneTimeCode":
        """The code that makes its bearer the first administrator."""
        ...

    def reset(self, user_id: UserId) -> "OneTimeCode":
        """A code for a new password; the old one ends."""
        ...

    def disable(self, user_id: UserId) -> None:
        """Keep a person out."""
        ...

    def enable(self, user_id: UserId) -> None:
        """Let a person in again."""
        ...

    def packs(self) -> "tuple[Sequence[InstalledPack], Sequence[Pack]]":
        """Installed packs, and those that are known and missing."""
        ...

    def events(self) -> "Sequence[AuditEvent]":
        """The newest events of the trail."""
        ...

    def kept(self) -> Kept:
        """The backups."""
        ...

    def releases(self) -> Releases:
        """Releases and upgrades."""
        ...

    def collected(self) -> "Bundle | None":
        """What was collected for the maker; nothing where nothing was."""
        ...

    def configured(self) -> "tuple[dict[str, Value], Sequence[Change]]":
        """Every setting as the file says it, and what of it is not in force."""
        ...

    def configure(self, key: str, value: str | None) -> None:
        """Change a setting in the file; nothing means its default."""
        ...

    def bundles(self) -> Sequence[Offered]:
        """Bundles on what is plugged in."""
        ...

    def packs_on_sticks(self) -> "Sequence[Found]":
        """Packs of models on what is plugged in."""
        ...

    def signatures(self) -> Sequence[Path]:
        """Files on what is plugged in that may be signatures."""
        ...

    def sticks(self) -> Sequence[Path]:
        """What is plugged in."""
        ...

    def upgrade(self) -> Undertaking:
        """The upgrade under way, or the last one."""
        ...

    def way_back(self) -> "Arguments":
        """From which release to which it could go back."""
        ...

    def restore_plan(self, wish: "Wish", key: Path | None) -> "Plan":
        """What a restore would bring back."""
        ...

    def broken_restore(self) -> "Wish | None":
        """A restore that was begun and has not ended."""
        ...

    def approving(self, verb: "Verb", arguments: "Arguments") -> Approving:
        """Whether two people have approved an act."""
        ...

    def ask_approval(self, verb: "Verb", arguments: "Arguments", *, reason: str, folder: Path | None) -> Path:
        """Ask them; the file that they sign."""
        ...

    def hand_in(self, request_id: str, file: Path) -> str:
        """Take somebody's signature; whose it is."""
        ...


class InstalledHouse(MachineUndertakings):
    """The house on this machine."""

    def __init__(self, settings: "Settings") -> None:
        self._settings = settings

    def last_glance(self) -> "Glance | None":
        """From the file that the recorder writes."""
        from appliance.vitals.service import published

        return published()

    def glance(self) -> "Glance":
        """Looked at now."""
        from appliance.entry.vitals import open_vitals

        return open_vitals(self._settings).look()

    def place(self) -> "Place":
        """Addresses and certificate."""
        from appliance.entry.vitals import open_vitals

        return open_vitals(self._settings).place()

    def report(self) -> "Report":
        """The quick checks."""
        from appliance.entry.health import open_health

        return open_health(self._settings).examine(quick=True)

    def jobs(self) -> "Sequence[JobView]":
        """Of everybody."""
        with self._services() as (services, actor):
            return services.jobs.list(actor=actor, most=SHOWN)

    def cancel(self, job_id: JobId) -> None:
        """As ``hangjegyzet job cancel``."""
        with self._services() as (services, actor):
            services.jobs.cancel(actor=actor, job_id=job_id)

    def retry(self, job_id: JobId) -> None:
        """As ``hangjegyzet job retry``."""
        with self._services() as (services, actor):
            services.jobs.retry(actor=actor, job_id=job_id)

    def people(self) -> "Sequence[UserView]":
        """Oldest account first."""
        with self._services() as (services, actor):
            return services.accounts.list(actor)

    def create_person(self, *, email: str, name: str, role: "Role") -> "OneTimeCode":
        """As ``hangjegyzet user create``."""
        with self._services() as (services, actor):
            return services.accounts.create(actor, email=email, name=name, role=role)[1]

    def first_code(self) -> "OneTimeCode":
        """As ``hangjegyzet user first-code``."""
        with self._services() as (services, actor):
            return services.identity.issue_first_code(actor)

    def reset(self, user_id: UserId) -> "OneTimeCode":
        """As ``hangjegyzet user reset``."""
        with self._services() as (services, actor):
            return services.accounts.reset_password(actor, user_id)

    def disable(self, user_id: UserId) -> None:
        """As ``hangjegyzet user disable``."""
        with self._services() as (services, actor):
            services.accounts.disable(actor, user_id)

    def enable(self, user_id: UserId) -> None:
        """As ``hangjegyzet user enable``."""
        with self._services() as (services, actor):
            services.accounts.enable(actor, user_id)

    def packs(self) -> "tuple[Sequence[InstalledPack], Sequence[Pack]]":
        """What the models' folder holds; needs no database."""
        from appliance.entry.packs import open_registry

        registry = open_registry(self._settings)
        return registry.list(), registry.missing()

    def events(self) -> "Sequence[AuditEvent]":
        """Of the first organisation, whose trail takes what is done to the machine."""
        from appliance.audit import queries

        with self._services() as (services, actor), services.database.reading(actor.tenant_id) as tx:
            return queries.latest(tx, actor.tenant_id, limit=SHOWN)

    def kept(self) -> Kept:
        """Sets that this machine signed, and the newest drill."""
        from appliance.entry.backups import open_backups, standing
        from appliance.entry.last_proof import last_proof

        with open_backups(self._settings) as backups:
            sets = tuple(backups.sets())[::-1]
        return Kept(sets, standing(self._settings), last_proof(self._settings))

    def releases(self) -> Releases:
        """From the shelf of releases and the journal of upgrades; needs no database."""
        from appliance.adapters.upgrades.shelf import FolderShelf
        from appliance.entry.upgrades import open_journal

        shelf, journal = FolderShelf(), open_journal()
        under_way = journal.read()
        driven = under_way is not None and journal.is_driven()
        return Releases(shelf.current(), shelf.previous(), under_way or journal.last(), driven)

    def collected(self) -> "Bundle | None":
        """From the folder of what was collected; needs no database."""
        from appliance.entry.support import open_support
        from appliance.support.errors import NothingCollected

        try:
            return open_support().collected()
        except NothingCollected:
            return None

    def configured(self) -> "tuple[dict[str, Value], Sequence[Change]]":
        """From the configuration's file."""
        from appliance.entry.machine import open_configuration

        service = open_configuration()
        return service.values(), service.pending()

    def configure(self, key: str, value: str | None) -> None:
        """As ``hangjegyzet config set``."""
        from appliance.entry.machine import open_configuration

        open_configuration().set(key, value)

    @contextmanager
    def _services(self) -> "Iterator[tuple[Services, Actor]]":
        from appliance.bootstrap import open_services
        from appliance.database.roles import DatabaseRole
        from appliance.entry.provision import operator

        with open_services(self._settings, DatabaseRole.WEB) as services:
            yield services, replace(operator(services.home_tenant), origin="console")
