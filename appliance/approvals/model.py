"""Request and approval: what is asked for, and the file that two people sign.

The file is JSON in one canonical form (two spaces, fields in the order below, UTF-8, one newline at the end). It says
in words what is to be done, so that a person reads what they sign; the machine compares the digest of the arguments.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

import msgspec

from appliance.approvals.errors import RequestInvalid

FORMAT = 1
TYPE = "hangjegyzet-approval-request"
NAMESPACE = "hangjegyzet-approval"
"""What ``ssh-keygen -Y sign -n`` is given: a signature for mail or git is none here."""
MAX_REQUEST_BYTES = 8192
MAX_ARGUMENTS_BYTES = 3000
NEEDED = 2
LONGEST_VALID = timedelta(days=7)
USUALLY_VALID = timedelta(hours=24)
TOLERATED_CLOCK = timedelta(minutes=5)


class Verb(StrEnum):
    """What takes two people."""

    RESTORE = "restore"
    """Onto live data."""
    DOWNGRADE = "downgrade"
    PURGE = "purge"
    """Of backups or meetings, before their time."""
    EXPORT_KEY = "export-key"
    BREAK_GLASS = "break-glass"
    """A root shell of this machine."""
    LOOSEN = "loosen"
    """Settings that keep things for a shorter time, let somebody in, or let something out."""
    CHANGE_APPROVERS = "change-approvers"
    UNINSTALL = "uninstall"


_Text = Annotated[str, msgspec.Meta(max_length=MAX_ARGUMENTS_BYTES, pattern=r"\A[^\x00-\x1f\x7f]*\Z")]
_Line = Annotated[str, msgspec.Meta(min_length=1, max_length=300, pattern=r"\A[^\x00-\x1f\x7f]*\Z")]
_Name = Annotated[str, msgspec.Meta(pattern=r"\A[a-z][a-z0-9._-]{0,79}\Z")]
_Moment = Annotated[str, msgspec.Meta(pattern=r"\A20\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\dZ\Z")]
_Hex32 = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{32}\Z")]
_Hex64 = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
_ID = re.compile(r"[0-9a-f]{12}")

Arguments = Mapping[str, str]
"""What exactly is to be done, by name."""


@dataclass(frozen=True, slots=True)
class Host:
    """A machine: the name that people know it by, and one that is its own."""

    name: str
    machine: str


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one person asks two to approve."""

    format: int
    type: str
    verb: Verb
    arguments: Annotated[dict[_Name, _Text], msgspec.Meta(max_length=40)]
    arguments_sha256: _Hex64
    host: _Line
    machine: _Hex32
    nonce: _Hex32
    reason: _Line
    requested_by: _Line
    created_at: _Moment
    expires_at: _Moment

    def __post_init__(self) -> None:
        if self.format != FORMAT or self.type != TYPE:
            raise ValueError("it is of another kind or format")
        if len(canonical_arguments(self.arguments)) > MAX_ARGUMENTS_BYTES:
            raise ValueError("its arguments are too long")
        if self.arguments_sha256 != digest(self.arguments):
            raise ValueError("the digest is not that of its arguments")
        if not timedelta() < instant(self.expires_at) - instant(self.created_at) <= LONGEST_VALID:
            raise ValueError("it would be valid for longer than a week, or never")

    @property
    def id(self) -> str:
        """What people call it."""
        return self.nonce[:12]

    @property
    def words(self) -> str:
        """The verb and its arguments, as somebody types them."""
        return words(self.verb, self.arguments)


@dataclass(frozen=True, slots=True)
class Signed:
    """Somebody's signature over a request, which was right when it was looked at."""

    person: str
    key: str
    """Fingerprint, as ``ssh-keygen -l`` shows it."""
    signature: bytes


@dataclass(frozen=True, slots=True)
class Approval:
    """What two people allowed, and how that can be shown: the very bytes that they signed, and their signatures."""

    request: Request
    document: bytes
    signed: tuple[Signed, ...]


def is_id(text: str) -> bool:
    """Whether ``text`` can be a request's id."""
    return _ID.fullmatch(text) is not None


def canonical_arguments(arguments: Arguments) -> bytes:
    """The one way in which arguments are written down for their digest."""
    return json.dumps(dict(arguments), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(
        "utf-8", "surrogatepass"
    )


def digest(arguments: Arguments) -> str:
    """What a signature binds: SHA-256 of the arguments."""
    return hashlib.sha256(canonical_arguments(arguments)).hexdigest()


def words(verb: Verb, arguments: Arguments) -> str:
    """As a shell would take it: ``break-glass minutes=30 'reason=disk is full'``."""
    shown = (f"{name}={value}" for name, value in sorted(arguments.items()))
    return " ".join([verb.value, *(f"'{part}'" if re.search(r"[^\w=.,:/@+-]", part) else part for part in shown)])


def write_request(request: Request) -> bytes:
    """The file that is signed."""
    plain = msgspec.to_builtins(request)
    plain["arguments"] = dict(sorted(plain["arguments"].items()))
    return msgspec.json.format(msgspec.json.encode(plain), indent=2) + b"\n"


def read_request(data: bytes) -> Request:
    """The inverse.

    Raises:
        RequestInvalid: it says something else, or says it otherwise.
    """
    if len(data) > MAX_REQUEST_BYTES:
        raise RequestInvalid(reason=f"it is longer than {MAX_REQUEST_BYTES} bytes")
    try:
        request = msgspec.json.decode(data, type=Request)
        canonical = write_request(request)
    except (ValueError, RecursionError) as error:
        raise RequestInvalid(reason=str(error) or "it is nested too deeply") from error
    if canonical != data:
        raise RequestInvalid(reason="it is not written as this machine writes requests; take the file unchanged")
    return request


def instant(text: str) -> datetime:
    """The moment that a request writes as ``2026-11-23T04:30:00Z``.

    Raises:
        ValueError: there is no such day or hour.
    """
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def moment(at: datetime) -> str:
    """The inverse."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
