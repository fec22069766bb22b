"""From a file on a stick to a release that may be believed: every byte of it, and who signed it.

The order is the one that gives nothing unsigned a chance: plain files only → two root keys' word about the release key
→ the release key's signature over the list of checksums → the same files there as listed → every byte → the manifest.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec

from appliance.releases.contents import Contents, read_limited
from appliance.releases.errors import (
    BundleFileChanged,
    BundleFileMissing,
    BundleFileUnlisted,
    BundleUnreadable,
    NoRelease,
    NoUpdates,
    ReleaseFormatUnknown,
    ReleaseManifestInvalid,
    ReleaseManifestMismatch,
    SignatureWrong,
    SumsInvalid,
    TrustMissing,
    WrongProduct,
)
from appliance.releases.model import (
    FORMAT,
    PRODUCT,
    BundleKind,
    D,
    FileEntry,
    KeyStatement,
    Manifest,
    Purpose,
    RevocationList,
    UpdatesManifest,
    read_document,
)
from appliance.releases.sums import MAX_SUMS_BYTES, SIGNATURE_NAME, SUMS_NAME, read_sums
from appliance.releases.trust import (
    MAX_KEY_FILE_BYTES,
    RELEASE_KEY_NAME,
    REVOCATIONS_NAME,
    ROOTS,
    STATEMENT_NAME,
    TRUST_PATH,
    SignedDocument,
    Trust,
    is_signed,
    load_trust,
    root_name,
    signature_name,
)

KEYS = "keys"
MANIFEST_NAME = "manifest.json"
MAX_MANIFEST_BYTES = 16 << 20
_BLOCK_BYTES = 1 << 20

Progress = Callable[[int], None]
"""Told about every block of bytes that was read."""


def no_progress(count: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Signed:
    """Files that are what the holder of the release key signed.

    ``revocations`` is the newest list that is known now: the machine's own, or a newer one from the bundle.
    """

    contents: Contents = field(repr=False)
    sums: Mapping[str, str] = field(repr=False)
    statement: KeyStatement
    revocations: RevocationList | None

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(self.contents.sizes().values())

    def read(self, path: str, *, limit_bytes: int) -> bytes:
        """A small file as it was signed, even if somebody exchanged it since.

        Raises:
            BundleFileMissing: nobody signed for a file of this name.
            BundleFileChanged: it was exchanged.
        """
        if path not in self.sums:
            raise BundleFileMissing(source=self.contents.label, path=path)
        data = read_limited(self.contents, path, limit_bytes)
        if hashlib.sha256(data).hexdigest() != self.sums[path]:
            raise BundleFileChanged(source=self.contents.label, path=path)
        return data


@dataclass(frozen=True, slots=True)
class VerifiedBundle:
    """A release that may be believed; whether this machine may take it is the policy's question."""

    manifest: Manifest
    signed: Signed


@dataclass(frozen=True, slots=True)
class VerifiedUpdates:
    """Security updates that may be believed; whether this machine may take them is the policy's question."""

    manifest: UpdatesManifest
    signed: Signed


def verify_bundle(
    contents: Contents, *, trust: Trust, now: datetime, progress: Progress = no_progress
) -> VerifiedBundle:
    """The release in ``contents``.

    Raises:
        Corrupt, Refused, Invalid: one class per reason, all from ``errors``.
    """
    signed = verify_signed(contents, purpose=Purpose.BUNDLE, trust=trust, now=now, progress=progress)
    manifest = read_manifest(signed.read(MANIFEST_NAME, limit_bytes=MAX_MANIFEST_BYTES), source=contents.label)
    _require_same_files(manifest.files, signed)
    return VerifiedBundle(manifest=manifest, signed=signed)


def verify_updates(
    contents: Contents, *, trust: Trust, now: datetime, progress: Progress = no_progress
) -> VerifiedUpdates:
    """The security updates in ``contents``; a key that may sign releases alone is not enough.

    Raises:
        Corrupt, Refused, Invalid: one class per reason, all from ``errors``.
    """
    signed = verify_signed(contents, purpose=Purpose.UPDATES, trust=trust, now=now, progress=progress)
    data = signed.read(MANIFEST_NAME, limit_bytes=MAX_MANIFEST_BYTES)
    manifest = read_updates_manifest(data, source=contents.label)
    _require_same_files(manifest.files, signed)
    return VerifiedUpdates(manifest=manifest, signed=signed)


def verify_signed(
    contents: Contents, *, purpose: Purpose, trust: Trust, now: datetime, progress: Progress = no_progress
) -> Signed:
    """The files in ``contents``, if they are all what a release key for ``purpose`` signed.

    Raises:
        Corrupt, Refused, Invalid: one class per reason, all from ``errors``.
    """
    try:
        return _verify_signed(contents, purpose, trust, now, progress)
    except OSError as error:
        # A stick that cannot be read any more.
        raise BundleUnreadable(source=contents.label, reason=error.strerror or str(error)) from error


def _verify_signed(contents: Contents, purpose: Purpose, trust: Trust, now: datetime, progress: Progress) -> Signed:
    source = contents.label
    trust = trust.with_revocations(_read_own_revocations(contents, trust))
    statement = trust.read_statement(read_signed_document(contents, STATEMENT_NAME), source=source)
    pem = _read_key_file(contents, RELEASE_KEY_NAME)
    key = trust.accept_release_key(pem, statement, purpose=purpose, now=now, source=source)
    data = read_limited(contents, SUMS_NAME, MAX_SUMS_BYTES)
    if not is_signed(key, read_limited(contents, SIGNATURE_NAME, MAX_KEY_FILE_BYTES), data):
        raise SignatureWrong(source=source)
    try:
        sums = read_sums(data)
    except ValueError as error:
        raise SumsInvalid(source=source, reason=str(error)) from error
    _require_listed_files(contents, sums)
    for path in sums:
        _require_unchanged(contents, path, sums[path], progress)
    return Signed(contents=contents, sums=sums, statement=statement, revocations=trust.revocations)


