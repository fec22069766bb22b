"""The files of a bundle where they lie: an unpacked folder, an archive, or an archive in parts.

Nothing is unpacked here, and nothing but plain files with plain names comes out.
"""

import io
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

from appliance.releases.errors import (
    BundleFileMissing,
    BundleNotFound,
    BundlePartMissing,
    BundleUnreadable,
    HostileMember,
)
from appliance.releases.model import MAX_FILES, is_plain_path
from appliance.releases.sums import SIGNATURE_NAME, SUMS_NAME
from appliance.releases.tape import BLOCK, HostileHeader, Member, TapeDamaged, read_members

FIRST_PART = ".001"
_MAX_PARTS = 999


class Contents(Protocol):
    """The files of one bundle; nothing about them has been believed yet except that they are plain files."""

    @property
    def label(self) -> str:
        """The bundle as the reader knows it."""
        ...

    def sizes(self) -> Mapping[str, int]:
        """Path, relative to the bundle's own folder, and size of every file."""
        ...

    def open(self, path: str) -> IO[bytes]:
        """A file of ``sizes`` for reading."""
        ...


@contextmanager
def open_contents(source: Path) -> Iterator[Contents]:
    """The files at ``source``, until the context ends.

    Raises:
        BundleNotFound, BundlePartMissing: it, or a part of it, is not there.
        BundleUnreadable: it is no archive of our form, or it is damaged.
        HostileMember: it holds a link, a device, or a name that leaves its folder.
    """
    if source.is_dir():
        yield FolderContents(source)
    elif not source.is_file():
        raise BundleNotFound(source=source)
    else:
        with _open_parts(source) as archive:
            yield ArchiveContents(source.name, archive)


def claims_signature(source: Path) -> bool:
    """Whether somebody may have signed for what lies at ``source``: a quick look, nothing is believed."""
    if source.is_dir():
        return (source / SIGNATURE_NAME).is_file()
    if not source.is_file():
        return False
    with source.open("rb") as archive:
        return archive.read(BLOCK)[:100].rstrip(b"\0").endswith(f"/{SUMS_NAME}".encode())


def read_limited(contents: Contents, path: str, limit_bytes: int) -> bytes:
    """The bytes of a small file.

    Raises:
        BundleFileMissing: the bundle has none by this name.
        BundleUnreadable: it is larger than such a file ever is.
    """
    if path not in contents.sizes():
        raise BundleFileMissing(source=contents.label, path=path)
    with contents.open(path) as stream:
        data = stream.read(limit_bytes + 1)
    if len(data) > limit_bytes:
        raise BundleUnreadable(source=contents.label, reason=f"{path} is larger than {limit_bytes} bytes")
    return data


class FolderContents:
    """An unpacked bundle."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sizes = dict(self._walk(folder, ""))

    @property
    def label(self) -> str:
        return str(self._folder)

    def sizes(self) -> Mapping[str, int]:
        return self._sizes

    def open(self, path: str) -> IO[bytes]:
        # O_NOFOLLOW: what was a plain file when it was listed may have become a link since.
        return os.fdopen(os.open(self._folder / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")

    def _walk(self, folder: Path, prefix: str) -> Iterator[tuple[str, int]]:
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            path = f"{prefix}{entry.name}"
            status = entry.stat(follow_symlinks=False)
            if not is_plain_path(path):
                raise HostileMember(source=self.label, member=ascii(path), reason="has a name that no bundle has")
            if stat.S_ISDIR(status.st_mode):
                yield from self._walk(Path(entry.path), f"{path}/")
            elif stat.S_ISREG(status.st_mode):
                yield path, status.st_size
            else:
                raise HostileMember(source=self.label, member=path, reason="is not a plain file")


class ArchiveContents:
    """A bundle in its archive; every name is under one folder, which is not part of the paths."""

    def __init__(self, label: str, archive: IO[bytes]) -> None:
        self._label = label
        self._archive = archive
        self._members: dict[str, Member] = {}
        self.folder = ""
        try:
            for member in read_members(archive):
                self._admit(member)
        except HostileHeader as error:
            raise HostileMember(source=label, member=error.member, reason=error.reason) from error
        except TapeDamaged as error:
            raise BundleUnreadable(source=label, reason=str(error)) from error
        if not self._members:
            raise BundleUnreadable(source=label, reason="it is empty")

    @property
    def label(self) -> str:
        return self._label

    def sizes(self) -> Mapping[str, int]:
        return {path: member.size_bytes for path, member in self._members.items()}

    def open(self, path: str) -> IO[bytes]:
        member = self._members[path]
        return io.BufferedReader(_Window(self._archive, member.offset, member.size_bytes), 1 << 18)

    def _admit(self, member: Member) -> None:
        folder, _, path = member.name.partition("/")
        if not is_plain_path(path) or not is_plain_path(folder):
            raise HostileHeader(member.name, "has a name that no bundle has")
        if folder != (self.folder or folder):
            raise HostileHeader(member.name, f"lies outside of {self.folder}")
        if path in self._members:
            raise HostileHeader(member.name, "is there twice")
        if len(self._members) >= MAX_FILES:
            raise TapeDamaged(f"it holds more than {MAX_FILES} files")
        self.folder = folder
        self._members[path] = member


class _Window(io.RawIOBase):
    """A stretch of a larger stream."""

    def __init__(self, stream: IO[bytes], offset: int, size_bytes: int) -> None:
        self._stream = stream
        self._position = offset
        self._end = offset + size_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the buffer is always a memoryview
        self._stream.seek(self._position)
        data = self._stream.read(min(len(buffer), self._end - self._position))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


class _Parts(io.RawIOBase):
    """Files one after the other, read as one."""

    def __init__(self, files: list[IO[bytes]]) -> None:
        self._files = files
        self._starts = [0]
        for file in files:
            self._starts.append(self._starts[-1] + file.seek(0, os.SEEK_END))
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._starts[-1]}[whence]
        self._position = base + offset
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the buffer is always a memoryview
        for file, start, end in zip(self._files, self._starts, self._starts[1:], strict=False):
            if start <= self._position < end:
                file.seek(self._position - start)
                data = file.read(min(len(buffer), end - self._position))
                buffer[: len(data)] = data
                self._position += len(data)
                return len(data)
        return 0

    def close(self) -> None:
        for file in self._files:
            file.close()
        super().close()


def _open_parts(source: Path) -> IO[bytes]:
    if not source.name.endswith(FIRST_PART):
        return source.open("rb")
    stem = source.name.removesuffix(FIRST_PART)
    found = {int(path.suffix[1:]) for path in source.parent.glob(f"{stem}.[0-9][0-9][0-9]")}
    for number in range(1, max(found) + 1):
        if number not in found:
            raise BundlePartMissing(source=source.name, part=f"{stem}.{number:03}")
    # A missing last part shows as an archive that breaks off.
    files: list[IO[bytes]] = [
        (source.parent / f"{stem}.{number:03}").open("rb") for number in sorted(found)[:_MAX_PARTS]
    ]
    return io.BufferedReader(_Parts(files), 1 << 18)
