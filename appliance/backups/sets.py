"""What a backup says about itself: ``backup.json``, signed by the machine that made it, and the list of its recordings.

A set is a folder named by its moment. Its list is in the form of ``sha256sum``, so that it can be checked without us::

    cd blobs && sha256sum --check ../sets/20261123T013000Z/blobs.sha256
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from appliance.backups.errors import SetUnreadable
from appliance.backups.model import BackupKind

FORMAT = 1
KIND = "backup"
"""As what the description is signed."""
DESCRIPTION = "backup.json"
BLOB_LIST = "blobs.sha256"
MACHINE = "machine.tar.age"
"""Configuration and keys, for the custodians alone."""
MAX_DESCRIPTION_BYTES = 4 << 20
MAX_LINE_BYTES = 256

_ID = re.compile(r"\d{8}T\d{6}Z")
_BLOB_LINE = re.compile(rb"([0-9a-f]{64})  ([0-9a-z-]{2}/[0-9a-z][0-9a-z-]{1,63})\n?")

_Sha256 = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
_Word = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9._:@+/-]{1,128}\Z")]
_Label = Annotated[str, msgspec.Meta(pattern=r"\A\d{8}-\d{6}F(_\d{8}-\d{6}[DI])?\Z")]
_Segment = Annotated[str, msgspec.Meta(pattern=r"\A[0-9A-F]{24}\Z")]
_Count = Annotated[int, msgspec.Meta(ge=0, le=(1 << 53) - 1)]
_Moment = Annotated[str, msgspec.Meta(pattern=r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")]
_Counts = Annotated[dict[_Word, _Count], msgspec.Meta(max_length=500)]


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class DatabasePart(_Part, frozen=True):
    """The database of a set: which backup in the repository, and what that needs."""

    label: _Label
    kind: BackupKind
    needs: Annotated[tuple[_Label, ...], msgspec.Meta(max_length=1000)]
    version: Annotated[int, msgspec.Meta(ge=10, le=99)]
    """PostgreSQL's major one."""
    wal_first: _Segment
    wal_last: _Segment
    bytes: _Count
    kept_bytes: _Count


class BlobsPart(_Part, frozen=True):
    """The recordings of a set; ``sha256`` is that of the list."""

    count: _Count
    bytes: _Count
    sha256: _Sha256


class MachinePart(_Part, frozen=True):
    """Configuration and keys, encrypted to ``recipients``; ``sha256`` is that of the ciphertext."""

    sha256: _Sha256
    bytes: _Count
    recipients: Annotated[tuple[_Word, ...], msgspec.Meta(min_length=1, max_length=20)]


class TrailPart(_Part, frozen=True):
    """Where an organisation's audit chain stood before the database's backup ended."""

    tenant: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f-]{36}\Z")]
    seq: _Count
    hash: _Sha256


class BackupSet(_Part, frozen=True):
    """One backup: everything that belongs to it, and what a restored machine is compared with.

    ``rows_before`` and ``rows_after`` were counted around the database's backup: what is restored lies between them.
    """

    format: Annotated[int, msgspec.Meta(ge=FORMAT, le=FORMAT)]
    id: Annotated[str, msgspec.Meta(pattern=r"\A\d{8}T\d{6}Z\Z")]
    host: _Word
    release: _Word
    schema: _Word
    began: _Moment
    ended: _Moment
    database: DatabasePart
    blobs: BlobsPart
    machine: MachinePart
    trails: Annotated[tuple[TrailPart, ...], msgspec.Meta(max_length=10_000)]
    rows_before: _Counts
    rows_after: _Counts
    models: Annotated[tuple[_Word, ...], msgspec.Meta(max_length=100)]
    """Packs in use; they are not part of a backup and come from their own media."""

    def __post_init__(self) -> None:
        if instant(self.began) > instant(self.ended):
            raise ValueError("it ended before it began")

    @property
    def began_at(self) -> datetime:
        """When it began."""
        return instant(self.began)

    @property
    def ended_at(self) -> datetime:
        """From when on it can be gone back to."""
        return instant(self.ended)

    def payload(self) -> Mapping[str, Any]:
        """What is signed."""
        plain: Mapping[str, Any] = msgspec.to_builtins(self)
        return plain


def read_payload(payload: Mapping[str, Any], *, set_id: str) -> BackupSet:
    """The description that a signed envelope holds.

    Raises:
        SetUnreadable: it is none, or that of another set.
    """
    try:
        found = msgspec.convert(payload, BackupSet)
    except (msgspec.ValidationError, ValueError, RecursionError) as error:
        raise SetUnreadable(set_id=set_id, reason=str(error)) from error
    if found.id != set_id:
        raise SetUnreadable(set_id=set_id, reason=f"it describes {found.id}")
    return found


def is_set_id(name: str) -> bool:
    """Whether a folder of that name is a set."""
    return bool(_ID.fullmatch(name))


def set_id(at: datetime) -> str:
    """The name of a set that begins at ``at``."""
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def instant(text: str) -> datetime:
    """The moment that a description writes as ``2026-11-23T04:30:00Z``.

    Raises:
        ValueError: there is no such day or hour.
    """
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def moment(at: datetime) -> str:
    """``at`` as descriptions write it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def write_list(blobs: Mapping[str, str]) -> bytes:
    """The list of ``{path: sha256}``, sorted."""
    return b"".join(f"{blobs[path]}  {path}\n".encode() for path in sorted(blobs))


def read_list(lines: Iterable[bytes], *, set_id: str) -> Iterator[tuple[str, str]]:
    """Path and hash of each line.

    Raises:
        SetUnreadable: a line of another form; a path that leads elsewhere is one.
    """
    for number, line in enumerate(lines, start=1):
        found = _BLOB_LINE.fullmatch(line) if len(line) <= MAX_LINE_BYTES else None
        if found is None:
            raise SetUnreadable(set_id=set_id, reason=f"line {number} of its list of recordings is none")
        yield found[2].decode(), found[1].decode()