def read_manifest(data: bytes, *, source: str) -> Manifest:
    """The manifest that ``data`` writes.

    Raises:
        ReleaseFormatUnknown: it is of another format, whatever else it says.
        WrongProduct: it is somebody else's.
        NoRelease: it is that of security updates.
        ReleaseManifestInvalid: with the place and the reason.
    """
    if _head(data, source).kind != BundleKind.RELEASE:
        raise NoRelease(source=source)
    return _read(data, Manifest, source)


def read_updates_manifest(data: bytes, *, source: str) -> UpdatesManifest:
    """The manifest of security updates that ``data`` writes.

    Raises:
        ReleaseFormatUnknown, WrongProduct, ReleaseManifestInvalid: as ``read_manifest``.
        NoUpdates: it is that of a release.
    """
    if _head(data, source).kind != BundleKind.UPDATES:
        raise NoUpdates(source=source)
    return _read(data, UpdatesManifest, source)


def claimed_kind(contents: Contents) -> BundleKind:
    """What a bundle says that it is for; nothing is believed yet.

    Raises:
        BundleFileMissing, BundleUnreadable, ReleaseFormatUnknown, WrongProduct, ReleaseManifestInvalid
    """
    return _head(read_limited(contents, MANIFEST_NAME, MAX_MANIFEST_BYTES), contents.label).kind


def bundled_trust(contents: Contents) -> Trust:
    """The root keys that came with a bundle: good for nothing until somebody has confirmed their fingerprint."""
    pems = [_read_key_file(contents, root_name(number)) for number in ROOTS]
    return Trust.of(pems, source=contents.label)


def trust_for(contents: Contents, *, folder: Path = TRUST_PATH, fingerprint: str | None = None) -> Trust:
    """The machine's own root keys; where there are none, those that came along, if a person confirmed them.

    Raises:
        TrustMissing: there are none, and nobody confirmed any.
        TrustMismatch: the confirmed ones are others.
        TrustInvalid: the keys cannot be used.
    """
    try:
        trust = load_trust(folder)
    except TrustMissing:
        if fingerprint is None:
            raise
        trust = bundled_trust(contents)
    return trust if fingerprint is None else trust.require_fingerprint(fingerprint, source=contents.label)


def read_signed_document(contents: Contents, name: str) -> SignedDocument:
    """A document of the root keys with the signatures that came with it."""
    there = contents.sizes()
    signatures = {
        number: _read_key_file(contents, signature_name(name, number))
        for number in ROOTS
        if f"{KEYS}/{signature_name(name, number)}" in there
    }
    return SignedDocument(name, _read_key_file(contents, name), signatures)


class _Head(msgspec.Struct):
    """What every manifest of every format begins with."""

    format: int
    product: str = ""
    kind: BundleKind = BundleKind.RELEASE


def _head(data: bytes, source: str) -> _Head:
    if len(data) > MAX_MANIFEST_BYTES:
        raise ReleaseManifestInvalid(source=source, reason=f"it is larger than {MAX_MANIFEST_BYTES} bytes")
    try:
        head = msgspec.json.decode(data, type=_Head)
    except (ValueError, RecursionError) as error:
        raise ReleaseManifestInvalid(source=source, reason=str(error)) from error
    if head.format != FORMAT:
        raise ReleaseFormatUnknown(source=source, found=head.format, known=FORMAT)
    if head.product != PRODUCT:
        raise WrongProduct(source=source, found=head.product)
    return head


def _read(data: bytes, kind: type[D], source: str) -> D:
    try:
        return read_document(data, kind)
    except ValueError as error:
        raise ReleaseManifestInvalid(source=source, reason=str(error)) from error


def _read_key_file(contents: Contents, name: str) -> bytes:
    return read_limited(contents, f"{KEYS}/{name}", MAX_KEY_FILE_BYTES)


def _read_own_revocations(contents: Contents, trust: Trust) -> RevocationList | None:
    if f"{KEYS}/{REVOCATIONS_NAME}" not in contents.sizes():
        return None
    document = read_signed_document(contents, REVOCATIONS_NAME)
    return trust.read_revocations(document, source=contents.label)


def _require_listed_files(contents: Contents, sums: Mapping[str, str]) -> None:
    there = contents.sizes().keys() - {SUMS_NAME, SIGNATURE_NAME}
    if missing := sums.keys() - there:
        raise BundleFileMissing(source=contents.label, path=min(missing))
    if unlisted := there - sums.keys():
        raise BundleFileUnlisted(source=contents.label, path=min(unlisted))


def _require_unchanged(contents: Contents, path: str, expected: str, progress: Progress) -> None:
    digest = hashlib.sha256()
    with contents.open(path) as stream:
        while block := stream.read(_BLOCK_BYTES):
            digest.update(block)
            progress(len(block))
    if digest.hexdigest() != expected:
        raise BundleFileChanged(source=contents.label, path=path)


def _require_same_files(files: Mapping[str, FileEntry], signed: Signed) -> None:
    sizes = signed.contents.sizes()
    for path in sorted((signed.sums.keys() - {MANIFEST_NAME}) ^ files.keys()):
        raise ReleaseManifestMismatch(source=signed.contents.label, path=path)
    for path, entry in files.items():
        if entry.sha256 != signed.sums[path] or entry.bytes != sizes[path]:
            raise ReleaseManifestMismatch(source=signed.contents.label, path=path)
