"""What an upgrade needs from the machine. Everything here may be repeated: a power cut can come in the middle.

Commands of another release are named by its version: migrations, playbooks and checks of the new release are run by the
new release's own code, and the way back by the code that has been at work here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from appliance.configuration.ports import Task
from appliance.releases.model import Manifest, UpdatesManifest
from appliance.upgrades.model import Change, Record, Rehearsal

Tell = Callable[[Task], object]


@dataclass(frozen=True, slots=True)
class Offer:
    """A bundle that was copied and checked: what may be installed from it."""

    manifest: Manifest
    folder: Path
    """The checked copy, which nobody but root reaches."""


@dataclass(frozen=True, slots=True)
class UpdatesOffer:
    """Security updates that were copied and checked."""

    manifest: UpdatesManifest
    folder: Path
    """The checked copy, which nobody but root reaches."""


class Bundles(Protocol):
    """Bundles on their way in."""

    def take(self, source: Path) -> Offer:
        """Copy the bundle, and check every byte of the copy and who signed it.

        Raises:
            Corrupt, Refused, Invalid, NotFound: of ``appliance.releases.errors``.
        """
        ...

    def taken(self) -> Offer:
        """The copy that was checked before."""
        ...

    def keep_revocations(self) -> None:
        """Store the list of revoked keys that it brought, where it is newer than ours."""
        ...

    def drop(self) -> None:
        """Forget the copy."""
        ...


class Shelf(Protocol):
    """The releases on this machine, and which of them is in use."""

    def current(self) -> str:
        """Version in use."""
        ...

    def previous(self) -> str | None:
        """The one before, if it is still there."""
        ...

    def build(self, offer: Offer) -> None:
        """Put the release beside the others; whole or not at all.

        Raises:
            StagingFailed
        """
        ...

    def discard(self, version: str) -> None:
        """Take a release away that is not in use."""
        ...

    def point_to(self, version: str, *, previous: str | None) -> None:
        """Put a release to use, and remember which one was before."""
        ...

    def prune(self, keep: int) -> Sequence[str]:
        """Take away all but the current one, the previous one and the newest others up to ``keep``; which went."""
        ...

    def raise_updates_mark(self, release_seq: int) -> None:
        """The same for security updates of the operating system, whose numbers are a line of their own."""
        ...

    def raise_mark(self, release_seq: int) -> None:
        """Remember the number of the newest release that this machine has had; it never goes down."""
        ...

    def allow(self, version: str) -> None:
        """Let the guard start this older release, which two people went back to."""
        ...

    def allow_none(self) -> None:
        """Let it start no older release any more."""
        ...


class Packages(Protocol):
    """The distribution's packages."""

    def installed(self) -> Mapping[str, str]:
        """Version by name."""
        ...

    def rehearse(self, folder: Path) -> Sequence[str]:
        """What installing from a bundle would change, without doing it.

        Raises:
            PackagesFailed: they do not fit together on this machine.
        """
        ...

    def install(self, folder: Path) -> None:
        """Install what the bundle wants.

        Raises:
            PackagesFailed
        """
        ...


class Releases(Protocol):
    """What each release does by its own code."""

    def check(self, version: str, tell: Tell) -> None:
        """Look at what its playbooks would change.

        Raises:
            CommandFailed
        """
        ...

    def apply(self, version: str, tell: Tell, *, portal_port: int | None) -> None:
        """Bring the machine into the declared state; the portal is then expected on ``portal_port``, if given.

        Raises:
            CommandFailed
        """
        ...

    def migrate(self, version: str) -> tuple[str, str]:
        """Move the running database's schema; revisions before and after.

        Raises:
            CommandFailed
        """
        ...

    def retreat(self, version: str, *, revision: str) -> tuple[str, str]:
        """Move the running database's schema back, by the release that moved it forward; revisions before and after.

        Raises:
            CommandFailed
        """
        ...

    def prove(self, version: str, *, trial_user: str, portal_port: int, limit_s: float) -> Mapping[str, str]:
        """Health, schema, sign-in, one recording from sound to minutes, silence on the wire; what was found, by name.

        The account of the trial is closed afterwards.

        Raises:
            GateShut, GateTooSlow
        """
        ...

    def prove_machine(self, version: str, *, limit_s: float) -> Mapping[str, str]:
        """The same without a recording, while people go on working: schema, health, silence on the wire.

        Raises:
            GateShut, GateTooSlow
        """
        ...


