"""A licence as data, and what follows from it on a day.

It grants; it never takes away. When it ends, nothing happens for as many days as it says; then new recordings are not
taken until there is another. Reading, searching, exporting, deleting, backups and upgrades never ask for it.
"""

from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

import msgspec

from appliance.releases.model import instant

FORMAT = 1
TYPE = "hangjegyzet-licence"
MAX_BYTES = 64 * 1024

_Line = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"\A[^\x00-\x1f\x7f]*\Z")]
_Name = Annotated[str, msgspec.Meta(pattern=r"\A[A-Z0-9][A-Z0-9-]{3,39}\Z")]
_Moment = Annotated[str, msgspec.Meta(pattern=r"\A20\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\dZ\Z")]
_Base64 = Annotated[str, msgspec.Meta(max_length=16_384, pattern=r"\A[A-Za-z0-9+/]*={0,2}\Z")]


class Licence(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the maker grants, to whom, from when until when.

    Args:
        people: how many accounts it is meant for; None is as many as there are. More is told and never refused.
        grace_days: how long everything goes on after its end.
    """

    id: _Name
    customer: _Line
    people: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | None
    valid_from: _Moment
    valid_until: _Moment
    grace_days: Annotated[int, msgspec.Meta(ge=0, le=366)]
    issued_at: _Moment

    def __post_init__(self) -> None:
        instant(self.issued_at)
        if instant(self.valid_from) >= instant(self.valid_until):
            raise ValueError("it ends before it begins")

    @property
    def grace_until(self) -> datetime:
        """From then on new recordings are not taken."""
        return instant(self.valid_until) + timedelta(days=self.grace_days)


class LicenceFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that a machine needs to check it, in one file.

    Args:
        licence: base64 of the very bytes that were signed.
        key: the licence key, PEM; vouched for by ``statement``, which two root keys signed.
    """

    format: int
    type: str
    licence: _Base64
    signature: _Base64
    key: Annotated[str, msgspec.Meta(max_length=1000)]
    statement: _Base64
    statement_signatures: Annotated[dict[str, _Base64], msgspec.Meta(max_length=3)]

    def __post_init__(self) -> None:
        if self.format != FORMAT or self.type != TYPE:
            raise ValueError("it is of another kind or format")


class State(StrEnum):
    """How a machine stands with its licence."""

    TRIAL = "trial"
    """There is none, and nothing is missing."""
    EARLY = "early"
    """It is not valid yet."""
    VALID = "valid"
    GRACE = "grace"
    """It ended, and everything goes on for a while."""
    ENDED = "ended"
    """New recordings are not taken."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The licence and what follows from it now; ``now`` is the latest time that this machine has seen."""

    state: State
    licence: Licence | None
    now: datetime

    @property
    def days_left(self) -> int:
        """Until it ends, or until its grace does."""
        if self.licence is None:
            return 0
        end = instant(self.licence.valid_until) if self.state is State.VALID else self.licence.grace_until
        return max(0, (end - self.now).days)


def standing(licence: Licence | None, *, now: datetime, seen: datetime | None) -> Standing:
    """What follows from a licence.

    Args:
        now: what the clock says.
        seen: the latest time that was noted on this machine: a clock that was set back lengthens nothing.
    """
    latest = max(now, seen) if seen is not None else now
    if licence is None:
        return Standing(State.TRIAL, None, latest)
    if latest < instant(licence.valid_from):
        return Standing(State.EARLY, licence, latest)
    if latest < instant(licence.valid_until):
        return Standing(State.VALID, licence, latest)
    return Standing(State.GRACE if latest < licence.grace_until else State.ENDED, licence, latest)


def write(document: msgspec.Struct) -> bytes:
    """The one way in which a licence, or its file, is written."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def encoded(data: bytes) -> str:
    """As the file holds bytes."""
    return b64encode(data).decode()


def decoded(text: str) -> bytes:
    """The inverse.

    Raises:
        ValueError: it is no base64.
    """
    return b64decode(text, validate=True)
