"""The registry of model packs: what is installed, which pack does which job, and how far it can be trusted.

It needs no database: the engines run from the packs alone (``hangjegyzet speech run``), and a machine without a single
meeting can be given its models. What is done is written into the folder's own history first, and carried from there
into the audit trail of an appliance (``trail``).
"""

import hashlib
import shutil
from pathlib import Path

import msgspec

from appliance.kernel.clock import Clock, SystemClock
from appliance.kernel.units import MIB, format_bytes
from appliance.models.archives import PackSource, open_source, read_manifest_bytes, require
from appliance.models.catalogue import catalogue, known_pack, recognise
from appliance.models.errors import (
    HashMismatch,
    NoActivePack,
    NotEnoughSpace,
    PackExists,
    PackIncomplete,
    PackNotFound,
    UnknownPack,
    UnsupportedEngine,
)
from appliance.models.gguf import read_gguf
from appliance.models.manifest import read_manifest, write_manifest
from appliance.models.model import (
    ENGINES,
    ROLES,
    Deed,
    FileReport,
    FileState,
    Fitness,
    InstalledPack,
    LanguageFitness,
    LanguageNote,
    Pack,
    PackFile,
    PackKind,
    Provenance,
    Removal,
    Role,
    pack_name_from,
)
from appliance.models.ports import Derivation
from appliance.models.store import SETUP_SUFFIX, PackStore, Progress, copy_hashed, folder_bytes, hash_file, no_progress

_SPARE_BYTES = 64 * MIB


