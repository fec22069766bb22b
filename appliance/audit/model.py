"""Audit events, and the chain that each tenant's events form.

An event's hash covers its own fields and the hash before it; the first one follows 32 zero bytes. What is hashed is
canonical JSON (keys sorted, no spaces, UTF-8, times in UTC with microseconds), so that it can be checked without us:
with an export, ``sha256sum`` and a few lines of anything.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

from appliance.kernel.ids import EventId, TenantId

DetailValue = str | int | float | bool | None
Detail = Mapping[str, DetailValue]
"""Facts about an event: ids, counts, names of settings; never content."""

GENESIS = bytes(32)
"""What the first event of a chain follows."""


class AuditName(StrEnum):
    """Everything that is ever recorded, as ``room:thing:verb``; rooms add their own."""

    TENANT_FOUNDED = "tenants:tenant:founded"
    TRAIL_VERIFIED = "audit:trail:verified"
    TRAIL_EXPORTED = "audit:trail:exported"
    TENANT_KEY_CREATED = "keyring:tenant_key:created"
    SIGNING_KEY_CREATED = "keyring:signing_key:created"
    DATABASE_MIGRATED = "database:schema:migrated"
    DATABASE_SHELL_OPENED = "database:shell:opened"
    SESSION_OPENED = "identity:session:opened"
    SESSION_REFUSED = "identity:session:refused"
    ATTEMPTS_LIMITED = "identity:attempts:limited"
    SESSION_CLOSED = "identity:session:closed"
    CODE_ISSUED = "identity:code:issued"
    PASSWORD_SET = "identity:password:set"  # noqa: S105  # a name, no secret
    USER_CREATED = "identity:user:created"
    USER_CHANGED = "identity:user:changed"
    USER_DISABLED = "identity:user:disabled"
    USER_ENABLED = "identity:user:enabled"
    PREFERENCES_SET = "identity:preferences:set"
    UPLOAD_STARTED = "meetings:upload:started"
    UPLOAD_COMPLETED = "meetings:upload:completed"
    UPLOAD_ABANDONED = "meetings:upload:abandoned"
    UPLOAD_EXPIRED = "meetings:upload:expired"
    RECORDING_VALIDATED = "meetings:recording:validated"
    RECORDING_OPENED = "meetings:recording:opened"
    MEETING_RENAMED = "meetings:meeting:renamed"
    MEETING_DELETED = "meetings:meeting:deleted"
    TRANSCRIPT_WRITTEN = "transcripts:transcript:written"
    TRANSCRIPT_READ = "transcripts:transcript:read"
    TRANSCRIPT_EXPORTED = "transcripts:transcript:exported"
    TRANSCRIPT_EDITED = "transcripts:transcript:edited"
    VOCABULARY_SET = "transcripts:vocabulary:set"
    TEXT_RESTORED = "transcripts:text:restored"
    MEETING_INDEXED = "search:meeting:indexed"
    MEETING_SEARCHED = "search:meeting:searched"
    MESSAGE_POSTED = "notifications:message:posted"
    MINUTES_WRITTEN = "minutes:minutes:written"
    MINUTES_READ = "minutes:minutes:read"
    MINUTES_EXPORTED = "minutes:minutes:exported"
    JOB_STARTED = "jobs:job:started"
    JOB_DONE = "jobs:job:done"
    JOB_FAILED = "jobs:job:failed"
    JOB_CANCEL_REQUESTED = "jobs:job:cancel_requested"
    JOB_CANCELLED = "jobs:job:cancelled"
    JOB_RETRIED = "jobs:job:retried"
    PACK_INSTALLED = "models:pack:installed"
    PACK_USED = "models:pack:used"
    PACK_REMOVED = "models:pack:removed"
    JOBS_FORGOTTEN = "jobs:jobs:forgotten"
    BACKUP_TAKEN = "backups:set:taken"
    BACKUPS_PRUNED = "backups:sets:pruned"
    BACKUP_RESTORED = "backups:set:restored"
    DRILL_HELD = "backups:drill:held"
    UPGRADE_BEGUN = "releases:upgrade:begun"
    UPGRADE_COMMITTED = "releases:upgrade:committed"
    UPGRADE_UNDONE = "releases:upgrade:undone"
    UPGRADE_REFUSED = "releases:upgrade:refused"
    EGRESS_REPORTED = "egress:report:made"
    CLOCK_ACCEPTED = "health:clock:accepted"
    SELFTEST_RUN = "selftest:report:made"
    CERTIFICATE_INSTALLED = "tls:certificate:installed"
    CERTIFICATE_RENEWED = "tls:certificate:renewed"
    NODE_INVITED = "nodes:node:invited"
    NODE_JOINED = "nodes:node:joined"
    NODE_REFUSED = "nodes:node:refused"
    NODE_RENEWED = "nodes:node:renewed"
    NODE_KEY_HANDED = "nodes:meeting_key:handed"
    NODE_DRAINED = "nodes:node:drained"
    NODE_RESUMED = "nodes:node:resumed"
    NODE_REMOVED = "nodes:node:removed"
    SUPPORT_COLLECTED = "support:bundle:collected"
    SUPPORT_EXPORTED = "support:bundle:exported"
    MACHINE_UNINSTALLED = "erasure:machine:uninstalled"
    LICENCE_INSTALLED = "licence:file:installed"
    BREAK_GLASS_OPENED = "approvals:shell:opened"
    BREAK_GLASS_CLOSED = "approvals:shell:closed"
    ROOT_KEY_EXPORTED = "keyring:root_key:exported"
    CONFIGURATION_APPLIED = "configuration:file:applied"
    CONFIGURATION_CONFIRMED = "configuration:change:confirmed"
    CONFIGURATION_UNDONE = "configuration:change:undone"
    APPROVERS_ENROLLED = "approvals:approvers:enrolled"
    APPROVAL_REQUESTED = "approvals:request:made"
    APPROVAL_SIGNED = "approvals:request:signed"
    APPROVAL_USED = "approvals:request:used"
    APPROVAL_REFUSED = "approvals:act:refused"
    APPROVAL_NOT_IN_FORCE = "approvals:act:unguarded"
    MACHINE_SWITCHED_OFF = "power:machine:switched_off"
    MACHINE_RESTARTED = "power:machine:restarted"
    PROCESSES_RESTARTED = "power:processes:restarted"


class Outcome(StrEnum):
    """How it ended."""

    OK = "ok"
    REFUSED = "refused"
    """Understood and not allowed."""
    FAILED = "failed"
    """Allowed, and it did not work."""


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One thing that somebody did, or tried to do. ``detail`` is the canonical JSON as stored."""

    tenant_id: TenantId
    seq: int
    id: EventId
    at: datetime
    name: str
    outcome: str
    actor_kind: str
    actor_name: str
    actor_user_id: UUID | None
    actor_session_id: UUID | None
    origin: str
    subject_type: str
    subject_id: UUID | None
    detail: str
    prev_hash: bytes
    hash: bytes = b""

    def sealed(self) -> "AuditEvent":
        """The event with its hash filled in."""
        return replace(self, hash=self.computed_hash())

    def computed_hash(self) -> bytes:
        """What the hash must be if nothing was touched."""
        return hashlib.sha256(self.canonical()).digest()

    def canonical(self) -> bytes:
        """The bytes that are hashed."""
        return canonical_json(self.as_fields() | {"prev_hash": self.prev_hash.hex()}).encode()

    def as_fields(self) -> dict[str, object]:
        """Its fields as JSON values, without the hashes."""
        return {
            "tenant_id": str(self.tenant_id),
            "seq": self.seq,
            "id": str(self.id),
            "at": canonical_time(self.at),
            "name": self.name,
            "outcome": self.outcome,
            "actor_kind": self.actor_kind,
            "actor_name": self.actor_name,
            "actor_user_id": _text(self.actor_user_id),
            "actor_session_id": _text(self.actor_session_id),
            "origin": self.origin,
            "subject_type": self.subject_type,
            "subject_id": _text(self.subject_id),
            "detail": self.detail,
        }


@dataclass(frozen=True, slots=True)
class ChainHead:
    """Where a chain ends, kept apart from it, so that a cut-off end shows."""

    seq: int
    hash: bytes


class Tampering(StrEnum):
    """What was done to a chain; reads as "was …"."""

    CHANGED = "changed"
    REMOVED = "removed"
    INSERTED = "inserted"
    REORDERED = "reordered"
    TRUNCATED = "truncated"
    """Removed at the end."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The first event at which a chain does not hold; ``event_id`` and ``name`` are unknown for a missing one."""

    kind: Tampering
    seq: int
    event_id: EventId | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """How one tenant's chain was found."""

    tenant_id: TenantId
    events: int
    head: ChainHead
    finding: Finding | None = None

    @property
    def intact(self) -> bool:
        """Whether nothing was touched."""
        return self.finding is None


def canonical_json(value: Mapping[str, object]) -> str:
    """The one way in which a mapping is written down for hashing.

    Raises:
        ValueError: not a finite number somewhere in it.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical_time(at: datetime) -> str:
    """UTC with microseconds, always of the same length."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)
