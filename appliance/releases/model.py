"""What a bundle says about itself: manifest, the statement about its release key, revocations, versions.

All three documents are JSON in one canonical form: two spaces, fields in the order below, keys of maps sorted, UTF-8,
one newline at the end. Anything else is refused, so that a shell script which reads them line by line sees what we see.
"""

import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Literal, Self, TypeVar

import msgspec

D = TypeVar("D", bound=msgspec.Struct)

FORMAT = 1
PRODUCT = "hangjegyzet"
SUPPORTED_STEPS = 2
"""An upgrade may leap over one minor version: N-2 → N."""

MAX_FILES = 20_000
MAX_UPDATED_PACKAGES = 5_000
MAX_FILE_BYTES = 1 << 40

_COMPONENT = r"(?:[A-Za-z0-9_][A-Za-z0-9_.+~%=@,-]{0,119})"
PATH_PATTERN = rf"\A{_COMPONENT}(?:/{_COMPONENT}){{0,11}}\Z"
MAX_PATH_CHARACTERS = 200

_Path = Annotated[str, msgspec.Meta(pattern=PATH_PATTERN, max_length=MAX_PATH_CHARACTERS)]
_Sha256 = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
_Word = Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9][a-z0-9._-]{0,79}\Z")]
_Sentence = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"\A[^\x00-\x1f\x7f]*\Z")]
_Bytes = Annotated[int, msgspec.Meta(ge=0, le=MAX_FILE_BYTES)]
_Serial = Annotated[int, msgspec.Meta(ge=1, lt=1 << 53)]
_Moment = Annotated[str, msgspec.Meta(pattern=r"\A20\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\dZ\Z")]
_VersionText = Annotated[
    str, msgspec.Meta(pattern=r"\A(?:0|[1-9]\d{0,3})(?:\.(?:0|[1-9]\d{0,3})){2}(?:-rc\.[1-9]\d?)?\Z")
]
_PackageName = Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9][a-z0-9+.-]{1,99}\Z")]
_PackageVersion = Annotated[str, msgspec.Meta(pattern=r"\A[0-9][0-9A-Za-z.+:~-]{0,119}\Z")]

_path = re.compile(PATH_PATTERN)


def is_plain_path(path: str) -> bool:
    """Whether ``path`` is relative and made of plain names: none empty, none hidden, none that climbs out."""
    return len(path) <= MAX_PATH_CHARACTERS and _path.match(path) is not None


