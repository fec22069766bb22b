"""The stages of an upgrade, each with the way back. What they need of the machine comes through ports."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from appliance.backups.model import BackupKind, Mark
from appliance.backups.ports import PointInTimeDatabase
from appliance.configuration.ports import Task
from appliance.kernel.clock import Clock
from appliance.releases.model import Manifest, Version
from appliance.releases.policy import Installed, require_new_enough, require_step
from appliance.upgrades.errors import NothingToUpgrade, NotReady, RehearsalLostRows
from appliance.upgrades.estimates import GATE_LIMIT_S, expected_s
from appliance.upgrades.journal import Journal
from appliance.upgrades.model import Kind, News, Record, Rehearsal, Stage
from appliance.upgrades.ports import (
    Bundles,
    Doors,
    Packages,
    Readiness,
    Rehearsals,
    Releases,
    Shelf,
    Trail,
    TrialAccount,
)
from appliance.upgrades.service import Speaker, Step

KEPT_RELEASES = 3
"""The current one, the previous one, and one more."""


@dataclass(frozen=True)
class Parts:
    """What the steps work with."""

    bundles: Bundles
    shelf: Shelf
    packages: Packages
    releases: Releases
    rehearsals: Rehearsals
    past: PointInTimeDatabase
    doors: Doors
    trail: Trail
    account: TrialAccount
    readiness: Readiness
    journal: Journal
    clock: Clock
    tell: Speaker = lambda _: None

    def told(self, task: Task) -> None:
        """Pass the news of a playbook's task on."""
        self.say(News(event="task", at=self.clock.now(), role=task.role, task=task.name, state=task.state.value))

    def note(self, stage: Stage, text: str) -> None:
        """Tell something that people should know."""
        self.say(News(event="note", at=self.clock.now(), stage=stage, text=text))

    def say(self, news: News) -> None:
        """To the journal and to whoever looks on."""
        self.journal.tell(news)
        self.tell(news)


class _Step:
    """What steps have in common: the parts, and that there is nothing to take back."""

    stage: Stage

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def undo(self, record: Record) -> Record:
        """Nothing was changed that would outlive the upgrade."""
        return record


class Verify(_Step):
    """Take a copy of the bundle, check all of it, and ask whether this machine may take it."""

    stage = Stage.VERIFY

    def do(self, record: Record) -> Record:
        offer = self._parts.bundles.take(Path(record.source))
        require_acceptable(offer.manifest, record)
        return record.but(new=offer.manifest.version, new_seq=offer.manifest.release_seq)

    def undo(self, record: Record) -> Record:
        self._parts.bundles.drop()
        if not record.has_entered(Stage.CLOSE):
            self._parts.trail.refused(record)
        return record


class Preflight(_Step):
    """Ask the machine whether it is fit; strictly, because a failure later costs people's time."""

    stage = Stage.PREFLIGHT

    def do(self, record: Record) -> Record:
        offer = self._parts.bundles.taken() if record.kind is not Kind.DOWNGRADE else None
        if findings := self._parts.readiness.findings(offer):
            raise NotReady(findings="\n".join(f"  {finding}" for finding in findings))
        return record


class StageRelease(_Step):
    """Build the new release beside the running one; it stays there when the upgrade is undone, for the next try."""

    stage = Stage.STAGE

    def do(self, record: Record) -> Record:
        offer = self._parts.bundles.taken()
        self._parts.shelf.build(offer)
        changes = self._parts.packages.rehearse(offer.folder)
        if changes:
            self._parts.note(self.stage, f"{len(changes)} package(s) of the distribution will change.")
        return record


class Check(_Step):
    """Let the new release's playbooks look at the machine, without touching it."""

    stage = Stage.CHECK

    def do(self, record: Record) -> Record:
        self._parts.releases.check(record.new, self._parts.told)
        return record