class ModelRegistry:
    """The packs of one machine.

    Args:
        models_path: the folder that holds them (``Settings.models_path``).
        derivation: makes the files that a pack needs and nobody ships; without it, such packs cannot be installed.
        actor: who the history names for what is done through this object.
    """

    def __init__(
        self,
        models_path: Path,
        *,
        derivation: Derivation | None = None,
        clock: Clock | None = None,
        actor: str = "system",
    ) -> None:
        self._store = PackStore(models_path)
        self._derivation = derivation
        self._clock = clock or SystemClock()
        self._actor = actor

    def list(self) -> tuple[InstalledPack, ...]:
        """Every installed pack, by name."""
        return self._store.installed()

    def missing(self) -> tuple[Pack, ...]:
        """The packs that this release knows and this machine has not."""
        return tuple(pack for name, pack in catalogue().items() if self._store.find(name) is None)

    def get(self, name: str) -> InstalledPack:
        """The installed pack.

        Raises:
            PackNotFound: there is none by this name.
        """
        pack = self._store.find(name)
        if pack is None:
            raise PackNotFound(name=name)
        return pack

    def active(self, kind: PackKind, role: Role | None = None) -> InstalledPack:
        """The pack in use for a job, with its files in place.

        Raises:
            NoActivePack: nothing was put to use for this seat, or it was removed by hand.
            PackIncomplete: a file is gone or has another size than its manifest says.
        """
        seat = role or ROLES[kind][0]
        name = self._store.active_names().get(seat)
        pack = self._store.find(name) if name else None
        if pack is None:
            raise NoActivePack(seat=f"{kind.value} ({seat.value})" if len(ROLES[kind]) > 1 else kind.value)
        for file in pack.pack.files:
            path = pack.path / file.path
            if not path.is_file() or path.stat().st_size != file.size_bytes:
                raise PackIncomplete(name=pack.name, path=file.path)
        return pack

    def fitness(self, kind: PackKind, language: str) -> LanguageFitness:
        """What to tell before a meeting in ``language`` goes through the pack in use.

        Raises:
            NoActivePack: nothing was put to use for this job.
        """
        pack = self.active(kind).pack
        note = pack.fitness(language)
        return LanguageFitness(kind=kind, language=language, fitness=note.fitness, note=note.note, pack=pack.name)

    def import_pack(
        self,
        source: Path | PackSource,
        *,
        known_as: str | None = None,
        replace: bool = False,
        progress: Progress = no_progress,
    ) -> InstalledPack:
        """Install a pack from a folder, an archive or a GGUF file; every byte is checked on its way in.

        What the catalogue publishes wins over what a manifest claims; what neither knows is recorded as found. The
        first pack of a seat is put to use at once.

        Args:
            known_as: the catalogue's name for files that come without a manifest.
            replace: take the place of another pack of the same name.
            progress: told about every block of bytes.

        Raises:
            UnreadableSource, UnsafeArchive, ManifestInvalid, UnknownPack, FileMissing: the source is not usable.
            HashMismatch: a file is not the one that was published or declared. Nothing is installed.
            PackExists: a different pack has this name.
            NotEnoughSpace: it would not fit.
        """
        opened = open_source(source) if isinstance(source, Path) else source
        pack, provenance = _identify(opened, known_as)
        require(opened, pack.name, tuple(file.path for file in pack.shipped))
        with self._store.exclusive():
            installed = self._store.find(pack.name)
            if installed is not None and not replace and _same_files(installed.pack, pack):
                return installed
            self._require_space(pack, opened)
            folder = self._store.empty_incoming(f"{pack.name}.import")
            try:
                complete = self._derive(_copy_files(opened, pack, folder, progress), folder)
                if installed is not None and not replace and not _same_files(installed.pack, complete):
                    raise PackExists(name=pack.name)
                return self._install(folder, complete, provenance)
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def size_to_import(self, source: Path | PackSource) -> int:
        """Bytes that an import would read at most, for a progress bar."""
        opened = open_source(source) if isinstance(source, Path) else source
        return sum(opened.sizes().values())

    def preparation(self, name: str) -> Path:
        """A folder in which setup puts the files of the known pack ``name`` together; kept until ``adopt``."""
        with self._store.exclusive():
            return self._store.incoming(f"{name}{SETUP_SUFFIX}")

    def adopt(self, name: str, *, progress: Progress = no_progress) -> InstalledPack:
        """Install what setup put together for the known pack ``name``, without copying it.

        Raises:
            HashMismatch: a file is not the published one. It is removed, so that the next setup fetches it again.
        """
        pack = known_pack(name)
        with self._store.exclusive():
            folder = self._store.incoming(f"{name}{SETUP_SUFFIX}")
            for file in pack.shipped:
                path = folder / file.path
                found = hash_file(path, progress)
                if found != file.sha256:
                    path.unlink()
                    raise HashMismatch(name=name, path=file.path, expected=file.sha256, found=found)
            for stray in _strays(folder, pack):
                stray.unlink()
            return self._install(folder, self._derive(pack, folder), Provenance.PUBLISHED)

    def use(self, name: str) -> InstalledPack:
        """Put an installed pack to use for its seat; workers take it up when they load their engine again.

        Raises:
            PackNotFound: it is not installed.
            UnsupportedEngine: this release has no engine that can run it.
        """
        with self._store.exclusive():
            pack = self.get(name)
            if pack.pack.engine not in ENGINES:
                raise UnsupportedEngine(name=name, engine=pack.pack.engine)
            self._put_to_use(pack.pack)
            return self.get(name)

    def verify(self, name: str | None = None, *, progress: Progress = no_progress) -> tuple[FileReport, ...]:
        """Read every byte of one pack, or of all, and compare.

        Raises:
            PackNotFound: it is not installed.
        """
        packs = self.list() if name is None else (self.get(name),)
        return tuple(_verify_file(pack, file, progress) for pack in packs for file in pack.pack.files)

    def garbage(self, *, unused: bool = False) -> tuple[Removal, ...]:
        """What ``gc`` would remove: the rests of broken imports and, if asked, packs that are not in use."""
        rests = [
            Removal(path=path, size_bytes=folder_bytes(path), reason="broken import")
            for path in self._store.leftovers()
        ]
        idle = [
            Removal(path=pack.path, size_bytes=folder_bytes(pack.path), reason="not in use")
            for pack in self.list()
            if unused and not pack.in_use
        ]
        return (*rests, *idle)

    def gc(self, *, unused: bool = False) -> tuple[Removal, ...]:
        """Remove what nothing uses and say what it was."""
        with self._store.exclusive():
            removals = self.garbage(unused=unused)
            for removal in removals:
                self._note(Deed.REMOVED, removal.path.name, reason=removal.reason)
                shutil.rmtree(removal.path)
            return removals

    def _derive(self, pack: Pack, folder: Path) -> Pack:
        """Make the files that nobody ships, and record what came out."""
        if pack.shipped == pack.files:
            return pack
        if self._derivation is None:
            raise RuntimeError(f"the pack {pack.name} has derived files; this registry was built without a derivation")
        for file in pack.files:
            if file.derived_from is not None:
                self._derivation.derive(folder / file.derived_from, folder / file.path)
        return msgspec.structs.replace(pack, files=tuple(_recorded(folder, file) for file in pack.files))

    def _install(self, folder: Path, pack: Pack, provenance: Provenance) -> InstalledPack:
        self._note(Deed.INSTALLED, pack.name, hashes=provenance.value, manifest_sha256=_manifest_hash(pack))
        installed = self._store.put_in_place(folder, pack, provenance)
        if pack.engine in ENGINES and self._store.active_names().get(pack.seat) is None:
            self._put_to_use(pack)
        return self.get(installed.name)

    def _put_to_use(self, pack: Pack) -> None:
        names = self._store.active_names()
        before = names.get(pack.seat, "")
        self._note(Deed.USED, pack.name, seat=pack.seat.value, before=before, manifest_sha256=_manifest_hash(pack))
        self._store.set_active({**names, pack.seat: pack.name})

    def _require_space(self, pack: Pack, source: PackSource) -> None:
        sizes = source.sizes()
        # What is derived from a file is about as large as the file.
        needed = sum(sizes[file.derived_from or file.path] for file in pack.files) + _SPARE_BYTES
        free = shutil.disk_usage(self._store.root).free
        if needed > free:
            raise NotEnoughSpace(
                name=pack.name, needed=format_bytes(needed), free=format_bytes(free), folder=str(self._store.root)
            )

    def _note(self, deed: Deed, name: str, **facts: str) -> None:
        """Write down what is about to be done: better a deed too many in the history than one that nobody knows of."""
        at = self._clock.now().isoformat(timespec="microseconds")
        self._store.note({"at": at, "actor": self._actor, "action": deed.value, "pack": name, **facts})


