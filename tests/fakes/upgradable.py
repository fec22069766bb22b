"""A machine in a folder that can be upgraded: releases, links, units and a database of rows, all of them files.

Every act writes to the disk in several steps, as the real one does, and may be killed between any two: a ``Fuse``
counts acts down, and at zero the process gets a real SIGKILL.
"""

import contextlib
import json
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from appliance.backups.errors import NoBackup
from appliance.backups.model import BackupKind, DatabaseBackup, Mark, Moment
from appliance.database.errors import SchemaUnknown
from appliance.kernel.clock import SystemClock
from appliance.kernel.durable import write_durably
from appliance.kernel.errors import HangJegyzetError
from appliance.releases.model import SchemaRange
from appliance.upgrades.errors import CommandFailed, GateShut, PackagesFailed
from appliance.upgrades.journal import Journal, boot_id
from appliance.upgrades.model import Change, Kind, Record, Rehearsal
from appliance.upgrades.ports import Offer, Renewed, Tell, UpdatesOffer
from appliance.upgrades.service import UpgradeService
from appliance.upgrades.steps import downgrade_plan, upgrade_plan
from appliance.upgrades.updating import UpdateParts, updates_plan
from tests.factories.bundles import a_manifest, an_updates_manifest

OLD, NEW = "0.1.0", "0.2.0"
SCHEMA = {OLD: "0010", NEW: "0011"}
SYSTEM = {"less": "590-2", "libz": "1.2.13-1"}
UPDATED_SYSTEM = {"less": "590-2.1", "libz": "1.2.13-2", "libnew": "1"}


class Fuse:
    """Ends the process after so many acts; never, when it is negative."""

    def __init__(self, acts: int) -> None:
        self._left = acts

    def act(self) -> None:
        """Something is about to be done to the machine."""
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self._left -= 1