class Version(msgspec.Struct, frozen=True, order=True):
    """A release's version, in the order of semantic versioning: a candidate comes before its release."""

    major: int
    minor: int
    patch: int
    candidate: int = 100
    """100 for the release itself: candidates have at most two digits."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """The version that ``text`` writes: ``1.2.3`` or ``1.2.3-rc.1``.

        Raises:
            ValueError: it writes none.
        """
        match = re.match(r"\A(\d{1,4})\.(\d{1,4})\.(\d{1,4})(?:-rc\.([1-9]\d?))?\Z", text)
        if match is None:
            raise ValueError(f"{text!r} is no version")
        major, minor, patch, candidate = match.groups()
        return cls(int(major), int(minor), int(patch), int(candidate or 100))

    def __str__(self) -> str:
        base = f"{self.major}.{self.minor}.{self.patch}"
        return base if self.candidate == 100 else f"{base}-rc.{self.candidate}"


class Purpose(StrEnum):
    """What a release key may sign."""

    BUNDLE = "bundle"
    MODELS = "models"
    UPDATES = "updates"
    """Security updates of the operating system."""
    LICENCE = "licence"
    """Licences; a key of its own, since releases of before it cannot read a statement that names it."""


OF_RELEASES = (Purpose.BUNDLE, Purpose.MODELS, Purpose.UPDATES)


class Grade(StrEnum):
    """How much care a key was made with."""

    PRODUCTION = "production"
    DEVELOPMENT = "development"
    """Made on a developer's machine, its passphrase known to the machine: never for anybody's meetings."""


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class FileEntry(_Document, frozen=True):
    """One file as it was signed."""

    sha256: _Sha256
    bytes: _Bytes


class SchemaRange(_Document, frozen=True, rename={"oldest": "from", "newest": "to"}):
    """The database revisions that the release takes over, and the one that it brings them to."""

    oldest: _Word
    newest: _Word


class Target(_Document, frozen=True):
    """The system that the release is made for."""

    os: _Word
    os_version: _Word
    arch: _Word
    python: Annotated[str, msgspec.Meta(pattern=r"\A3\.\d{1,2}\Z")]

    def __str__(self) -> str:
        return f"{self.os} {self.os_version} on {self.arch} with Python {self.python}"


class Requirements(_Document, frozen=True):
    """What the machine has to have, apart from the system."""

    disk_bytes: _Bytes
    memory_bytes: _Bytes
    cpu_flags: tuple[_Word, ...]


class Manifest(_Document, frozen=True):
    """A release: what it is, what it follows, what it needs, and every file of it.

    ``release_seq`` only grows from release to release, whatever the version says. ``files`` names everything that is
    signed except the manifest itself.
    """

    format: int
    product: _Word
    version: _VersionText
    release_seq: _Serial
    min_from: _VersionText
    schema: SchemaRange
    target: Target
    commit: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{40}\Z")]
    built_at: _Moment
    requirements: Requirements
    models: tuple[_Word, ...]
    files: Annotated[dict[_Path, FileEntry], msgspec.Meta(max_length=MAX_FILES)]

    def __post_init__(self) -> None:
        instant(self.built_at)
        if Version.parse(self.min_from) > Version.parse(self.version):
            raise ValueError("it follows only releases that are newer than itself")


class BundleKind(StrEnum):
    """What a bundle is for."""

    RELEASE = "release"
    """Its manifest does not say so: there was nothing else when it was made up."""
    UPDATES = "updates"


class Need(StrEnum):
    """What has to start again before an updated package is in use."""

    NOTHING = "nothing"
    SERVICES = "services"
    """It brings libraries or services; the machine finds out which processes have them loaded."""
    REBOOT = "reboot"


class PackageUpdate(_Document, frozen=True):
    """One package of the distribution.

    ``old`` are the versions that the releases in question came with or found; none where it is new. ``path`` and
    ``sha256`` are those of its file in the bundle.
    """

    name: _PackageName
    old: Annotated[tuple[_PackageVersion, ...], msgspec.Meta(max_length=100)]
    new: _PackageVersion
    need: Need
    path: _Path
    sha256: _Sha256


class UpdatesManifest(_Document, frozen=True):
    """Security updates of the distribution: for which releases and system, which packages, and every file of them.

    ``release_seq`` only grows from bundle to bundle of updates, and is another number than that of releases.
    """

    format: int
    product: _Word
    kind: Literal["updates"]
    version: Annotated[str, msgspec.Meta(pattern=r"\A20\d\d\.\d\d\.\d\d(?:\.[1-9]\d?)?\Z")]
    release_seq: _Serial
    releases: Annotated[tuple[_VersionText, ...], msgspec.Meta(min_length=1, max_length=100)]
    target: Target
    built_at: _Moment
    disk_bytes: _Bytes
    """What the packages take once they are unpacked."""
    packages: Annotated[tuple[PackageUpdate, ...], msgspec.Meta(min_length=1, max_length=MAX_UPDATED_PACKAGES)]
    files: Annotated[dict[_Path, FileEntry], msgspec.Meta(max_length=MAX_FILES)]

    def __post_init__(self) -> None:
        instant(self.built_at)
        datetime.strptime(self.version[:10], "%Y.%m.%d").replace(tzinfo=UTC)
        told = [package.path for package in self.packages]
        if told != sorted(set(told)):
            raise ValueError("its packages are not sorted by their files, or one is told twice")
        for package in self.packages:
            if (entry := self.files.get(package.path)) is None or entry.sha256 != package.sha256:
                raise ValueError(f"it tells of {package.name}, and {package.path} is another file or missing")
        if untold := {path for path in self.files if path.endswith(".deb")} - set(told):
            raise ValueError(f"it does not tell of {min(untold)}")


class KeyStatement(_Document, frozen=True):
    """The root keys' word about a release key: which one, for what, from when until when."""

    format: int
    type: Annotated[str, msgspec.Meta(pattern=r"\Ahangjegyzet-release-key\Z")]
    key_id: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{16}\Z")]
    sha256: _Sha256
    """Of the file release.pem."""
    grade: Grade
    purpose: Annotated[tuple[Purpose, ...], msgspec.Meta(min_length=1)]
    not_before: _Moment
    not_after: _Moment

    def __post_init__(self) -> None:
        if self.key_id != self.sha256[:16]:
            raise ValueError("the key's name is not the beginning of its fingerprint")
        if instant(self.not_before) >= instant(self.not_after):
            raise ValueError("it ends before it begins")


class Revocation(_Document, frozen=True):
    """A release key that must not be believed any more, whatever it signed and when."""

    sha256: _Sha256
    revoked_at: _Moment
    reason: _Sentence

    def __post_init__(self) -> None:
        instant(self.revoked_at)


class RevocationList(_Document, frozen=True):
    """Every revoked release key; a list with a higher serial replaces one with a lower."""

    format: int
    type: Annotated[str, msgspec.Meta(pattern=r"\Ahangjegyzet-revocations\Z")]
    serial: _Serial
    revoked: Annotated[tuple[Revocation, ...], msgspec.Meta(max_length=1000)]

    def find(self, sha256: str) -> Revocation | None:
        """The revocation of a key, if it was revoked."""
        return next((entry for entry in self.revoked if entry.sha256 == sha256), None)


def instant(text: str) -> datetime:
    """The moment that a document writes as ``2026-11-23T04:30:00Z``.

    Raises:
        ValueError: there is no such day or hour.
    """
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def moment(at: datetime) -> str:
    """``at`` as documents write it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def write_document(document: msgspec.Struct) -> bytes:
    """The canonical bytes of a manifest, a statement or a list of revocations."""
    plain = msgspec.to_builtins(document)
    if "files" in plain:
        plain["files"] = dict(sorted(plain["files"].items()))
    return msgspec.json.format(msgspec.json.encode(plain), indent=2) + b"\n"


def read_document(data: bytes, kind: type[D]) -> D:
    """The document that ``data`` writes in canonical form.

    Raises:
        ValueError: with the place and the reason (msgspec's own errors are ValueErrors).
    """
    try:
        document = msgspec.json.decode(data, type=kind)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if write_document(document) != data:
        raise ValueError("it is not in canonical form")
    return document