def _manifest_hash(pack: Pack) -> str:
    """The hash of the manifest, which names the hash of every file: which bytes exactly these were."""
    return hashlib.sha256(write_manifest(pack)).hexdigest()


def _identify(source: PackSource, known_as: str | None) -> tuple[Pack, Provenance]:
    """The pack that the source holds, and who vouches for its hashes."""
    manifest = read_manifest_bytes(source)
    if manifest is not None:
        own = read_manifest(manifest, source=source.label)
        published = catalogue().get(known_as or own.name)
        return _completed(published, own) if published else (own, _provenance(own, Provenance.MANIFEST))
    published = known_pack(known_as) if known_as else recognise(source)
    if published is not None:
        return published, _provenance(published, Provenance.PUBLISHED)
    weights = [name for name in source.sizes() if name.endswith(".gguf")]
    if len(weights) == 1:
        return _pack_of_gguf(source, weights[0]), Provenance.RECORDED
    raise UnknownPack(source=source.label, choices=", ".join(catalogue()))


def _completed(published: Pack, own: Pack) -> tuple[Pack, Provenance]:
    """The catalogue's entry; where it knows no hash, the manifest's claim."""
    claims = {file.path: file for file in own.files}
    files = tuple(file if file.sha256 else claims.get(file.path, file) for file in published.shipped)
    derived = tuple(file for file in published.files if file.derived_from is not None)
    known = _provenance(published, Provenance.PUBLISHED)
    pack = msgspec.structs.replace(published, files=(*files, *derived))
    return pack, known if known is Provenance.PUBLISHED else _provenance(pack, Provenance.MANIFEST)


