"""Where backups lie: a folder with recordings, sets and pgBackRest's repository, each file written whole or not at all.

::

    blobs/NA/NAME, blobs/SHA256SUMS      recordings (ciphertext), and their hashes as they were copied
    sets/ID/                             backup.json, blobs.sha256, machine.tar.age
    pgbackrest/                          the database and its log, encrypted by pgBackRest
    reports/                             signed reports of drills
"""

import errno
import fcntl
import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from appliance.backups.errors import BackupBusy, DepotFull, DepotMissing, SetDamaged
from appliance.backups.sets import is_set_id, read_list
from appliance.kernel.durable import sync_folder
from appliance.kernel.units import MIB, format_bytes

SUMS = "SHA256SUMS"
COPY_BYTES = 4 * MIB
SPARE_BYTES = 64 * MIB
"""Room that a copy leaves: the database's log goes to the same file system."""
PATIENCE_S = 600.0
"""How long a backup waits for a pass that came before it: both begin by the clock, and often in the same second."""
POLL_S = 0.2

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
_BLOB = re.compile(r"[0-9a-z][0-9a-z-]{1,63}")


@dataclass(frozen=True, slots=True)
class Copied:
    """What a pass over the recordings copied."""

    count: int
    bytes: int


class Depot:
    """One folder of backups.

    Args:
        folder: on a file system of its own.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.blobs = folder / "blobs"
        self.sets = folder / "sets"
        self.reports = folder / "reports"
        self.repository = folder / "pgbackrest"

    def require_mounted(self) -> None:
        """Let nothing be written to the disk of the data by mistake.

        Raises:
            DepotMissing: it is not a file system of its own.
        """
        if not self.folder.is_mount():
            raise DepotMissing(place=self.folder)

    def prepare(self) -> None:
        """Make its folders where they lack."""
        for path in (self.blobs, self.sets, self.reports):
            path.mkdir(mode=0o750, exist_ok=True)

    @contextmanager
    def alone(self, *, patience_s: float = 0.0) -> Iterator[None]:
        """One at a time; the lock ends with its holder, however that ends.

        Raises:
            BackupBusy: somebody else is at it, and was to the end of our patience.
        """
        deadline = time.monotonic() + patience_s
        descriptor = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError as busy:
                    if time.monotonic() >= deadline:
                        raise BackupBusy from busy
                time.sleep(POLL_S)
            yield
        finally:
            os.close(descriptor)

    def free_bytes(self) -> int:
        """Room that is left."""
        return shutil.disk_usage(self.folder).free

    # --- Recordings ---------------------------------------------------------------------------------------------------

    def sums(self) -> dict[str, str]:
        """Path and hash of every recording that was copied whole."""
        try:
            with (self.blobs / SUMS).open("rb") as lines:
                return dict(read_list(_whole_lines(lines), set_id=SUMS))
        except FileNotFoundError:
            return {}

    def copy_blobs(self, source: Path, advance: Callable[[int], object] = lambda _: None) -> Copied:
        """Copy recordings of ``source`` that are not here yet: hashed, and on the disk when this returns.

        Args:
            source: folder of stored recordings, as ``NA/NAME``; one that is deleted meanwhile is left out.
            advance: is told bytes as they are copied.

        Raises:
            DepotFull: nothing half copied stays.
        """
        self._mend_sums()
        known = self.sums()
        count = size = 0
        for path in stored(source):
            name = f"{path.parent.name}/{path.name}"
            target = self.blobs / name
            try:
                bytes_there = path.stat().st_size
                if name in known and target.exists() and target.stat().st_size == bytes_there:
                    continue
                self.require_room(bytes_there)
                hashed = copy_whole(path, target, advance)
            except FileNotFoundError:
                continue
            self._append(name, hashed)
            count, size = count + 1, size + bytes_there
        return Copied(count, size)

    def forget_blobs(self, wanted: Iterable[str]) -> Copied:
        """Remove recordings that are not among ``wanted``."""
        keep, known = set(wanted), self.sums()
        count = size = 0
        for path in list(stored(self.blobs)):
            if (name := f"{path.parent.name}/{path.name}") not in keep:
                size += path.stat().st_size
                path.unlink()
                count += 1
                known.pop(name, None)
        lines = b"".join(f"{hashed}  {name}\n".encode() for name, hashed in known.items() if name in keep)
        write_whole(self.blobs / SUMS, lines)
        return Copied(count, size)

    def damaged_blobs(
        self, listed: Mapping[str, str], advance: Callable[[int], object] = lambda _: None
    ) -> Iterator[str]:
        """Those of a list that are missing, or not as they were."""
        for name, expected in listed.items():
            try:
                found = sha256_of(self.blobs / name, advance)
            except FileNotFoundError:
                yield f"the recording {name} is missing"
                continue
            if found != expected:
                yield f"the recording {name} is not as it was copied"

    # --- Sets ---------------------------------------------------------------------------------------------------------

    def set_ids(self) -> list[str]:
        """Names of the sets that are whole, oldest first."""
        if not self.sets.is_dir():
            return []
        return sorted(path.name for path in self.sets.iterdir() if is_set_id(path.name))

    @contextmanager
    def new_set(self, set_id: str) -> Iterator[Path]:
        """A folder to write a set into; it gets its name when the block ends well, and is gone otherwise."""
        partial = self.sets / f"{set_id}.partial"
        for left in self.sets.glob("*.partial"):
            shutil.rmtree(left)
        partial.mkdir(mode=0o750)
        try:
            yield partial
            for path in (*partial.iterdir(), partial):
                _sync(path)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        partial.rename(self.sets / set_id)
        sync_folder(self.sets)

    def remove_set(self, set_id: str) -> None:
        """Forget a set's description; a crash in between leaves nothing that counts."""
        doomed = self.sets / f"{set_id}.partial"
        (self.sets / set_id).rename(doomed)
        sync_folder(self.sets)
        shutil.rmtree(doomed)

    def read(self, set_id: str, name: str, *, limit: int) -> bytes:
        """One file of a set.

        Raises:
            SetDamaged: it is missing, or longer than it can be.
        """
        path = self.sets / set_id / name
        try:
            with path.open("rb") as file:
                content = file.read(limit + 1)
        except OSError as error:
            raise SetDamaged(set_id=set_id, what=f"{name} cannot be read ({error.strerror})") from error
        if len(content) > limit:
            raise SetDamaged(set_id=set_id, what=f"{name} is longer than {limit} bytes")
        return content

    def blob_list(self, set_id: str, name: str) -> dict[str, str]:
        """Path and hash of each recording of a set.

        Raises:
            SetDamaged, SetUnreadable: the list is missing, or none.
        """
        try:
            with (self.sets / set_id / name).open("rb") as lines:
                return dict(read_list(lines, set_id=set_id))
        except OSError as error:
            raise SetDamaged(set_id=set_id, what=f"{name} cannot be read ({error.strerror})") from error

    def require_room(self, needed: int) -> None:
        """Ask for room before it is taken.

        Raises:
            DepotFull: there is none.
        """
        free = self.free_bytes()
        if free < needed + SPARE_BYTES:
            raise DepotFull(place=self.folder, free=format_bytes(free), needed=format_bytes(needed + SPARE_BYTES))

    def _mend_sums(self) -> None:
        """Cut off a line that a power cut left unfinished, so that the next one begins as one."""
        path = self.blobs / SUMS
        if path.exists() and not (content := path.read_bytes()).endswith(b"\n") and content:
            write_whole(path, content[: content.rfind(b"\n") + 1])

    def _append(self, name: str, hashed: str) -> None:
        path = self.blobs / SUMS
        with path.open("ab") as file:
            file.write(f"{hashed}  {name}\n".encode())
            file.flush()
            os.fsync(file.fileno())


