"""Who does something, from where: handed from a door to every use case, and from there into the audit trail."""

from dataclasses import dataclass, field
from enum import StrEnum

from appliance.kernel.ids import SessionId, TenantId, UserId


class ActorKind(StrEnum):
    """What sort of somebody acts."""

    USER = "user"
    """A signed-in person."""
    OPERATOR = "operator"
    """Somebody with a shell on the machine, acting through the CLI or the console."""
    SYSTEM = "system"
    """The appliance itself: workers, scheduler, reaper."""
    ANONYMOUS = "anonymous"
    """Nobody yet: a sign-in attempt."""


@dataclass(frozen=True, slots=True)
class Actor:
    """The acting person or process.

    ``name`` is what the audit trail shows (an e-mail address, an operating-system user, a worker's name); ``origin`` is
    the network address or the door; ``permissions`` were decided by ``identity`` and are checked by use cases.
    """

    kind: ActorKind
    tenant_id: TenantId
    name: str
    user_id: UserId | None = None
    session_id: SessionId | None = None
    origin: str = ""
    permissions: frozenset[str] = field(default_factory=frozenset)