@dataclass
class Upgradable:
    """The whole machine; implements every port of an upgrade.

    Args:
        trouble: ``gate`` or ``migrate`` or ``apply``: what the new release cannot do; of updates ``packages``,
            ``restart`` or ``gate``.
        kind: what ``record`` is to bring about.
        touches: whether the portal uses a package that updates change.
    """

    folder: Path
    fuse: Fuse
    trouble: str = ""
    kind: Kind = Kind.UPGRADE
    touches: bool = True

    # What a test asks

    def state(self) -> dict[str, Any]:
        """Everything that makes up the machine's state."""
        return {name: self._get(name) for name in ("current", "schema", "rows", "applied", "portal", "workers")}

    def window_is_open(self) -> bool:
        """Whether people are kept out."""
        return self.journal.window.exists()

    @property
    def journal(self) -> Journal:
        return Journal(self.folder / "notes")

    @classmethod
    def new(cls, folder: Path, *, rows: int) -> "Upgradable":
        """A machine with the old release and some rows."""
        machine = cls(folder, Fuse(-1))
        (folder / "releases" / OLD).mkdir(parents=True)
        (folder / "notes").mkdir()
        machine._put("current", OLD)
        machine._put("previous", None)
        machine._put("schema", SCHEMA[OLD])
        machine._put("rows", list(range(rows)))
        machine._put("applied", OLD)
        machine._put("portal", "open")
        machine._put("workers", "running")
        machine._put("high_seq", 5)
        machine._put("trail", [])
        machine._put("system", dict(SYSTEM))
        machine._put("loaded", dict(SYSTEM))
        machine._put("updates_high_seq", 3)
        return machine

    def service(self) -> UpgradeService:
        """The real state machine over it."""
        parts = UpdateParts(
            bundles=self,
            shelf=self,
            packages=FakePackages(self),
            releases=self,
            rehearsals=FakeRehearsals(),
            past=self,
            doors=FakeDoors(self),
            trail=self,
            account=FakeAccount(self),
            readiness=self,
            journal=self.journal,
            clock=SystemClock(),
            updates=FakeUpdateBundles(self),
            system=FakeSystem(self),
            processes=FakeProcesses(self),
            fitness=FakeFitness(self),
        )
        plans = {
            Kind.UPGRADE: upgrade_plan(parts),
            Kind.DOWNGRADE: downgrade_plan(parts),
            Kind.UPDATES: updates_plan(parts),
        }
        return UpgradeService(self.journal, plans, clock=SystemClock())

    def record(self) -> Record:
        """The notes that an upgrade begins with."""
        seq = self._get("updates_high_seq") if self.kind is Kind.UPDATES else 5
        return Record(
            id="0123456789ab", kind=self.kind, old=OLD, new=OLD, old_seq=seq, source="/media/usb", pid=os.getpid(),
            boot_id=boot_id(), began_at=datetime.now(UTC),
        )  # fmt: skip

    # Bundles

    def take(self, source: Any) -> Any:
        """A bundle, or a backup: both are taken."""
        if isinstance(source, BackupKind):
            self._change("backup", {"rows": self._get("rows"), "schema": self._get("schema")})
            return self.backups()[-1]
        self._change("incoming", NEW)
        return self.taken()

    def taken(self) -> Offer:
        schema = SchemaRange(oldest="0001", newest="0011")
        return Offer(a_manifest(version=NEW, release_seq=7, schema=schema), self.folder / "incoming")

    def keep_revocations(self) -> None:
        self._change("revocations", 1)

    def drop(self) -> None:
        self._change("incoming", None)

    # Shelf

    def current(self) -> str:
        return str(self._get("current"))

    def previous(self) -> str | None:
        return self._get("previous")

    def build(self, offer: Offer) -> None:
        self.fuse.act()
        (self.folder / "releases" / offer.manifest.version).mkdir(exist_ok=True)

    def discard(self, version: str) -> None:
        self.fuse.act()

    def point_to(self, version: str, *, previous: str | None) -> None:
        self._change("previous", previous)
        self._change("current", version)

    def prune(self, keep: int) -> Sequence[str]:
        self.fuse.act()
        return ()

    def raise_mark(self, release_seq: int) -> None:
        self._change("high_seq", max(release_seq, self._get("high_seq")))

    def raise_updates_mark(self, release_seq: int) -> None:
        self._change("updates_high_seq", max(release_seq, self._get("updates_high_seq")))

    def allow(self, version: str) -> None:
        self._change("allowed", version)

    def allow_none(self) -> None:
        self._change("allowed", None)

    # Releases

    def check(self, version: str, tell: Tell) -> None:
        self.fuse.act()

    def apply(self, version: str, tell: Tell, *, portal_port: int | None) -> None:
        assert portal_port is not None or not self.window_is_open(), "people would be let in"
        self._change("applied", "half")
        if self.trouble == "apply" and version == NEW:
            raise CommandFailed(version=version, command="apply", reason="a task failed")
        self._change("applied", version)
        self._change("portal", "trial")
        self._change("workers", "trial")

    def retreat(self, version: str, *, revision: str) -> tuple[str, str]:
        assert self._get("portal") in {"page", "closed"}, "people could write"
        before = self._get("schema")
        self._change("schema", revision)
        return before, revision

    def migrate(self, version: str) -> tuple[str, str]:
        assert self._get("portal") in {"page", "closed"}, "people could write"
        assert self._get("workers") == "stopped", "workers could write"
        before = self._get("schema")
        self._change("rows", [row for row in self._get("rows") if row % 2] if self.trouble else self._get("rows"))
        if self.trouble == "migrate":
            raise CommandFailed(version=version, command="db migrate", reason="no such column")
        self._change("schema", SCHEMA[version])
        return before, SCHEMA[version]

    def prove(self, version: str, *, trial_user: str, portal_port: int, limit_s: float) -> Mapping[str, str]:
        self._change("rows", [*self._get("rows"), -1])
        if version == OLD and self._get("high_seq") > 5 and self._get("allowed") != OLD:
            raise GateShut(reason="it is older than one that this machine has had")
        if self.trouble == "gate":
            raise GateShut(reason="the portal answers 500")
        self._change("rows", [row for row in self._get("rows") if row >= 0])
        self._change("account", "closed")
        return {"schema": SCHEMA[version]}

    def prove_machine(self, version: str, *, limit_s: float) -> Mapping[str, str]:
        self.fuse.act()
        if self.trouble == "gate":
            raise GateShut(reason="the firewall is open")
        return {"health": "well"}

    # Past

    def backups(self) -> Sequence[DatabaseBackup]:
        if self._get("backup") is None:
            return ()
        now = datetime.now(UTC) - timedelta(seconds=1)
        return (DatabaseBackup("20260302-120000F", BackupKind.FULL, now, now, (), "0", "0", 1, 1),)

    def mark(self, name: str) -> Mark:
        self._change("marked", {"rows": self._get("rows"), "schema": self._get("schema")})
        return Mark(name, datetime.now(UTC), "0/1")

    def restore(self, moment: Moment, *, into: Path) -> DatabaseBackup:
        raise NotImplementedError

    def rewind(self, moment: Moment) -> DatabaseBackup:
        assert self._get("workers") == "stopped"
        marked = self._get("marked")
        if marked is None:
            raise NoBackup(wanted=str(moment))
        self._change("schema", "half")
        self._change("rows", marked["rows"])
        self._change("schema", marked["schema"])
        return self.backups()[-1]

    # Trail

    def begun(self, record: Record) -> None:
        self._tell("begun")

    def committed(self, record: Record) -> None:
        self._tell("committed")

    def undone(self, record: Record) -> None:
        self._tell("undone")

    def refused(self, record: Record) -> None:
        self._tell("refused")

    # Readiness

    def findings(self, offer: Offer | None) -> Sequence[str]:
        return ["The disk is full."] if self.trouble == "preflight" else []

    # Files

    def _tell(self, what: str) -> None:
        self._change("trail", [*(self._get("trail") or []), what])

    def _change(self, name: str, value: Any) -> None:
        self.fuse.act()
        self._put(name, value)

    def _put(self, name: str, value: Any) -> None:
        write_durably(self.folder / f"{name}.json", json.dumps(value).encode(), mode=0o600)

    def _get(self, name: str) -> Any:
        try:
            return json.loads((self.folder / f"{name}.json").read_bytes())
        except FileNotFoundError:
            return None