def stored(folder: Path) -> Iterator[Path]:
    """Recordings in ``folder``, as ``NA/NAME``."""
    if not folder.is_dir():
        return
    for part in sorted(folder.iterdir()):
        if len(part.name) == 2 and part.is_dir():
            yield from (path for path in sorted(part.iterdir()) if _BLOB.fullmatch(path.name))


def copy_whole(source: Path, target: Path, advance: Callable[[int], object] = lambda _: None) -> str:
    """Copy a file so that it has its name when it is whole and on the disk; returns its hash.

    Raises:
        DepotFull: nothing of it stays.
    """
    partial = target.with_name(f".{target.name}.partial")
    digest = hashlib.sha256()
    with source.open("rb", buffering=0) as reading:
        made = not target.parent.exists()
        target.parent.mkdir(mode=0o750, exist_ok=True)
        if made:
            sync_folder(target.parent.parent)
        try:
            with partial.open("wb", buffering=0) as writing:
                while part := reading.read(COPY_BYTES):
                    digest.update(part)
                    _write_all(writing.fileno(), part)
                    advance(len(part))
                os.fchmod(writing.fileno(), 0o440)
                os.fsync(writing.fileno())
            partial.rename(target)
        except OSError as failure:
            partial.unlink(missing_ok=True)
            if failure.errno not in _NO_ROOM:
                raise
            free = format_bytes(shutil.disk_usage(target.parent).free)
            raise DepotFull(place=target.parent, free=free, needed="more than that") from failure
    sync_folder(target.parent)
    return digest.hexdigest()


def write_whole(path: Path, content: bytes, *, mode: int = 0o640) -> None:
    """Write a file whole or not at all, and onto the disk.

    Raises:
        DepotFull: it is as it was.
    """
    fresh = path.with_name(f".{path.name}.new")
    try:
        with fresh.open("wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
    except OSError as failure:
        fresh.unlink(missing_ok=True)
        if failure.errno not in _NO_ROOM:
            raise
        raise DepotFull(place=path.parent, free="nothing", needed=format_bytes(len(content))) from failure
    fresh.replace(path)
    sync_folder(path.parent)


def sha256_of(path: Path, advance: Callable[[int], object] = lambda _: None) -> str:
    """The hash of a file."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while part := file.read(COPY_BYTES):
            digest.update(part)
            advance(len(part))
    return digest.hexdigest()


def _whole_lines(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Without a last line that a power cut left unfinished: that recording is copied again."""
    return (line for line in lines if line.endswith(b"\n"))


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
