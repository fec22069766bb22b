"""Machines, tokens, and which work a machine is up to."""

import base64
import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from appliance.jobs.model import Queue
from appliance.kernel.ids import JobId, MeetingId, TenantId
from appliance.kernel.units import GIB
from appliance.nodes.errors import InvalidNodeName, InvalidToken

TOKEN_LIFETIME = timedelta(hours=1)
CERTIFICATE_LIFETIME = timedelta(days=7)
RENEWED_BEFORE = timedelta(days=5)
"""A certificate with less than this left is renewed: two days old, so that a main box may be off for five."""
_SECRET_BYTES = 20
_NAME = re.compile(r"[a-z](?:[a-z0-9-]{0,29}[a-z0-9])?")
_TOKEN = re.compile(r"hjn1\.([a-z2-7]{32})\.([0-9a-f]{64})")
_ROLE_PREFIX = "hangjegyzet_node_"


class NodeState(StrEnum):
    """How far a machine is in its life with us."""

    INVITED = "invited"
    """A token was made; nobody has used it."""
    JOINED = "joined"
    DRAINING = "draining"
    """It takes no new steps; those under way are given back with their checkpoints."""
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Token:
    """What a machine shows to be let in, once.

    Args:
        secret: 160 random bits; only their hash is kept.
        authority: SHA-256 of the certificate authority that signs for the main box, so that already the first contact
            is with the right machine.
    """

    secret: str = field(repr=False)
    authority: str

    @classmethod
    def new(cls, authority: str) -> "Token":
        """A token that nobody can guess."""
        return cls(base64.b32encode(os.urandom(_SECRET_BYTES)).decode("ascii").lower(), authority)

    @classmethod
    def parse(cls, text: str) -> "Token":
        """What somebody typed or pasted.

        Raises:
            InvalidToken: it is not one, or not all of it.
        """
        found = _TOKEN.fullmatch(text.strip())
        if found is None:
            raise InvalidToken
        return cls(found[1], found[2])

    def __str__(self) -> str:
        return f"hjn1.{self.secret}.{self.authority}"

    @property
    def digest(self) -> bytes:
        """What the main box keeps of it."""
        return secret_digest(self.secret)


def secret_digest(secret: str) -> bytes:
    """The hash by which a token is found again; it is random enough to need no salt."""
    return hashlib.sha256(secret.encode()).digest()


def checked_name(name: str) -> str:
    """A machine's name.

    Raises:
        InvalidNodeName: it is none.
    """
    if not _NAME.fullmatch(name):
        raise InvalidNodeName(name=name)
    return name


def database_role(name: str) -> str:
    """Who a machine is to PostgreSQL, and what its certificate is made out to."""
    return _ROLE_PREFIX + checked_name(name).replace("-", "_")


@dataclass(frozen=True, slots=True)
class NodeView:
    """One machine as the registry knows it. ``host`` is how its workers call themselves."""

    id: UUID
    name: str
    address: str
    state: NodeState
    host: str
    serial: str
    certificate_until: datetime | None
    invited_at: datetime
    joined_at: datetime | None
    seen_at: datetime | None

    @property
    def works(self) -> bool:
        """Whether it may have anything of ours."""
        return self.state in {NodeState.JOINED, NodeState.DRAINING}


@dataclass(frozen=True, slots=True)
class NodeLease:
    """A step that a machine has under way."""

    job_id: JobId
    tenant_id: TenantId
    meeting_id: MeetingId | None
    step: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Admission:
    """What a machine is told when it is let in."""

    name: str
    role: str
    certificate: str


SPEECH_GPU_BYTES = 4 * GIB
LANGUAGE_GPU_BYTES = 6 * GIB
"""Room on a card for a large Whisper in float16, and for seven billion weights in four bits with their context."""
BOTH_MEMORY_BYTES = 6 * GIB
SPEECH_MEMORY_BYTES = 3 * GIB


def queues_for(*, memory_bytes: int, cards: Sequence[int] = ()) -> tuple[Queue, ...]:
    """Which queues a machine should work on: those whose models fit, speech first.

    Args:
        memory_bytes: of the machine.
        cards: memory of each GPU in bytes; none means that the processor does it.
    """
    if cards:
        best, *others = sorted(cards, reverse=True)
        if best >= SPEECH_GPU_BYTES + LANGUAGE_GPU_BYTES or (others and min(best, others[0]) >= LANGUAGE_GPU_BYTES):
            return (Queue.SPEECH, Queue.LANGUAGE)
        return (Queue.SPEECH,) if best >= SPEECH_GPU_BYTES else ()
    if memory_bytes >= BOTH_MEMORY_BYTES:
        return (Queue.SPEECH, Queue.LANGUAGE)
    return (Queue.SPEECH,) if memory_bytes >= SPEECH_MEMORY_BYTES else ()