class Rehearsals(Protocol):
    """Copies of this machine's database to try something on."""

    def migrate(self, version: str) -> Rehearsal:
        """Restore a copy, let the release's code move its schema, and compare.

        Raises:
            RehearsalFailed
        """
        ...

    def retreat(self, version: str, *, revision: str) -> Rehearsal:
        """The same, back to ``revision``.

        Raises:
            RehearsalFailed
        """
        ...


class Doors(Protocol):
    """The way in for people, and the processes that work."""

    def close(self, record: Record) -> None:
        """Put the maintenance page in the portal's place; it says until when."""
        ...

    def drain(self) -> None:
        """Stop the workers; running steps are given back with their checkpoints."""
        ...

    @property
    def trial_port(self) -> int:
        """Where the portal answers to this machine alone while a release is tried."""
        ...

    def admit_trial(self, record: Record) -> None:
        """Let processes start for the trial alone: the portal on its port, workers for nobody else's work."""
        ...

    def begin_trial(self) -> None:
        """Start what was admitted."""
        ...

    def halt(self) -> None:
        """Stop all processes but the maintenance page."""
        ...

    def open(self) -> None:
        """Let people in and processes work as on any day; returns when the portal answers."""
        ...


class Trail(Protocol):
    """What auditors read."""

    def begun(self, record: Record) -> None:
        """An upgrade begins."""
        ...

    def committed(self, record: Record) -> None:
        """It stays."""
        ...

    def undone(self, record: Record) -> None:
        """It was taken back."""
        ...

    def refused(self, record: Record) -> None:
        """It was not even begun; told where it can be told."""
        ...


class TrialAccount(Protocol):
    """The account that sends a recording through a new release; nobody's, and closed but for trials."""

    def open(self) -> str:
        """Let it be used; its id."""
        ...

    def close(self) -> None:
        """Let nobody use it."""
        ...


class Readiness(Protocol):
    """Whether the machine is fit to be upgraded at all."""

    def findings(self, offer: Offer | None) -> Sequence[str]:
        """What has to be mended first, one sentence each; nothing when it is ready."""
        ...


class UpdateBundles(Protocol):
    """Bundles of security updates on their way in; they are kept and forgotten as others are (``Bundles``)."""

    def take(self, source: Path) -> UpdatesOffer:
        """Copy the bundle, and check every byte of the copy and who signed it.

        Raises:
            Corrupt, Refused, Invalid, NotFound: of ``appliance.releases.errors``.
        """
        ...

    def taken(self) -> UpdatesOffer:
        """The copy that was checked before."""
        ...


class SystemPackages(Protocol):
    """The distribution's packages when they change by themselves, with the way back."""

    def plan(self, folder: Path) -> Sequence[Change]:
        """What a bundle would change here, by its own index alone, without doing it.

        Raises:
            PackagesFailed: they do not fit together on this machine.
        """
        ...

    def keep(self, changes: Sequence[Change]) -> None:
        """Make packages again of the versions that are installed, to go back to.

        Raises:
            PackagesFailed
        """
        ...

    def install(self, folder: Path, changes: Sequence[Change]) -> None:
        """Bring the changes about; configuration that was edited here stays.

        Raises:
            PackagesFailed: they are not all there afterwards.
        """
        ...

    def restore(self, changes: Sequence[Change]) -> None:
        """Go back to what was kept, from wherever it was cut off; what was new is taken away.

        Raises:
            PackagesFailed: they are not all there afterwards.
        """
        ...


@dataclass(frozen=True, slots=True)
class Renewed:
    """Services that were started again, and those that run on with what they had loaded until the machine restarts."""

    restarted: Sequence[str] = ()
    left: Sequence[str] = ()


class Processes(Protocol):
    """What runs on the machine, and which files it has loaded."""

    def users_of(self, packages: Sequence[str]) -> Sequence[str]:
        """Services that have something of these packages loaded."""
        ...

    def renew(self, expected: Sequence[str]) -> Renewed:
        """Start services again that still run what is no longer on the disk.

        Args:
            expected: services that shall run afterwards, also when they have stopped meanwhile.

        Raises:
            CommandFailed: one of them does not start.
        """
        ...


class UpdateReadiness(Protocol):
    """Whether the machine is fit for security updates."""

    def findings(self, offer: UpdatesOffer) -> Sequence[str]:
        """What has to be mended first, one sentence each; nothing when it is ready."""
        ...
