"""What a pack is: files with their hashes, what they may be used for, and for which languages they are fit."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec

MANIFEST_FORMAT = 1
MANIFEST_NAME = "pack.toml"
ANY_LANGUAGE = "*"


class PackKind(StrEnum):
    """Which job a pack can do."""

    SPEECH = "speech"
    """Speech to text."""
    SPEAKERS = "speakers"
    """Who spoke when."""
    LANGUAGE = "language"
    """Reading and writing: minutes."""
    EMBEDDING = "embedding"
    """Passages of text to vectors, for search by meaning."""


class Role(StrEnum):
    """Which seat of a job a pack takes: one pack is in use per seat."""

    TEXT = "text"
    TURNS = "turns"
    """Frames of audio to speaker activity, without identity."""
    VOICES = "voices"
    """A stretch of speech to the vector of its voice."""
    WRITER = "writer"
    PASSAGES = "passages"


ROLES: dict[PackKind, tuple[Role, ...]] = {
    PackKind.SPEECH: (Role.TEXT,),
    PackKind.SPEAKERS: (Role.TURNS, Role.VOICES),
    PackKind.LANGUAGE: (Role.WRITER,),
    PackKind.EMBEDDING: (Role.PASSAGES,),
}
"""The seats of each kind; the first is the one meant when nobody says."""


ENGINES = frozenset({"ctranslate2-whisper", "onnx-segmentation", "onnx-voiceprint", "gguf"})
"""The engines of this release; a pack that names another can be kept but not used."""


class Fitness(StrEnum):
    """How far a pack may be trusted with one language."""

    FIT = "fit"
    WEAK = "weak"
    """Usable with corrections: the door mentions it."""
    UNFIT = "unfit"
    """Its text is mostly wrong: the door warns before the work starts."""
    UNKNOWN = "unknown"
    """Nobody has measured it."""


class Provenance(StrEnum):
    """What the pack's hashes were compared with when it was installed."""

    PUBLISHED = "published"
    """Upstream's published hashes, which this release carries in its catalogue."""
    MANIFEST = "manifest"
    """The hashes in the pack's own manifest."""
    RECORDED = "recorded"
    """Nothing: they were taken from the files at import."""


class _Value(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class LanguageNote(_Value, frozen=True):
    """Fitness for one language, with the measurement or the reason behind it."""

    fitness: Fitness
    note: str = ""


Sha256 = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
PackName = Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9][a-z0-9._-]{0,79}\Z")]
MemberPath = Annotated[str, msgspec.Meta(pattern=r"\A(?!.*(?:^|/)(?:[./]|\Z))[\w .+@(),=/-]{1,200}\Z")]
"""A relative path of plain names: none empty, none hidden, none that climbs out."""


class PackFile(_Value, frozen=True):
    """One file of a pack.

    Without a hash (catalogue only) the pack's own manifest or the import decides it. A file that is ``derived_from``
    another one is made on this machine when the pack is installed, so its hash can only be recorded.
    """

    path: MemberPath
    sha256: Sha256 | None = None
    size_bytes: Annotated[int, msgspec.Meta(ge=0)] | None = None
    derived_from: MemberPath | None = None


class Pack(_Value, frozen=True, kw_only=True):
    """A model as it is shipped.

    ``memory_bytes`` is what the process grows by when it loads and uses the pack, measured on a CPU. ``languages`` maps
    BCP 47 primary tags to fitness; ``*`` speaks for the rest. ``context_tokens`` is for language packs.
    """

    format: int = MANIFEST_FORMAT
    name: PackName
    kind: PackKind
    role: Role | None = None
    title: str
    engine: str
    licence: str
    source: str = ""
    devices: tuple[str, ...] = ("cpu",)
    memory_bytes: Annotated[int, msgspec.Meta(ge=0)] = 0
    context_tokens: int | None = None
    files: Annotated[tuple[PackFile, ...], msgspec.Meta(min_length=1)]
    languages: dict[str, LanguageNote] = {}

    def __post_init__(self) -> None:
        if self.format != MANIFEST_FORMAT:
            raise ValueError(f"format {self.format} is not known to this release")
        if self.role is not None and self.role not in ROLES[self.kind]:
            raise ValueError(f"a {self.kind} pack has no role {self.role}")
        paths = [file.path for file in self.files]
        if len(set(paths)) != len(paths) or MANIFEST_NAME in paths:
            raise ValueError("a file is declared twice")
        if stray := {file.derived_from for file in self.files} - {None, *(file.path for file in self.shipped)}:
            raise ValueError(f"a file is derived from {stray.pop()}, which the pack does not have")

    @property
    def seat(self) -> Role:
        """The seat that this pack takes when it is put to use."""
        return self.role or ROLES[self.kind][0]

    @property
    def shipped(self) -> tuple[PackFile, ...]:
        """The files that come from outside."""
        return tuple(file for file in self.files if file.derived_from is None)

    @property
    def size_bytes(self) -> int:
        """Bytes on disk, as far as they are declared."""
        return sum(file.size_bytes or 0 for file in self.files)

    def fitness(self, language: str) -> LanguageNote:
        """How far the pack may be trusted with ``language`` (``hu`` or ``hu-HU``)."""
        primary = language.lower().partition("-")[0]
        fallback = self.languages.get(ANY_LANGUAGE, LanguageNote(Fitness.UNKNOWN))
        return self.languages.get(primary, fallback)


class InstalledPack(_Value, frozen=True, kw_only=True):
    """A pack on this machine: its folder, how far its hashes are vouched for, and whether it is in use."""

    pack: Pack
    path: Path
    provenance: Provenance
    in_use: bool = False

    @property
    def name(self) -> str:
        """The pack's name."""
        return self.pack.name

    @property
    def kind(self) -> PackKind:
        """The pack's job."""
        return self.pack.kind

    def file(self, suffix: str = "") -> Path:
        """The first declared file whose path ends with ``suffix``.

        Raises:
            KeyError: the pack declares no such file.
        """
        for file in self.pack.files:
            if file.path.endswith(suffix):
                return self.path / file.path
        raise KeyError(f"{self.name} has no file *{suffix}")


class LanguageFitness(_Value, frozen=True, kw_only=True):
    """What a door tells before a meeting in ``language`` goes through the pack in use."""

    kind: PackKind
    language: str
    fitness: Fitness
    note: str
    pack: str

    @property
    def needs_warning(self) -> bool:
        """Whether a person should decide before the work starts."""
        return self.fitness is Fitness.UNFIT


def pack_name_from(text: str) -> str:
    """A pack's name made from a file's name: ``Qwen2.5-7B Instruct`` gives ``qwen2.5-7b-instruct``."""
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-._")[:80] or "unnamed"


class FileState(StrEnum):
    """What a check of one file found."""

    OK = "ok"
    MISSING = "missing"
    CHANGED = "changed"


class FileReport(_Value, frozen=True, kw_only=True):
    """One verified file."""

    pack: str
    path: str
    state: FileState
    expected: str | None = None
    found: str | None = None


class Deed(StrEnum):
    """What is done to packs; each is a line in the folder's history, and an event in the audit trail."""

    INSTALLED = "installed"
    USED = "used"
    REMOVED = "removed"


class Removal(_Value, frozen=True, kw_only=True):
    """Something that cleaning up removes, or would remove."""

    path: Path
    size_bytes: int
    reason: str