def _provenance(pack: Pack, vouched_by: Provenance) -> Provenance:
    return vouched_by if all(file.sha256 for file in pack.shipped) else Provenance.RECORDED


def _pack_of_gguf(source: PackSource, path: str) -> Pack:
    """A manifest for a bare GGUF file, from what the file says about itself."""
    info = next(read_gguf(stream, source=source.label) for name, stream in source.members() if name == path)
    # The file's own list of languages is a claim and not a measurement.
    languages = {tag: LanguageNote(Fitness.UNKNOWN, "declared by the file") for tag in info.languages if len(tag) == 2}
    size_bytes = source.sizes()[path]
    pack = Pack(
        name=pack_name_from(Path(path).stem),
        kind=PackKind.LANGUAGE,
        title=info.name or Path(path).stem,
        engine="gguf",
        licence=info.licence or "unknown",
        devices=("cpu", "cuda"),
        memory_bytes=size_bytes + 512 * MIB,
        context_tokens=info.context_tokens,
        files=(PackFile(path=path, size_bytes=size_bytes),),
        languages=languages,
    )
    # The constructor trusts its caller; a file's name and what it says about itself are somebody else's words.
    return read_manifest(write_manifest(pack), source=source.label)


def _copy_files(source: PackSource, pack: Pack, folder: Path, progress: Progress) -> Pack:
    """Copy the declared files, and return the pack with every hash and size filled in."""
    declared = {file.path: file for file in pack.shipped}
    sizes = source.sizes()
    found: dict[str, PackFile] = {}
    for path, stream in source.members():
        file = declared.get(path)
        if file is None or path in found:
            continue
        limit = sizes[path] if file.size_bytes is None else file.size_bytes
        sha256 = copy_hashed(stream, folder / path, limit_bytes=limit, progress=progress)
        if file.sha256 not in (None, sha256):
            raise HashMismatch(name=pack.name, path=path, expected=file.sha256, found=sha256)
        found[path] = PackFile(path=path, sha256=sha256, size_bytes=(folder / path).stat().st_size)
    return msgspec.structs.replace(pack, files=tuple(found.get(file.path, file) for file in pack.files))


def _verify_file(pack: InstalledPack, file: PackFile, progress: Progress) -> FileReport:
    path = pack.path / file.path
    if not path.is_file():
        return FileReport(pack=pack.name, path=file.path, state=FileState.MISSING, expected=file.sha256)
    found = hash_file(path, progress)
    state = FileState.OK if found == file.sha256 else FileState.CHANGED
    return FileReport(pack=pack.name, path=file.path, state=state, expected=file.sha256, found=found)


def _recorded(folder: Path, file: PackFile) -> PackFile:
    if file.derived_from is None:
        return file
    path = folder / file.path
    return msgspec.structs.replace(file, sha256=hash_file(path), size_bytes=path.stat().st_size)


def _same_files(one: Pack, other: Pack) -> bool:
    """Whether both are known to hold the same bytes; a pack without hashes is never known to."""
    hashes = {file.path: file.sha256 for file in other.shipped}
    same_paths = {file.path for file in one.files} == {file.path for file in other.files}
    return same_paths and None not in hashes.values() and {file.path: file.sha256 for file in one.shipped} == hashes


def _strays(folder: Path, pack: Pack) -> tuple[Path, ...]:
    declared = {file.path for file in pack.shipped}
    return tuple(p for p in folder.rglob("*") if p.is_file() and p.relative_to(folder).as_posix() not in declared)
