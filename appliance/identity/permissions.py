"""The one place that decides who may do what.

A permission is what a use case asks for; a role is what a person has. Services call ``require``; doors declare the same
permission on every route, so that a request is refused before it reads its body.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from appliance.identity.errors import NotAllowed, NotSignedIn
from appliance.kernel.actor import Actor, ActorKind


class Permission(StrEnum):
    """One thing that somebody may be allowed to do."""

    ACCOUNT_OWN = "account:own"
    """See and change one's own account, password and sessions."""
    MEETING_CREATE = "meeting:create"
    MEETING_READ = "meeting:read"
    MEETING_READ_ALL = "meeting:read_all"
    """Read every meeting of the tenant, not only one's own."""
    MEETING_EDIT = "meeting:edit"
    MEETING_DELETE = "meeting:delete"
    JOB_READ = "job:read"
    JOB_CANCEL = "job:cancel"
    JOB_RETRY = "job:retry"
    JOB_MANAGE_ALL = "job:manage_all"
    """Cancel and retry the jobs of other people."""
    MODEL_READ = "model:read"
    USER_READ = "user:read"
    USER_MANAGE = "user:manage"
    AUDIT_READ = "audit:read"
    NODE_MANAGE = "node:manage"
    """Let other machines work for this one; only from the machine's own shell."""


class Role(StrEnum):
    """What a person is, in one word."""

    ADMINISTRATOR = "administrator"
    MEMBER = "member"
    AUDITOR = "auditor"


_EVERYBODY = frozenset({Permission.ACCOUNT_OWN, Permission.MODEL_READ})

_MEMBER = _EVERYBODY | {
    Permission.MEETING_CREATE,
    Permission.MEETING_READ,
    Permission.MEETING_EDIT,
    Permission.MEETING_DELETE,
    Permission.JOB_READ,
    Permission.JOB_CANCEL,
    Permission.JOB_RETRY,
}

ROLE_PERMISSIONS: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        # Runs the appliance; reading other people's meetings is deliberately not part of that.
        Role.ADMINISTRATOR: _MEMBER
        | {Permission.USER_READ, Permission.USER_MANAGE, Permission.AUDIT_READ, Permission.JOB_MANAGE_ALL},
        Role.MEMBER: _MEMBER,
        # Sees who did what, never what was said.
        Role.AUDITOR: _EVERYBODY | {Permission.AUDIT_READ, Permission.USER_READ},
    }
)

EVERY_PERMISSION: frozenset[Permission] = frozenset(Permission)
"""What somebody with a shell on the machine may do through the CLI."""


def permissions_of(role: Role) -> frozenset[Permission]:
    """Everything that a role allows."""
    return ROLE_PERMISSIONS[role]


def allows(actor: Actor, permission: Permission) -> bool:
    """Whether ``actor`` holds ``permission``."""
    return permission in actor.permissions


def require(actor: Actor, permission: Permission) -> None:
    """Let a use case go on only for somebody who may do it.

    Raises:
        NotSignedIn: nobody is signed in.
        NotAllowed: somebody is, whose role does not include the permission.
    """
    if allows(actor, permission):
        return
    if actor.kind is ActorKind.ANONYMOUS:
        raise NotSignedIn
    raise NotAllowed(permission=permission.value)
