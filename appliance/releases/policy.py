"""Whether this machine may take a release that is what it says: the system, replay, and how far a step may be."""

from dataclasses import dataclass
from pathlib import Path

from appliance.releases.errors import (
    HighWaterMarkDamaged,
    ReleaseIsOlder,
    ReleaseReplayed,
    ReleaseSchemaUnsupported,
    ReleaseStepTooLarge,
    UpdatesForOthers,
    UpdatesReplayed,
    WrongTarget,
)
from appliance.releases.model import SUPPORTED_STEPS, Manifest, Target, UpdatesManifest, Version

HIGH_WATER_MARK_PATH = Path("/opt/hangjegyzet/high_seq")
UPDATES_MARK_PATH = HIGH_WATER_MARK_PATH.with_name("updates_high_seq")
"""The same for security updates of the operating system, whose numbers are a line of their own."""


@dataclass(frozen=True, slots=True)
class Installed:
    """What runs on this machine now; ``schema`` is ``None`` where there is no database yet."""

    version: Version
    schema: str | None = None


def require_target(manifest: Manifest | UpdatesManifest, machine: Target) -> None:
    """Refuse a release for another system.

    Raises:
        WrongTarget
    """
    if manifest.target != machine:
        raise WrongTarget(wanted=manifest.target, found=machine)


def require_new_enough(manifest: Manifest, high_seq: int) -> None:
    """Refuse a release that came before one which this machine has had; the same one again is welcome.

    Raises:
        ReleaseReplayed
    """
    if manifest.release_seq < high_seq:
        raise ReleaseReplayed(version=manifest.version, found=manifest.release_seq, high=high_seq)


def require_updates_new_enough(manifest: UpdatesManifest, high_seq: int) -> None:
    """Refuse updates that came before some which this machine has had; the same ones again are welcome.

    Raises:
        UpdatesReplayed
    """
    if manifest.release_seq < high_seq:
        raise UpdatesReplayed(version=manifest.version, found=manifest.release_seq, high=high_seq)


def require_updates_for(manifest: UpdatesManifest, release: str) -> None:
    """Refuse updates that nobody worked out for the installed release.

    Raises:
        UpdatesForOthers
    """
    if release not in manifest.releases:
        wanted = ", ".join(manifest.releases)
        raise UpdatesForOthers(version=manifest.version, wanted=wanted, installed=release)


def require_step(manifest: Manifest, installed: Installed) -> None:
    """Refuse a step that nobody tested: back, further than two minor versions, or from an unknown schema.

    Raises:
        ReleaseIsOlder, ReleaseStepTooLarge, ReleaseSchemaUnsupported
    """
    new, old, oldest = Version.parse(manifest.version), installed.version, Version.parse(manifest.min_from)
    if new < old:
        raise ReleaseIsOlder(version=new, installed=old)
    if new.major == old.major:
        oldest = max(oldest, Version(new.major, max(0, new.minor - SUPPORTED_STEPS), 0, 1))
    if old < oldest:
        raise ReleaseStepTooLarge(version=new, min_from=oldest, installed=old, stops=_said(stops(old, oldest)))
    schema = manifest.schema
    # Revisions are numbers of four digits: their order is that of their letters.
    if installed.schema is not None and not schema.oldest <= installed.schema <= schema.newest:
        raise ReleaseSchemaUnsupported(version=new, oldest=schema.oldest, newest=schema.newest, found=installed.schema)


def stops(old: Version, oldest: Version) -> tuple[Version, ...]:
    """Where to stop on the way from ``old`` to a release that follows ``oldest`` and later: few, none too far apart.

    Each stands for any release of its minor version. Nobody here knows which ones lead to another major version, so
    there the release notes decide, and ``oldest`` is the only stop.
    """
    found: list[Version] = []
    at = old.minor if old.major == oldest.major else oldest.minor
    while at < oldest.minor:
        at = min(at + SUPPORTED_STEPS, oldest.minor)
        found.append(Version(old.major, at, 0))
    return (*found[:-1], oldest)


def _said(found: tuple[Version, ...]) -> str:
    """A candidate is named by the release that it became."""
    return ", ".join(f"{version.major}.{version.minor}.{version.patch} or later" for version in found)


class HighWaterMark:
    """The number of the newest release that this machine has had; it never goes down.

    A plain file with a number and a newline, so that install.sh reads and writes it as well.
    """

    def __init__(self, path: Path = HIGH_WATER_MARK_PATH) -> None:
        self._path = path

    def read(self) -> int:
        """The number; 0 where nothing was ever installed.

        Raises:
            HighWaterMarkDamaged: the file holds something else.
        """
        try:
            text = self._path.read_text(encoding="ascii")
        except FileNotFoundError:
            return 0
        except ValueError as error:
            raise HighWaterMarkDamaged(path=self._path) from error
        number = text.removesuffix("\n")
        if not number.isdigit() or len(number) > 16:
            raise HighWaterMarkDamaged(path=self._path)
        return int(number)
