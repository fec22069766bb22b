"""Where the server's files and its socket are, and places for both that the server's user can reach.

``postgres`` and ``run`` in the data folder are folders, or links to folders elsewhere: the database of a data folder
that lies behind a closed one (``/root``) is kept under ``/var/lib/hangjegyzet``, and a socket whose path would be too
long for the system is kept under ``/run`` or ``/tmp``. Every process finds them through the data folder alone.
"""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import structlog

from appliance.adapters.postgres.account import ServerAccount, ourselves
from appliance.database.errors import (
    AccessRefused,
    DatabaseFilesGone,
    FolderNotOurs,
    FolderNotWritable,
    FolderUnreachable,
    SocketPathTooLong,
)

log = structlog.get_logger(__name__)

SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_LIMIT = 107
"""``sun_path`` has 108 bytes, the last one a zero (unix(7))."""

CLUSTERS = Path("/var/lib/hangjegyzet/clusters")
"""Where root keeps clusters whose data folder the server's user can't reach."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one embedded server."""

    data_dir: Path

    @property
    def cluster(self) -> Path:
        """The database files, with links resolved."""
        return (self.data_dir / "postgres").resolve()

    @property
    def socket_dir(self) -> Path:
        """The folder of the socket, with links resolved."""
        return (self.data_dir / "run").resolve()

    @property
    def socket(self) -> Path:
        """The socket itself."""
        return self.socket_dir / SOCKET_NAME

    @property
    def pid_file(self) -> Path:
        """Written by the server: its process, its socket, its state."""
        return self.cluster / "postmaster.pid"

    @property
    def gate(self) -> Path:
        """Locked while somebody starts or stops the server."""
        return self.data_dir / "postgres.lock"

    @property
    def users(self) -> Path:
        """Share-locked by every process that needs the server."""
        return self.data_dir / "postgres.users"

    @property
    def standing(self) -> Path:
        """Exists while the server is to stay up without users."""
        return self.data_dir / "postgres.standing"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.data_dir / "log" / "postgres.log"

    @property
    def exists(self) -> bool:
        """Whether a cluster was created here.

        Raises:
            AccessRefused: it is not for our eyes.
        """
        try:
            return (self.cluster / "PG_VERSION").is_file()
        except PermissionError as error:
            raise AccessRefused(place=self.data_dir, user=ourselves()) from error


def prepare_data_dir(layout: Layout) -> None:
    """Create the data folder, passable for the server's user and closed for reading.

    Raises:
        FolderNotWritable: it is not ours, or can't be made.
    """
    try:
        layout.data_dir.mkdir(parents=True, exist_ok=True, mode=0o711)
        layout.log.parent.mkdir(exist_ok=True, mode=0o700)
        writable = os.access(layout.data_dir, os.W_OK | os.X_OK)
    except (PermissionError, NotADirectoryError):
        writable = False
    if not writable:
        raise FolderNotWritable(folder=layout.data_dir, user=ourselves())


def prepare_cluster_parent(layout: Layout, account: ServerAccount) -> None:
    """Choose the place of the database files, before they are created.

    Raises:
        FolderUnreachable: neither the data folder nor the place that replaces it can be reached by the server's user.
        DatabaseFilesGone: there were files elsewhere, and the folder they were in is no longer there.
    """
    link = layout.data_dir / "postgres"
    if link.is_symlink() and not layout.cluster.parent.is_dir():
        raise DatabaseFilesGone(data_dir=layout.data_dir, place=layout.cluster)
    if link.is_symlink() or link.exists():
        if not account.may_pass(layout.cluster.parent):
            raise FolderUnreachable(folder=layout.cluster.parent, user=account.name)
        return
    if account.may_pass(layout.data_dir):
        return
    CLUSTERS.mkdir(parents=True, exist_ok=True, mode=0o755)
    home = Path(tempfile.mkdtemp(prefix=f"{_mark(layout.data_dir)}-", dir=CLUSTERS))
    home.chmod(0o711)
    if not account.may_pass(home):
        home.rmdir()
        raise FolderUnreachable(folder=layout.data_dir, user=account.name)
    link.symlink_to(home / "postgres")
    log.warning("database_kept_elsewhere", data_dir=str(layout.data_dir), place=str(home), user=account.name)


def prepare_socket_dir(layout: Layout, account: ServerAccount) -> Path:
    """Create the socket's folder, closed to everybody but the server's user (and root), where its path is short enough.

    Raises:
        SocketPathTooLong, FolderNotOurs, FolderUnreachable: no place works.
    """
    link = layout.data_dir / "run"
    if not link.is_symlink() and _fits(link.parent.resolve() / "run") and account.may_pass(layout.data_dir):
        return _private(link, account)
    for folder in _other_places(layout):
        if not (_fits(folder) and folder.parent.is_dir() and account.may_pass(folder.parent)):
            continue
        _private(folder, account)
        _point(link, folder)
        return folder
    if not _fits(link):
        raise SocketPathTooLong(path=link / SOCKET_NAME, limit=SOCKET_PATH_LIMIT)
    raise FolderUnreachable(folder=link, user=account.name)


def _other_places(layout: Layout) -> list[Path]:
    mark = _mark(layout.data_dir)
    beside_cluster = layout.cluster.parent / "run"
    runtime = [Path(folder) for folder in (os.environ.get("XDG_RUNTIME_DIR"), "/run") if folder]
    system = [folder / f"hangjegyzet-{mark}" for folder in runtime if os.access(folder, os.W_OK)]
    moved = [beside_cluster] if layout.cluster.parent != layout.data_dir.resolve() else []
    return [*moved, *system, Path(f"/tmp/hangjegyzet-{os.geteuid()}-{mark}")]  # noqa: S108  # made private below


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder / SOCKET_NAME)) <= SOCKET_PATH_LIMIT


def _mark(path: Path) -> str:
    """A short name for a path, the same in every process."""
    return hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:12]


def _private(folder: Path, account: ServerAccount) -> Path:
    """Make the folder, or accept it if it is one that we made; in ``/tmp`` somebody else may have been first."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        entry = folder.lstat()
        if folder.is_symlink() or not folder.is_dir() or entry.st_uid not in (os.geteuid(), account.uid):
            raise FolderNotOurs(folder=folder) from None
        folder.chmod(0o700)
    account.own(folder)
    return folder


def _point(link: Path, target: Path) -> None:
    """Set the link in one step, so that a process that reads it never finds it missing."""
    if link.is_dir() and not link.is_symlink():
        link.rmdir()
    fresh = link.with_name(f".{link.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(link)
