"""Backups of the database, and the moments that it can be taken back to. Pure."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

_MARK = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")
_LABEL = re.compile(r"\d{8}-\d{6}F(_\d{8}-\d{6}[DI])?")


class BackupKind(StrEnum):
    """How much of the database a backup holds itself."""

    FULL = "full"
    DIFFERENTIAL = "diff"
    """What changed since the last full one, which it needs."""
    INCREMENTAL = "incr"
    """What changed since the last one of any kind, which it needs."""


@dataclass(frozen=True, slots=True)
class DatabaseBackup:
    """One backup of the database.

    Args:
        label: its name in the repository; it begins with that of the full backup that it needs.
        began_at, ended_at: it can be taken back to any archived moment after ``ended_at``.
        needs: labels of the backups without which it cannot be used.
        wal_first, wal_last: segments of the log that make it consistent.
        database_bytes: size of the database.
        kept_bytes: what it added to the repository.
    """

    label: str
    kind: BackupKind
    began_at: datetime
    ended_at: datetime
    needs: tuple[str, ...]
    wal_first: str
    wal_last: str
    database_bytes: int
    kept_bytes: int


@dataclass(frozen=True, slots=True)
class Latest:
    """As far as the archived log goes."""

    def __str__(self) -> str:
        return "the latest moment"


@dataclass(frozen=True, slots=True)
class AtTime:
    """As it was then: with what was committed until then, and nothing after.

    Raises:
        ValueError: a time without its zone.
    """

    at: datetime

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError("a moment needs its time zone")

    def __str__(self) -> str:
        return f"{self.at.isoformat(timespec='seconds')}"


@dataclass(frozen=True, slots=True)
class AtBackup:
    """As it was when that backup ended.

    Raises:
        ValueError: no such name of a backup.
    """

    label: str

    def __post_init__(self) -> None:
        if not _LABEL.fullmatch(self.label):
            raise ValueError(f"{self.label!r} is no name of a backup")

    def __str__(self) -> str:
        return f"the backup {self.label}"


@dataclass(frozen=True, slots=True)
class Mark:
    """A restore point that the archived log holds already: as it was in that moment.

    Raises:
        ValueError: no such name of a mark, or a time without its zone.
    """

    name: str
    at: datetime
    lsn: str = ""

    def __post_init__(self) -> None:
        if not _MARK.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no name of a mark")
        if self.at.tzinfo is None:
            raise ValueError("a moment needs its time zone")

    def __str__(self) -> str:
        return f"the mark {self.name}"


Moment = Latest | AtTime | AtBackup | Mark
"""What a database can be taken back to."""


@dataclass(frozen=True, slots=True)
class Archive:
    """How far the log of the running database has got into the repository.

    Args:
        last_at: when a segment was archived last.
        last_segment: which one.
        failed_at: when archiving failed last.
        pending_s: for how long something committed has not been archived; 0 when all of it is.
        queue_bytes: log that waits on the database's own disk.
        gap: true when the last segment that the server believes archived is not in the repository.
    """

    last_at: datetime | None
    last_segment: str
    failed_at: datetime | None
    pending_s: float
    queue_bytes: int
    gap: bool