class Rehearse(_Step):
    """Move the schema of a restored copy, to know that it works and for how long."""

    stage = Stage.REHEARSE

    def do(self, record: Record) -> Record:
        if not self._parts.past.backups():
            self._parts.note(self.stage, "There is no backup yet; one is taken to rehearse on.")
            self._parts.past.take(BackupKind.FULL)
        found = self._moved(record)
        if lost := [what for what in found.contracts if what.startswith("rows of ")]:
            raise RehearsalLostRows(tables=", ".join(lost))
        verdict = "only adds" if found.expands_only else f"takes away {', '.join(found.contracts)}"
        self._parts.note(
            self.stage,
            f"On a copy with {found.rows} rows, {found.before} → {found.after} took {found.migrate_s:.1f} s; "
            f"the new schema {verdict}.",
        )
        return record.but(rehearsal=found)

    def _moved(self, record: Record) -> Rehearsal:
        return self._parts.rehearsals.migrate(record.new)


class RehearseRetreat(Rehearse):
    """The same on the way back: what only the newer release knows goes, rows that the older one knows stay."""

    def _moved(self, record: Record) -> Rehearsal:
        return self._parts.rehearsals.retreat(record.old, revision=record.revision)


class Backup(_Step):
    """Take a backup, whatever its age; the last thing before people wait."""

    stage = Stage.BACKUP

    def do(self, record: Record) -> Record:
        taken = self._parts.past.take(BackupKind.INCREMENTAL)
        return record.but(backup=taken.label, trial_user=self._parts.account.open())

    def undo(self, record: Record) -> Record:
        self._parts.account.close()
        return record


class Close(_Step):
    """Tell people that and until when they wait. Its undoing is what lets them in again, so it comes last of all."""

    stage = Stage.CLOSE

    def do(self, record: Record) -> Record:
        self._parts.trail.begun(record)
        now = self._parts.clock.now()
        expected = expected_s(record, self._parts.journal.last_done())
        record = record.but(closed_at=now, expected_s=expected, until=now + timedelta(seconds=expected))
        self._parts.journal.shut()
        self._parts.doors.close(record)
        return record

    def undo(self, record: Record) -> Record:
        parts = self._parts
        if record.has_entered(Stage.APPLY):
            parts.doors.admit_trial(record)
            parts.releases.apply(record.old, parts.told, portal_port=parts.doors.trial_port)
        parts.trail.undone(record)
        return reopened(parts, record)


class Drain(_Step):
    """Have running steps given back with their checkpoints."""

    stage = Stage.DRAIN

    def do(self, record: Record) -> Record:
        self._parts.doors.drain()
        return record


class InstallPackages(_Step):
    """Install what the new release needs of the distribution; going back leaves the newer ones in place.

    Within one release of the distribution newer packages serve the older appliance as well, and an older one that has
    a known hole is not put back for it.
    """

    stage = Stage.PACKAGES

    def do(self, record: Record) -> Record:
        before = dict(self._parts.packages.installed())
        self._parts.packages.install(self._parts.bundles.taken().folder)
        after = self._parts.packages.installed()
        changed = {name: before.get(name, "") for name in after if after[name] != before.get(name)}
        return record.but(packages=changed)


class MarkMoment(_Step):
    """Name the moment that a failure goes back to: everybody is out, and nothing has been changed."""

    stage = Stage.MARK

    def do(self, record: Record) -> Record:
        mark = self._parts.past.mark(record.mark)
        return record.but(marked_at=mark.at, marked_lsn=mark.lsn)


class Migrate(_Step):
    """Let the new release move the schema."""

    stage = Stage.MIGRATE

    def do(self, record: Record) -> Record:
        self._parts.releases.migrate(record.new)
        return record

    def undo(self, record: Record) -> Record:
        # Processes of the trial may still be there when this is resumed.
        self._parts.doors.halt()
        self._parts.past.rewind(_moment(record))
        return record


class Retreat(Migrate):
    """Let the release that moved the schema forward take it back."""

    def do(self, record: Record) -> Record:
        self._parts.releases.retreat(record.old, revision=record.revision)
        return record


