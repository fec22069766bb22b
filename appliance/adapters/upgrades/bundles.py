"""A bundle on its way in: copied from the stick once, so that what is checked is what is installed."""

import shutil
from pathlib import Path

import structlog

from appliance.kernel.clock import Clock
from appliance.kernel.durable import sync_folder, write_durably
from appliance.kernel.errors import HangJegyzetError
from appliance.releases.contents import Contents, FolderContents, open_contents, read_limited
from appliance.releases.errors import BundleNotFound, BundleUnreadable, NoRelease, NoUpdates
from appliance.releases.model import BundleKind
from appliance.releases.policy import require_target
from appliance.releases.trust import (
    MAX_KEY_FILE_BYTES,
    REVOCATIONS_NAME,
    ROOTS,
    Trust,
    load_trust,
    signature_name,
)
from appliance.releases.verification import (
    KEYS,
    MANIFEST_NAME,
    MAX_MANIFEST_BYTES,
    claimed_kind,
    read_manifest,
    read_signed_document,
    read_updates_manifest,
    verify_bundle,
    verify_updates,
)
from appliance.upgrades.machine import this_target
from appliance.upgrades.ports import Offer, UpdatesOffer

log = structlog.get_logger()

SPARE_BYTES = 256 << 20
"""What has to stay free beside the copy."""


class _Incoming:
    """Copies of bundles in a folder that nobody but root reaches.

    Args:
        folder: gets the copy; on the disk of the releases.
        trust_folder: root keys that this machine believes.
    """

    kind: BundleKind
    other_kind: type[HangJegyzetError]

    def __init__(self, folder: Path, trust_folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._copy = folder / "bundle"
        self._trust_folder = trust_folder
        self._clock = clock

    def _copied(self, source: Path) -> tuple[Contents, Trust]:
        """The copy, of which nothing was checked yet, and whom to believe about it."""
        trust = load_trust(self._trust_folder)
        self.drop()
        with open_contents(source) as contents:
            if claimed_kind(contents) is not self.kind:
                raise self.other_kind(source=contents.label)
            self._require_room(contents)
            _copy(contents, self._copy)
        return FolderContents(self._copy), trust

    def _there(self) -> Contents:
        """The copy that was checked before.

        Raises:
            BundleNotFound: it is not there any more.
        """
        if not self._copy.is_dir():
            raise BundleNotFound(source=self._copy)
        return FolderContents(self._copy)

    def keep_revocations(self) -> None:
        """Store the list of revoked keys that it brought, where it is newer than ours: its signatures first."""
        contents = FolderContents(self._copy)
        if f"{KEYS}/{REVOCATIONS_NAME}" not in contents.sizes():
            return
        trust: Trust = load_trust(self._trust_folder)
        document = read_signed_document(contents, REVOCATIONS_NAME)
        listed = trust.read_revocations(document, source=contents.label)
        if trust.revocations is not None and listed.serial <= trust.revocations.serial:
            return
        names = [signature_name(REVOCATIONS_NAME, number) for number in ROOTS]
        there = contents.sizes()
        for name in (*(name for name in names if f"{KEYS}/{name}" in there), REVOCATIONS_NAME):
            data = read_limited(contents, f"{KEYS}/{name}", MAX_KEY_FILE_BYTES)
            write_durably(self._trust_folder / name, data, mode=0o644)
        log.info("revocations_kept", serial=listed.serial)

    def drop(self) -> None:
        """Forget the copy."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _require_room(self, contents: Contents) -> None:
        self._folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        needed = sum(contents.sizes().values()) + SPARE_BYTES
        if (free := shutil.disk_usage(self._folder).free) < needed:
            from appliance.upgrades.errors import NotReady

            raise NotReady(findings=f"  {self._folder.parent} has {free >> 20} MiB free; {needed >> 20} are needed.")


class IncomingBundles(_Incoming):
    """Releases on their way in."""

    kind = BundleKind.RELEASE
    other_kind = NoRelease

    def take(self, source: Path) -> Offer:
        """Copy it and check the copy: every byte, who signed it, and that it is for this system.

        Raises:
            Corrupt, Refused, Invalid, NotFound: of ``appliance.releases.errors``.
        """
        copy, trust = self._copied(source)
        manifest = verify_bundle(copy, trust=trust, now=self._clock.now()).manifest
        require_target(manifest, this_target())
        log.info("bundle_verified", source=source.name, version=manifest.version)
        return Offer(manifest, self._copy)

    def taken(self) -> Offer:
        """The copy that was checked before.

        Raises:
            BundleNotFound: it is not there any more.
        """
        contents = self._there()
        return Offer(read_manifest(_manifest_of(contents), source=contents.label), self._copy)


class IncomingUpdates(_Incoming):
    """Security updates of the operating system on their way in."""

    kind = BundleKind.UPDATES
    other_kind = NoUpdates

    def take(self, source: Path) -> UpdatesOffer:
        """Copy them and check the copy: every byte, who signed it for this purpose, and that they are for this system.

        Raises:
            Corrupt, Refused, Invalid, NotFound: of ``appliance.releases.errors``.
        """
        copy, trust = self._copied(source)
        manifest = verify_updates(copy, trust=trust, now=self._clock.now()).manifest
        require_target(manifest, this_target())
        log.info("updates_verified", source=source.name, version=manifest.version)
        return UpdatesOffer(manifest, self._copy)

    def taken(self) -> UpdatesOffer:
        """The copy that was checked before.

        Raises:
            BundleNotFound: it is not there any more.
        """
        contents = self._there()
        return UpdatesOffer(read_updates_manifest(_manifest_of(contents), source=contents.label), self._copy)


def _manifest_of(contents: Contents) -> bytes:
    return read_limited(contents, MANIFEST_NAME, MAX_MANIFEST_BYTES)


def _copy(contents: Contents, target: Path) -> None:
    try:
        for path in contents.sizes():
            place = target / path
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with contents.open(path) as source, place.open("xb") as copy:
                shutil.copyfileobj(source, copy, 1 << 20)
            place.chmod(0o700 if path.endswith(".sh") else 0o600)
    except OSError as error:
        raise BundleUnreadable(source=contents.label, reason=error.strerror or str(error)) from error
    sync_folder(target)
