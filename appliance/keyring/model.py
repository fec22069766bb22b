"""Keys, and the names of what they are for."""

from dataclasses import dataclass, field

from appliance.kernel.ids import MeetingId, TenantId

KEY_BYTES = 32
"""AES-256."""


@dataclass(frozen=True, slots=True)
class Dek:
    """The data key of one meeting, unwrapped; lives in memory only and never shows itself."""

    meeting_id: MeetingId
    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.key) != KEY_BYTES:
            raise ValueError(f"a data key has {KEY_BYTES} bytes")

    def __reduce__(self) -> str:
        raise TypeError("a data key is not for pickling")


@dataclass(frozen=True, slots=True)
class Kek:
    """The key of one tenant, unwrapped, under which its meetings' keys are wrapped."""

    tenant_id: TenantId
    version: int
    key: bytes = field(repr=False)

    def __reduce__(self) -> str:
        raise TypeError("a tenant's key is not for pickling")


def tenant_key_context(tenant_id: TenantId, version: int) -> bytes:
    """What a tenant's wrapped key is bound to, so that one can't be put in place of another."""
    return b"hangjegyzet/tenant-key/" + tenant_id.bytes + version.to_bytes(4, "big")


def meeting_key_context(tenant_id: TenantId, meeting_id: MeetingId) -> bytes:
    """What a meeting's wrapped key is bound to."""
    return b"hangjegyzet/meeting-key/" + tenant_id.bytes + meeting_id.bytes
