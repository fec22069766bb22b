"""Packs on disk: one folder each, put in place by a rename, so that half a pack is never seen.

::

    <models>/packs/<name>/pack.toml      the manifest, then the files it names
    <models>/packs/<name>/.installed     how far its hashes are vouched for
    <models>/active.toml                 seat -> name of the pack in use
    <models>/incoming/                   imports on their way; what is left over there belongs to a broken one
    <models>/history.jsonl               what was installed, put to use and removed, by whom and when
"""

import fcntl
import hashlib
import json
import os
import shutil
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from appliance.kernel.durable import sync_folder
from appliance.models.errors import FolderNotWritable, ManifestInvalid
from appliance.models.manifest import read_manifest, write_manifest
from appliance.models.model import MANIFEST_NAME, InstalledPack, Pack, Provenance, Role

SETUP_SUFFIX = ".setup"
_SETUP_IDLE_S = 3600
BLOCK_BYTES = 1 << 20
Progress = Callable[[int], None]
"""Told the number of bytes just dealt with."""


def no_progress(_: int) -> None:
    """For callers that show nothing."""


class PackStore:
    """The models folder.

    Args:
        root: its path; made on the first write.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._packs = root / "packs"
        self._incoming = root / "incoming"
        self._active = root / "active.toml"
        self._history = root / "history.jsonl"

    def installed(self) -> tuple[InstalledPack, ...]:
        """Every pack, by name."""
        if not self._packs.is_dir():
            return ()
        names = sorted(path.name for path in self._packs.iterdir() if (path / MANIFEST_NAME).is_file())
        return tuple(self._load(name) for name in names)

    def find(self, name: str) -> InstalledPack | None:
        """The pack by its name."""
        # A name becomes a path: only a plain one may.
        plain = name == Path(name).name and not name.startswith(".")
        return self._load(name) if plain and (self._packs / name / MANIFEST_NAME).is_file() else None

    def active_names(self) -> dict[Role, str]:
        """Which pack is in use per seat."""
        try:
            chosen = tomllib.loads(self._active.read_text(encoding="utf-8"))
            return {Role(seat): str(name) for seat, name in chosen.items()}
        except FileNotFoundError:
            return {}
        except (tomllib.TOMLDecodeError, ValueError) as error:
            raise ManifestInvalid(source=str(self._active), reason=str(error)) from error

    def set_active(self, names: dict[Role, str]) -> None:
        """Put these packs to use, all at once."""
        text = "".join(f"{seat.value} = {json.dumps(name)}\n" for seat, name in sorted(names.items()))
        _write_durably(self._active, text.encode())

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """One writer at a time, across processes.

        Raises:
            FolderNotWritable: this user may not write here.
        """
        try:
            self._packs.mkdir(parents=True, exist_ok=True)
            self._incoming.mkdir(exist_ok=True)
            lock = (self.root / ".lock").open("a")
        except (PermissionError, NotADirectoryError, FileExistsError) as error:
            raise FolderNotWritable(folder=str(self.root)) from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def incoming(self, name: str) -> Path:
        """A folder for a pack that is being put together; kept over a broken run so that it can be resumed."""
        folder = self._incoming / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def put_in_place(self, folder: Path, pack: Pack, provenance: Provenance) -> InstalledPack:
        """Make the complete ``folder`` the installed pack; an older one of that name is gone afterwards."""
        _write_durably(folder / MANIFEST_NAME, write_manifest(pack))
        _write_durably(folder / ".installed", provenance.value.encode())
        target = self._packs / pack.name
        replaced = self._incoming / f"{pack.name}.replaced"
        shutil.rmtree(replaced, ignore_errors=True)
        if target.exists():
            target.rename(replaced)
        folder.rename(target)
        sync_folder(self._packs)
        shutil.rmtree(replaced, ignore_errors=True)
        return self._load(pack.name)

    def empty_incoming(self, name: str) -> Path:
        """An empty folder for a pack that is being copied; what a killed copy left in it is gone."""
        shutil.rmtree(self._incoming / name, ignore_errors=True)
        return self.incoming(name)

    def leftovers(self) -> tuple[Path, ...]:
        """What broken imports left behind, and setups that nobody went on with.

        Imports hold the lock, so a folder of theirs that can be seen here is broken. A setup fetches for a long time
        without it, so its folder counts only after an hour without a change.
        """
        if not self._incoming.is_dir():
            return ()
        return tuple(path for path in sorted(self._incoming.iterdir()) if not _may_go_on(path))

    def note(self, event: dict[str, str]) -> None:
        """Append one line to the folder's history, durably; what a power cut tore before it stays a line of its own."""
        line = json.dumps(event, ensure_ascii=False).encode() + b"\n"
        written = self._history.read_bytes() if self._history.exists() else b""
        with self._history.open("ab") as history:
            history.write(line if written.endswith(b"\n") or not written else b"\n" + line)
            history.flush()
            os.fsync(history.fileno())

    def history(self) -> tuple[bytes, ...]:
        """The lines of the folder's history, oldest first."""
        try:
            return tuple(line for line in self._history.read_bytes().split(b"\n") if line)
        except FileNotFoundError:
            return ()

    def _load(self, name: str) -> InstalledPack:
        folder = self._packs / name
        pack = read_manifest((folder / MANIFEST_NAME).read_bytes(), source=f"{name}/{MANIFEST_NAME}")
        try:
            provenance = Provenance((folder / ".installed").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            provenance = Provenance.RECORDED
        in_use = self.active_names().get(pack.seat) == name
        return InstalledPack(pack=pack, path=folder, provenance=provenance, in_use=in_use)


def copy_hashed(source: IO[bytes], target: Path, *, limit_bytes: int, progress: Progress) -> str:
    """Copy a stream durably and return its sha256; stops reading right behind ``limit_bytes``."""
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    copied = 0
    with target.open("wb") as file:
        while copied <= limit_bytes and (block := source.read(min(BLOCK_BYTES, limit_bytes + 1 - copied))):
            digest.update(block)
            file.write(block)
            copied += len(block)
            progress(len(block))
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def hash_file(path: Path, progress: Progress = no_progress) -> str:
    """The sha256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
            progress(len(block))
    return digest.hexdigest()


def folder_bytes(path: Path) -> int:
    """Bytes of all files in a folder (or of one file)."""
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def _may_go_on(path: Path) -> bool:
    return path.suffix == SETUP_SUFFIX and time.time() - path.stat().st_mtime < _SETUP_IDLE_S


def _write_durably(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    with new.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    sync_folder(path.parent)
