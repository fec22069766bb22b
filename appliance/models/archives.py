"""The files of a pack, wherever they lie: in a folder, in an archive, or as one file of weights.

An archive comes from a USB stick or the network and is not trusted: only plain files with plain relative names come out
of it, nothing is ever extracted by the archive's own idea of a path, and what is read is bounded by what the manifest
declares.
"""

import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

import zstandard

from appliance.models.errors import FileMissing, ManifestInvalid, UnreadableSource, UnsafeArchive
from appliance.models.manifest import MAX_MANIFEST_BYTES
from appliance.models.model import MANIFEST_NAME

Member = tuple[str, IO[bytes]]
_BROKEN = (tarfile.TarError, zipfile.BadZipFile, zstandard.ZstdError, EOFError, NotImplementedError, RuntimeError)
# zipfile answers encrypted members with RuntimeError and unknown methods with NotImplementedError.


class PackSource(Protocol):
    """Where the files of one pack are read from."""

    @property
    def label(self) -> str:
        """The source as the reader knows it."""
        ...

    def sizes(self) -> dict[str, int]:
        """Path (relative to the pack's own folder) and size of every file."""
        ...

    def members(self) -> Iterator[Member]:
        """Every file once, in the order that is cheapest to read. A stream is valid until the next one is asked for."""
        ...


def open_source(path: Path) -> PackSource:
    """The files at ``path``.

    Raises:
        UnreadableSource: it is no folder, no archive of a known kind and no GGUF file, or it is damaged.
        UnsafeArchive: a member is a link, a device, or leaves the archive's folder.
    """
    if path.is_dir():
        return FolderSource(path)
    if not path.is_file():
        raise UnreadableSource(source=str(path), reason="it does not exist")
    with path.open("rb") as file:
        magic = file.read(4)
    if magic == b"GGUF":
        return SingleFileSource(path)
    if magic == b"PK\x03\x04":
        return ArchiveSource(path, _zip_members)
    if magic == b"\x28\xb5\x2f\xfd" or magic[:2] == b"\x1f\x8b" or tarfile.is_tarfile(path):
        return ArchiveSource(path, _tar_members)
    raise UnreadableSource(source=str(path), reason="its first bytes are of no known kind")


def read_manifest_bytes(source: PackSource) -> bytes | None:
    """The bytes of the source's own ``pack.toml``, if it has one."""
    for name, stream in source.members():
        if name == MANIFEST_NAME:
            data = stream.read(MAX_MANIFEST_BYTES + 1)
            if len(data) > MAX_MANIFEST_BYTES:
                raise ManifestInvalid(source=source.label, reason="it is larger than 1 MiB")
            return data
    return None


class FolderSource:
    """A folder with the model's files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def label(self) -> str:
        return str(self._folder)

    def sizes(self) -> dict[str, int]:
        return {name: path.stat().st_size for name, path in self._files()}

    def members(self) -> Iterator[Member]:
        for name, path in self._files():
            with path.open("rb") as stream:
                yield name, stream

    def _files(self) -> Iterator[tuple[str, Path]]:
        # A hub's snapshot folder is made of links to its blobs: links to files are followed, links to folders are not.
        for path in sorted(self._folder.rglob("*")):
            if path.is_file():
                yield path.relative_to(self._folder).as_posix(), path


class SingleFileSource:
    """One file that is the whole model."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def label(self) -> str:
        return str(self._path)

    def sizes(self) -> dict[str, int]:
        return {self._path.name: self._path.stat().st_size}

    def members(self) -> Iterator[Member]:
        with self._path.open("rb") as stream:
            yield self._path.name, stream


class ArchiveSource:
    """A tar or zip archive; the folder that holds the manifest (or the only top folder) is the pack's own."""

    def __init__(self, path: Path, reader: Callable[[Path], Iterator[tuple[str, int, IO[bytes]]]]) -> None:
        self._path = path
        self._reader = reader
        self._sizes = {name: size for name, size, _ in self._read()}
        self._prefix = _pack_folder(tuple(self._sizes))

    @property
    def label(self) -> str:
        return str(self._path)

    def sizes(self) -> dict[str, int]:
        return {name.removeprefix(self._prefix): size for name, size in self._sizes.items() if self._inside(name)}

    def members(self) -> Iterator[Member]:
        for name, _, stream in self._read():
            if self._inside(name):
                yield name.removeprefix(self._prefix), stream

    def _inside(self, name: str) -> bool:
        return name.startswith(self._prefix)

    def _read(self) -> Iterator[tuple[str, int, IO[bytes]]]:
        try:
            yield from self._reader(self._path)
        except _BROKEN as error:
            raise UnreadableSource(source=self.label, reason=str(error) or "it is damaged") from error


def _pack_folder(names: tuple[str, ...]) -> str:
    manifests = [name for name in names if PurePosixPath(name).name == MANIFEST_NAME]
    if manifests:
        return min(manifests, key=len).removesuffix(MANIFEST_NAME)
    tops = {name.partition("/")[0] for name in names if "/" in name}
    return f"{tops.pop()}/" if len(tops) == 1 and all("/" in name for name in names) else ""


def _tar_members(path: Path) -> Iterator[tuple[str, int, IO[bytes]]]:
    with path.open("rb") as raw:
        compressed = raw.read(4) == b"\x28\xb5\x2f\xfd"
        raw.seek(0)
        plain = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(raw) if compressed else raw
        with closing(plain), tarfile.open(fileobj=plain, mode="r|" if compressed else "r|*") as archive:
            for member in archive:
                if member.isdir():
                    continue
                if not member.isreg():
                    raise UnsafeArchive(source=str(path), member=member.name, reason="is not a plain file")
                stream = archive.extractfile(member)
                if stream is None:
                    raise UnsafeArchive(source=str(path), member=member.name, reason="has no content")
                yield _safe_name(path, member.name), member.size, stream


def _zip_members(path: Path) -> Iterator[tuple[str, int, IO[bytes]]]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.is_dir():
                continue
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG):
                raise UnsafeArchive(source=str(path), member=member.filename, reason="is not a plain file")
            with archive.open(member) as stream:
                yield _safe_name(path, member.filename), member.file_size, stream


def _safe_name(path: Path, name: str) -> str:
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts or "\\" in name or "\0" in name:
        raise UnsafeArchive(source=str(path), member=name, reason="leaves the archive's folder")
    return pure.as_posix()


def require(source: PackSource, name: str, paths: tuple[str, ...]) -> None:
    """Make sure that the source holds every file of the pack, before anything is copied.

    Raises:
        FileMissing: naming the first that is not there.
    """
    there = source.sizes()
    for path in paths:
        if path not in there:
            raise FileMissing(source=source.label, path=path, name=name)