class FakeRehearsals:
    """A copy on which the new schema only adds."""

    def retreat(self, version: str, *, revision: str) -> Rehearsal:
        return Rehearsal(before="0011", after=revision, restore_s=1.0, migrate_s=0.1, rows=4)

    def migrate(self, version: str) -> Rehearsal:
        return Rehearsal(before="0010", after="0011", restore_s=1.0, migrate_s=0.1, rows=4)


@dataclass
class FakePackages:
    """Packages that need no change."""

    machine: Upgradable

    def installed(self) -> Mapping[str, str]:
        return {"openssl": "3"}

    def rehearse(self, folder: Path) -> Sequence[str]:
        return ()

    def install(self, folder: Path) -> None:
        self.machine.fuse.act()


@dataclass
class FakeAccount:
    """The account of the trial."""

    machine: Upgradable

    def open(self) -> str:
        self.machine._put("driver_knows", self.machine._get("schema"))
        self.machine._change("account", "open")
        return "00000000-0000-0000-0000-000000000001"

    def close(self) -> None:
        if self.machine._get("schema") != (self.machine._get("driver_knows") or self.machine._get("schema")):
            raise SchemaUnknown(found=self.machine._get("schema"))
        self.machine._change("account", "closed")


@dataclass
class FakeDoors:
    """The units: what runs, and for whom."""

    machine: Upgradable

    @property
    def trial_port(self) -> int:
        return 8447

    def close(self, record: Record) -> None:
        assert self.machine.window_is_open()
        self.machine._change("portal", "page")

    def drain(self) -> None:
        self.machine._change("workers", "stopped")

    def admit_trial(self, record: Record) -> None:
        self.machine.fuse.act()

    def begin_trial(self) -> None:
        assert self.machine.window_is_open(), "people would be let in"
        self.machine._change("portal", "trial")
        self.machine._change("workers", "trial")

    def halt(self) -> None:
        self.machine._change("portal", "page")
        self.machine._change("workers", "stopped")

    def open(self) -> None:
        assert not self.machine.window_is_open()
        self.machine._change("portal", "open")
        self.machine._change("workers", "running")


