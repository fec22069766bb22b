"""Members of a cluster: who they are, and the sealed file by which one invites another.

The file holds what only members have: keys of certificates, and the root key, so that any of them can take over. It is
sealed under a code of 160 random bits that a person carries apart from it.
"""

import base64
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from appliance.keyring.wrapping import NONCE_BYTES, derive_key
from appliance.nodes.errors import ClusterUnknown, InvitationDamaged

MAGIC = b"HJMEMB\x00\x01"
CODE_BYTES = 20
INVITATION_LIMIT_BYTES = 64 * 1024


class _Inside(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    settings: dict[str, str]
    files: dict[str, str]


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a machine needs to become a member.

    Args:
        settings: keys of appliance.toml with their values as text.
        files: by the name that ``entry`` knows the place of.
    """

    name: str
    settings: Mapping[str, str]
    files: Mapping[str, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class MemberState:
    """One member as its keeper sees it. ``lag_bytes`` is how much of the leader's log it has not got, where known."""

    name: str
    role: str
    state: str
    lag_bytes: int | None = None

    @property
    def leads(self) -> bool:
        """Whether its database can be written."""
        return self.role in {"leader", "master", "standby_leader"}

    @property
    def runs(self) -> bool:
        """Whether its database answers."""
        return self.state in {"running", "streaming"}


@dataclass(frozen=True, slots=True)
class ClusterState:
    """What is known of all members; ``missing`` are declared and unknown to the keeper."""

    members: tuple[MemberState, ...]
    missing: tuple[str, ...]

    @property
    def leaders(self) -> tuple[str, ...]:
        """Who can be written; one, if all is well."""
        return tuple(member.name for member in self.members if member.leads and member.runs)

    @property
    def synchronous(self) -> tuple[str, ...]:
        """Who has every acknowledged row besides the leader."""
        return tuple(member.name for member in self.members if member.role == "sync_standby" and member.runs)


class _Told(msgspec.Struct):
    name: str
    role: str
    state: str = ""
    lag: int | str | None = None


class _Cluster(msgspec.Struct):
    members: list[_Told] = []


def read_state(answer: bytes, *, members: Sequence[str]) -> ClusterState:
    """The keeper's answer to ``GET /cluster``.

    Args:
        members: those that are declared.

    Raises:
        ClusterUnknown: it is none.
    """
    try:
        told = msgspec.json.decode(answer, type=_Cluster)
    except msgspec.MsgspecError as error:
        raise ClusterUnknown(reason="its keeper's answer cannot be read") from error
    found = tuple(
        MemberState(each.name, each.role, each.state, each.lag if isinstance(each.lag, int) else None)
        for each in told.members
    )
    known = {member.name for member in found}
    return ClusterState(found, tuple(name for name in members if name not in known))


def members_of(members: Sequence[str]) -> dict[str, str]:
    """Addresses by name, as ``cluster.members`` says."""
    return dict(member.split("=", 1) for member in members)


def new_code() -> str:
    """What opens an invitation, in groups that can be read aloud."""
    text = base64.b32encode(os.urandom(CODE_BYTES)).decode("ascii").lower()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def seal_invitation(invitation: Invitation, code: str) -> bytes:
    """The invitation as a file that only ``code`` opens."""
    files = {name: base64.b64encode(data).decode("ascii") for name, data in invitation.files.items()}
    inside = {"name": invitation.name, "settings": dict(invitation.settings), "files": files}
    nonce = os.urandom(NONCE_BYTES)
    return MAGIC + nonce + AESGCM(_key(code)).encrypt(nonce, json.dumps(inside).encode(), MAGIC)


def open_invitation(sealed: bytes, code: str) -> Invitation:
    """The inverse.

    Raises:
        InvitationDamaged: it is none, was changed, or the code is another one.
    """
    start = len(MAGIC) + NONCE_BYTES
    if not sealed.startswith(MAGIC) or not start < len(sealed) <= INVITATION_LIMIT_BYTES:
        raise InvitationDamaged
    try:
        plain = AESGCM(_key(code)).decrypt(sealed[len(MAGIC) : start], sealed[start:], MAGIC)
        inside = msgspec.json.decode(plain, type=_Inside)
        files = {name: base64.b64decode(text, validate=True) for name, text in inside.files.items()}
    except (InvalidTag, msgspec.MsgspecError, ValueError) as error:
        raise InvitationDamaged from error
    return Invitation(inside.name, inside.settings, files)


def _key(code: str) -> bytes:
    plain = "".join(code.lower().split()).replace("-", "")
    return derive_key(plain.encode(), info=b"hangjegyzet/member-invitation/v1")
