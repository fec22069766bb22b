"""Releases in ``/opt/hangjegyzet``: one folder each, and two links that say which ones are in use."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import structlog

from appliance.kernel.durable import sync_folder, write_durably
from appliance.releases.model import Manifest, Version, read_document
from appliance.releases.policy import HIGH_WATER_MARK_PATH, UPDATES_MARK_PATH, HighWaterMark
from appliance.upgrades.errors import PackagesFailed, StagingFailed
from appliance.upgrades.ports import Offer

log = structlog.get_logger()

HOME = Path("/opt/hangjegyzet")
BUILD_LIMIT_S = 3600.0
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class FolderShelf:
    """The releases under ``home``.

    Args:
        home: holds ``releases/``, the links ``current`` and ``previous``, and ``high_seq``.
    """

    def __init__(self, home: Path = HOME) -> None:
        self._home = home
        self._releases = home / "releases"

    def folder(self, version: str) -> Path:
        """Where a release lies, or would."""
        return self._releases / version

    def current(self) -> str:
        """Version in use."""
        return (self._home / "current").readlink().name

    def previous(self) -> str | None:
        """The one before, if it is still there."""
        link = self._home / "previous"
        if not link.is_symlink() or not (self._home / link.readlink()).is_dir():
            return None
        return link.readlink().name

    def build(self, offer: Offer) -> None:
        """Let the bundle's own script put it beside the others; one that is there and whole stays.

        Raises:
            StagingFailed
        """
        run_script(offer.folder, "--build-only", StagingFailed)
        if not (self.folder(offer.manifest.version) / "manifest.json").is_file():
            raise StagingFailed(reason="the script ended well, and the release is not there")

    def discard(self, version: str) -> None:
        """Take a release away that is not in use; its manifest first, without which it is none that is whole."""
        if version in {self.current(), self.previous()}:
            raise ValueError(f"{version} is in use")
        folder = self.folder(version)
        (folder / "manifest.json").unlink(missing_ok=True)
        sync_folder(folder)
        shutil.rmtree(folder)

    def point_to(self, version: str, *, previous: str | None) -> None:
        """Swap the links; each swap is atomic, and both are on the disk when this returns."""
        if not self.folder(version).is_dir():
            raise FileNotFoundError(self.folder(version))
        if previous is not None:
            self._link("previous", previous)
        else:
            (self._home / "previous").unlink(missing_ok=True)
        self._link("current", version)
        sync_folder(self._home)

    def prune(self, keep: int) -> Sequence[str]:
        """Take away the oldest ones that are not in use, until ``keep`` stay."""
        used = {self.current(), self.previous()}
        free = sorted(
            (Version.parse(path.name), path.name)
            for path in self._releases.iterdir()
            if path.is_dir() and _is_version(path.name) and path.name not in used
        )
        room = max(0, keep - len(used - {None}))
        gone = [name for _, name in free[: max(0, len(free) - room)]]
        for name in gone:
            self.discard(name)
            log.info("release_pruned", version=name)
        return gone

    def raise_mark(self, release_seq: int) -> None:
        """Remember the number of the newest release that this machine has had; it never goes down."""
        self._raise(self._home / HIGH_WATER_MARK_PATH.name, release_seq)

    def raise_updates_mark(self, release_seq: int) -> None:
        """The same for security updates of the operating system, whose numbers are a line of their own."""
        self._raise(self._home / UPDATES_MARK_PATH.name, release_seq)

    def allow(self, version: str) -> None:
        """Let the guard start this older release, which two people went back to; any other older one it still refuses.

        Raises:
            ValueError: the release does not say what it is.
        """
        manifest = read_document((self._releases / version / "manifest.json").read_bytes(), Manifest)
        write_durably(self._home / "allowed_seq", f"{manifest.release_seq}\n".encode(), mode=0o644)

    def allow_none(self) -> None:
        """Let it start no release any more that is older than the newest."""
        (self._home / "allowed_seq").unlink(missing_ok=True)
        sync_folder(self._home)

    def _raise(self, path: Path, release_seq: int) -> None:
        if release_seq > HighWaterMark(path).read():
            write_durably(path, f"{release_seq}\n".encode(), mode=0o644)

    def _link(self, name: str, version: str) -> None:
        fresh = self._home / f"{name}.new"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(f"releases/{version}")
        fresh.replace(self._home / name)


def run_script(folder: Path, mode: str, failure: type[StagingFailed | PackagesFailed]) -> str:
    """Run the checked bundle's ``install.sh`` in one of its modes for upgrades; what it printed on stdout.

    Raises:
        failure: it failed; with the last lines that it said.
    """
    done = subprocess.run(
        ["bash", str(folder / "install.sh"), mode],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={"PATH": PATH, "LC_ALL": "C", "HOME": "/root"},
        timeout=BUILD_LIMIT_S,
        check=False,
    )
    if done.returncode != 0:
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-6:])
        raise failure(reason=said or f"it ended with {done.returncode}")
    return done.stdout


def _is_version(name: str) -> bool:
    try:
        Version.parse(name)
    except ValueError:
        return False
    return True