@dataclass
class FakeUpdateBundles:
    """Updates of two packages, one of which needs a new one."""

    machine: Upgradable

    def take(self, source: Path) -> UpdatesOffer:
        self.machine._change("incoming", "updates")
        return self.taken()

    def taken(self) -> UpdatesOffer:
        return UpdatesOffer(
            an_updates_manifest(release_seq=int(self.machine._get("offered") or 4)), self.machine.folder / "incoming"
        )


@dataclass
class FakeSystem:
    """Packages in a file; changing them takes several acts."""

    machine: Upgradable

    def plan(self, folder: Path) -> Sequence[Change]:
        there = self.machine._get("system")
        wanted = (Change(name, there.get(name, ""), version) for name, version in UPDATED_SYSTEM.items())
        return [change for change in wanted if change.old != change.new]

    def keep(self, changes: Sequence[Change]) -> None:
        self.machine._change("kept", {change.name: change.old for change in changes if change.old})

    def install(self, folder: Path, changes: Sequence[Change]) -> None:
        for change in changes:
            self._set(change.name, "half")
            if self.machine.trouble == "packages" and change.name == "libz":
                raise PackagesFailed(reason="its script ended with 1")
            self._set(change.name, change.new)

    def restore(self, changes: Sequence[Change]) -> None:
        kept = self.machine._get("kept")
        for change in changes:
            if change.old:
                self._set(change.name, "half")
            self._set(change.name, kept[change.name] if change.old else None)

    def _set(self, name: str, version: str | None) -> None:
        there = {**self.machine._get("system"), name: version}
        self.machine._change("system", {name: version for name, version in there.items() if version is not None})


@dataclass
class FakeProcesses:
    """What runs has loaded the packages of when it was started."""

    machine: Upgradable

    def users_of(self, packages: Sequence[str]) -> Sequence[str]:
        return ("hangjegyzet-web.service", "ssh.service") if self.machine.touches else ("ssh.service",)

    def renew(self, expected: Sequence[str]) -> Renewed:
        assert "ssh.service" in expected
        if self.machine.trouble == "restart" and self.machine._get("system") == UPDATED_SYSTEM:
            raise CommandFailed(version="in use", command="systemctl restart", reason="ssh.service")
        self.machine._change("loaded", self.machine._get("system"))
        return Renewed(["ssh.service"], ["dbus.service"])


@dataclass
class FakeFitness:
    """Whether it may begin."""

    machine: Upgradable

    def findings(self, offer: UpdatesOffer) -> Sequence[str]:
        return ["Package less is half-configured."] if self.machine.trouble == "preflight" else []


def power_comes_back(machine: Upgradable) -> None:
    """What a boot does: units start as they may, and an interrupted upgrade is brought to its end."""
    shut = machine.window_is_open()
    machine._put("portal", "page" if shut else "open")
    machine._put("workers", "stopped" if shut else "running")
    machine._put("loaded", machine._get("system"))


def drive(machine: Upgradable, verb: str) -> None:
    """Run a verb of the real state machine in this process, which the fuse may end; errors are its business."""
    with contextlib.suppress(HangJegyzetError):
        if verb == "run":
            machine.service().start(machine.record(), driver=machine.folder / "releases" / OLD)
        else:
            machine.service().resume()
