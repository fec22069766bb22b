"""Security updates of the operating system: the same state machine, with steps that change packages and no release.

People are kept out only where the portal, the workers or the database use what changes. Until the decision the packages
that were installed come back from what was kept of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import msgspec

from appliance.backups.model import BackupKind
from appliance.releases.model import Need, instant
from appliance.releases.policy import require_updates_for, require_updates_new_enough
from appliance.upgrades.errors import NothingToUpdate, NotReady
from appliance.upgrades.estimates import GATE_LIMIT_S, expected_s
from appliance.upgrades.journal import boot_id
from appliance.upgrades.model import Change, Record, Stage, SystemUpdates
from appliance.upgrades.ports import Processes, SystemPackages, UpdateBundles, UpdateReadiness, UpdatesOffer
from appliance.upgrades.service import Step
from appliance.upgrades.steps import MarkMoment, Parts, reopened

PEOPLES = ("hangjegyzet-web.", "hangjegyzet-worker@", "postgresql@", "hangjegyzet-patroni.")
"""Services without which nobody can work."""
SHUT = ("hangjegyzet-web.", "hangjegyzet-worker@")
"""Of these, those that the doors start and stop."""


@dataclass(frozen=True, kw_only=True)
class UpdateParts(Parts):
    """What the steps work with, beside what upgrades need."""

    updates: UpdateBundles
    system: SystemPackages
    processes: Processes
    fitness: UpdateReadiness


class _Step:
    """What steps have in common: the parts, and that there is nothing to take back."""

    stage: Stage

    def __init__(self, parts: UpdateParts) -> None:
        self._parts = parts

    def undo(self, record: Record) -> Record:
        """Nothing was changed that would outlive the updates."""
        return record


class VerifyUpdates(_Step):
    """Take a copy of the bundle, check all of it, and ask whether this machine may take it."""

    stage = Stage.VERIFY

    def do(self, record: Record) -> Record:
        manifest = self._parts.updates.take(Path(record.source)).manifest
        require_updates_new_enough(manifest, record.old_seq)
        require_updates_for(manifest, record.old)
        updates = SystemUpdates(version=manifest.version, built_at=instant(manifest.built_at))
        return record.but(new_seq=manifest.release_seq, updates=updates)

    def undo(self, record: Record) -> Record:
        self._parts.bundles.drop()
        if not record.has_entered(Stage.CLOSE):
            self._parts.trail.refused(record)
        return record


class PreflightUpdates(_Step):
    """Ask the machine whether it is fit; strictly, because packages that are half set up cost a night."""

    stage = Stage.PREFLIGHT

    def do(self, record: Record) -> Record:
        if findings := self._parts.fitness.findings(self._parts.updates.taken()):
            raise NotReady(findings="\n".join(f"  {finding}" for finding in findings))
        return record


class StageUpdates(_Step):
    """Work out what changes here and whom it touches, and keep the packages that are installed."""

    stage = Stage.STAGE

    def do(self, record: Record) -> Record:
        parts = self._parts
        offer = parts.updates.taken()
        told = foreseen(parts.system, parts.processes, offer)
        parts.system.keep(told.changes)
        parts.note(self.stage, said(told))
        return record.but(updates=told)


class BackUp(_Step):
    """Take a backup, whatever its age; the last thing before anything is changed."""

    stage = Stage.BACKUP

    def do(self, record: Record) -> Record:
        taken = self._parts.past.take(BackupKind.INCREMENTAL)
        user = self._parts.account.open() if _updates(record).closes else ""
        return record.but(backup=taken.label, trial_user=user)

    def undo(self, record: Record) -> Record:
        if _updates(record).closes:
            self._parts.account.close()
        return record


class Close(_Step):
    """Tell people that and until when they wait, where they have to. Its undoing comes last of all."""

    stage = Stage.CLOSE

    def do(self, record: Record) -> Record:
        parts = self._parts
        parts.trail.begun(record)
        if not _updates(record).closes:
            return record
        now = parts.clock.now()
        expected = expected_s(record, parts.journal.last_updates_done())
        record = record.but(closed_at=now, expected_s=expected, until=now + timedelta(seconds=expected))
        parts.journal.shut()
        parts.doors.close(record)
        return record

    def undo(self, record: Record) -> Record:
        self._parts.trail.undone(record)
        return reopened(self._parts, record) if _updates(record).closes else record


class Drain(_Step):
    """Have running steps given back with their checkpoints."""

    stage = Stage.DRAIN

    def do(self, record: Record) -> Record:
        if _updates(record).closes:
            self._parts.doors.drain()
        return record


class InstallUpdates(_Step):
    """Bring the packages in; going back puts in again what was kept of those before."""

    stage = Stage.PACKAGES

    def do(self, record: Record) -> Record:
        updates = _updates(record)
        self._parts.system.install(self._parts.updates.taken().folder, updates.changes)
        return record.but(packages={change.name: change.old for change in updates.changes})

    def undo(self, record: Record) -> Record:
        updates = _updates(record)
        self._parts.system.restore(updates.changes)
        self._parts.processes.renew(expected(updates))
        return record


class Restart(_Step):
    """Start again what still runs the packages of before; people are still out where they were sent out."""

    stage = Stage.RESTART

    def do(self, record: Record) -> Record:
        parts, updates = self._parts, _updates(record)
        renewed = parts.processes.renew(expected(updates))
        if updates.closes:
            parts.doors.admit_trial(record)
            parts.doors.begin_trial()
        updates = msgspec.structs.replace(
            updates,
            restarted=tuple(renewed.restarted),
            reboot=(*updates.reboot, *renewed.left),
            since=boot_id(),
        )
        return record.but(updates=updates)

    def undo(self, record: Record) -> Record:
        if _updates(record).closes:
            self._parts.doors.halt()
        return record


class Gate(_Step):
    """Let the machine prove itself: as after an upgrade where people wait anyway, else without a recording."""

    stage = Stage.GATE

    def do(self, record: Record) -> Record:
        releases, doors = self._parts.releases, self._parts.doors
        if _updates(record).closes:
            proved = releases.prove(
                record.new, trial_user=record.trial_user, portal_port=doors.trial_port, limit_s=GATE_LIMIT_S
            )
        else:
            proved = releases.prove_machine(record.new, limit_s=GATE_LIMIT_S)
        return record.but(gate=dict(proved))


class Commit(_Step):
    """The updates stay, and no older ones are taken from now on."""

    stage = Stage.COMMIT

    def do(self, record: Record) -> Record:
        self._parts.shelf.raise_updates_mark(record.new_seq)
        self._parts.bundles.keep_revocations()
        self._parts.trail.committed(record)
        return record


class Open(_Step):
    """Let people in."""

    stage = Stage.OPEN

    def do(self, record: Record) -> Record:
        return reopened(self._parts, record) if _updates(record).closes else record


class Tidy(_Step):
    """Forget the copy, and the packages that were kept."""

    stage = Stage.TIDY

    def do(self, record: Record) -> Record:
        if (updates := _updates(record)).closes:
            self._parts.account.close()
        self._parts.bundles.drop()
        if updates.reboot:
            self._parts.note(self.stage, f"In use after the machine has started again: {', '.join(updates.reboot)}.")
        return record


def updates_plan(parts: UpdateParts) -> Sequence[Step]:
    """From a bundle of security updates to a machine that has them."""
    own = (
        VerifyUpdates(parts), PreflightUpdates(parts), StageUpdates(parts), BackUp(parts), Close(parts), Drain(parts),
    )  # fmt: skip
    return [
        *own, MarkMoment(parts), InstallUpdates(parts), Restart(parts), Gate(parts), Commit(parts), Open(parts),
        Tidy(parts),
    ]  # fmt: skip


def foreseen(system: SystemPackages, processes: Processes, offer: UpdatesOffer) -> SystemUpdates:
    """What updates would mean for this machine; nothing is changed.

    Raises:
        NothingToUpdate: they would change nothing.
        PackagesFailed: they do not fit together here.
    """
    manifest = offer.manifest
    changes = tuple(system.plan(offer.folder))
    if not changes:
        raise NothingToUpdate(version=manifest.version)
    users = tuple(processes.users_of([change.name for change in changes if change.old]))
    reboot = {package.name for package in manifest.packages if package.need is Need.REBOOT}
    return SystemUpdates(
        version=manifest.version,
        built_at=instant(manifest.built_at),
        changes=changes,
        users=users,
        closes=any(unit.startswith(PEOPLES) for unit in users),
        reboot=tuple(change.name for change in changes if change.name in reboot),
    )


def expected(updates: SystemUpdates) -> Sequence[str]:
    """Services that shall run once the packages are in, or back; the doors see to some of them."""
    return [unit for unit in updates.users if not (updates.closes and unit.startswith(SHUT))]


def said(updates: SystemUpdates) -> str:
    """What updates mean, in one sentence or two."""
    fresh = sum(not change.old for change in updates.changes)
    count = f"{len(updates.changes)} package(s) will change" + (f", {fresh} of them new" if fresh else "")
    waits = "People wait: the portal, the workers or the database use them." if updates.closes else "Nobody waits."
    return f"{count}. {waits}"


def listed(changes: Sequence[Change]) -> Sequence[str]:
    """Each change on a line of its own."""
    return [f"{change.name} {change.old or 'new'} → {change.new}" for change in changes]


def _updates(record: Record) -> SystemUpdates:
    """What verifying has noted; without it nothing was changed, and there is nothing to take back."""
    if record.updates is None:
        raise ValueError("nothing was verified")
    return record.updates