class Flip(_Step):
    """Put the release to use; an older one is let past the guard for it, or the gate would find it exchanged."""

    stage = Stage.FLIP

    def do(self, record: Record) -> Record:
        if record.kind is Kind.DOWNGRADE:
            self._parts.shelf.allow(record.new)
        self._parts.shelf.point_to(record.new, previous=record.old)
        return record

    def undo(self, record: Record) -> Record:
        self._parts.shelf.point_to(record.old, previous=record.older or None)
        if record.kind is Kind.DOWNGRADE:
            self._parts.shelf.allow_none()
        return record


class Apply(_Step):
    """Bring the machine into the state that the new release declares; people are still out."""

    stage = Stage.APPLY

    def do(self, record: Record) -> Record:
        self._parts.doors.admit_trial(record)
        self._parts.releases.apply(record.new, self._parts.told, portal_port=self._parts.doors.trial_port)
        return record

    def undo(self, record: Record) -> Record:
        self._parts.doors.halt()
        return record


class Gate(_Step):
    """Let the new release prove itself."""

    stage = Stage.GATE

    def do(self, record: Record) -> Record:
        proved = self._parts.releases.prove(
            record.new,
            trial_user=record.trial_user,
            portal_port=self._parts.doors.trial_port,
            limit_s=GATE_LIMIT_S,
        )
        return record.but(gate=dict(proved))


class Commit(_Step):
    """The new release stays, and no older one is taken from now on."""

    stage = Stage.COMMIT

    def do(self, record: Record) -> Record:
        if record.kind is not Kind.DOWNGRADE:
            self._parts.shelf.raise_mark(record.new_seq)
            self._parts.bundles.keep_revocations()
            self._parts.shelf.allow_none()
        self._parts.trail.committed(record)
        return record


class Open(_Step):
    """Let people in."""

    stage = Stage.OPEN

    def do(self, record: Record) -> Record:
        return reopened(self._parts, record)


class Tidy(_Step):
    """Keep two releases beside the current one.

    The trial's account was closed by the release that proved itself: who drives may not know its schema.
    """

    stage = Stage.TIDY

    def do(self, record: Record) -> Record:
        self._parts.bundles.drop()
        self._parts.shelf.prune(KEPT_RELEASES)
        return record


def require_acceptable(manifest: Manifest, record: Record) -> None:
    """Refuse what this machine must not take: an older release, the same one, or a step that nobody tested.

    Raises:
        ReleaseReplayed, NothingToUpgrade, ReleaseIsOlder, ReleaseStepTooLarge
    """
    require_new_enough(manifest, record.old_seq)
    if manifest.version == record.old:
        raise NothingToUpgrade(version=manifest.version)
    require_step(manifest, Installed(Version.parse(record.old)))


def upgrade_plan(parts: Parts) -> Sequence[Step]:
    """From a bundle to a release that stays."""
    kinds = (
        Verify, Preflight, StageRelease, Check, Rehearse, Backup,
        Close, Drain, InstallPackages, MarkMoment, Migrate, Flip, Apply, Gate,
        Commit, Open, Tidy,
    )  # fmt: skip
    return [kind(parts) for kind in kinds]


def downgrade_plan(parts: Parts) -> Sequence[Step]:
    """From a release back to the one before, with the rows of today."""
    kinds = (
        Preflight, RehearseRetreat, Backup, Close, Drain, MarkMoment, Retreat, Flip, Apply, Gate, Commit, Open, Tidy,
    )  # fmt: skip
    return [kind(parts) for kind in kinds]


def _moment(record: Record) -> Mark:
    """The restore point; whoever migrates has set it."""
    if record.marked_at is None:
        raise ValueError("nothing was marked")
    return Mark(record.mark, record.marked_at, record.marked_lsn)


def reopened(parts: Parts, record: Record) -> Record:
    """Let people in; notes since when."""
    parts.journal.reopen()
    parts.doors.open()
    return record.but(opened_at=parts.clock.now())
