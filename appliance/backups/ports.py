"""What the room needs from the engine that keeps the database, and from where copies lie.

Whoever needs a database as it was (a drill, a restore, the rehearsal of an upgrade) asks ``PointInTimeDatabase``::

    mark = database.mark("upgrade-0.2.0")               # in the archived log when this returns
    database.restore(Latest(), into=folder)             # the running server is not touched
    with scratch.running(folder) as server: ...         # socket only, nothing of it is archived
    database.rewind(mark)                               # in place; stops and starts the server
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol

from appliance.backups.model import Archive, BackupKind, DatabaseBackup, Mark, Moment
from appliance.database.ports import DatabaseServer


class PointInTimeDatabase(Protocol):
    """The appliance's database, in backups and an archived log that lead to any moment between them.

    May be used by root and by the database server's own account alike.
    """

    def take(self, kind: BackupKind) -> DatabaseBackup:
        """Back it up while it is written to; the log that makes the backup consistent is archived on return.

        Without the backups that a smaller kind needs it becomes a full one.

        Raises:
            DepotFull, EngineFailed: nothing was added; the running server does not notice.
        """
        ...

    def backups(self) -> Sequence[DatabaseBackup]:
        """Those that are there, oldest first.

        Raises:
            EngineFailed: the repository cannot be read.
        """
        ...

    def mark(self, name: str) -> Mark:
        """Name this moment; the log up to it is archived on return, so that it can be gone back to.

        Args:
            name: small letters, digits, dots and hyphens; unique, since the first of that name after a backup counts.

        Raises:
            MarkNotKept: the archive did not take it in time.
        """
        ...

    def restore(self, moment: Moment, *, into: Path) -> DatabaseBackup:
        """Write the database files as of ``moment`` into a folder; the log is replayed at the server's first start.

        Args:
            into: made when missing, of mode 0700; what is there already is made to match, so that a broken run can be
                repeated.

        Returns:
            the backup that it starts from.

        Raises:
            NoBackup: none ended before that moment.
            EngineFailed: for want of space or a damaged repository; ``into`` is not usable.
        """
        ...

    def rewind(self, moment: Moment) -> DatabaseBackup:
        """Take the running database back in place: stop the server, put back what differs, replay, start.

        Whatever was committed after ``moment`` is lost. On return the server answers and can be written to, on a new
        timeline. Killed at any point, it can be repeated.

        Raises:
            NoBackup: none ended before that moment; nothing was touched.
            EngineFailed, ServerWontStart: the server is down; repeat it, with the same moment or an earlier one.
        """
        ...


class Repository(Protocol):
    """The backups as things that take room and may be damaged."""

    def expire(self, label: str) -> None:
        """Forget a backup, those that need it, and the log that nothing needs any more.

        Raises:
            EngineFailed: also for the last full backup, which is never forgotten.
        """
        ...

    def verify(self) -> Sequence[str]:
        """Read all of it; what is damaged or missing, one sentence each; empty when nothing is.

        Raises:
            EngineFailed: it could not be looked at.
        """
        ...

    def archive(self) -> Archive:
        """How far the log has got.

        Raises:
            DatabaseUnavailable: the server does not answer.
        """
        ...


class DatabaseInBackups(PointInTimeDatabase, Repository, Protocol):
    """Both of what the engine can do."""


class ScratchServers(Protocol):
    """Servers over restored folders: for a look, gone afterwards."""

    def running(self, folder: Path) -> AbstractContextManager[DatabaseServer]:
        """A server over ``folder`` inside this block, replayed to its moment and writable; nothing of it is archived.

        Only this process's account and root reach it, through a socket.

        Raises:
            ServerWontStart: the replay failed, or the folder holds no database.
        """
        ...


class Envelope(Protocol):
    """Seals what only people elsewhere may open."""

    def seal(self, plain: bytes, recipients: Sequence[str]) -> bytes:
        """Encrypt so that each recipient alone can open it."""
        ...

    def open(self, sealed: bytes, key: Path) -> bytes:
        """What is inside, with the key in a file.

        Raises:
            KeyFitsNot: another key, or it was changed.
        """
        ...


class CopyTarget(Protocol):
    """A further place for copies of the whole folder of backups."""

    @property
    def name(self) -> str:
        """As the configuration calls it."""
        ...

    def send_all(self, folder: Path, *, forget: bool) -> None:
        """Make the place hold everything that the folder does; a set's description goes last.

        Args:
            forget: also remove there what the folder does not hold any more.

        Raises:
            TargetUnreachable, TargetFull: what is there already stays usable.
        """
        ...

    def send_new(self, folder: Path, *, since: datetime | None) -> None:
        """Copy log and recordings that came into the folder after ``since``; unset looks at all.

        Raises:
            TargetUnreachable, TargetFull.
        """
        ...

    def fetch(self, folder: Path) -> None:
        """Copy everything that the place holds into an empty folder; a broken run is repeated.

        Raises:
            TargetUnreachable, DepotFull.
        """
        ...
