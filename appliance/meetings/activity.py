"""What happened in the meetings that somebody may see: facts of the audit trail, with titles and names, and no content.

One's own reading is left out: it would be most of what there is, and tells its reader nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from appliance.audit.model import AuditName
from appliance.database.reads import Question, limited
from appliance.kernel.actor import ActorKind
from appliance.kernel.ids import MeetingId, TenantId, UserId
from appliance.keyring.queries import WrappedMeetingKey

CHANGES: Final = (
    AuditName.UPLOAD_COMPLETED,
    AuditName.MEETING_RENAMED,
    AuditName.TRANSCRIPT_WRITTEN,
    AuditName.VOCABULARY_SET,
    AuditName.TEXT_RESTORED,
    AuditName.MINUTES_WRITTEN,
)
"""What is told whoever did it."""
READS: Final = (
    AuditName.RECORDING_OPENED,
    AuditName.TRANSCRIPT_READ,
    AuditName.TRANSCRIPT_EXPORTED,
    AuditName.MINUTES_READ,
    AuditName.MINUTES_EXPORTED,
)
"""What is told of other people."""

_LATEST: Final = """
    SELECT e.seq, e.at, e.name, e.actor_kind, u.name AS person, m.title_sealed,
           m.id, k.tenant_id, k.tenant_key_version, k.wrapped
    FROM audit_event e JOIN meeting m ON m.id = e.subject_id JOIN meeting_key k ON k.meeting_id = m.id
    LEFT JOIN user_account u ON u.id = e.actor_user_id
    WHERE e.tenant_id = %(tenant)s AND m.tenant_id = %(tenant)s AND e.subject_type = 'meeting'
      AND (e.name = ANY(%(changes)s)
           OR e.name = ANY(%(reads)s) AND e.actor_user_id IS DISTINCT FROM %(asker)s)"""
_OWN: Final = " AND m.owner_id = %(reader)s"
_BEFORE: Final = " AND e.seq < %(before)s"
_NEWEST_FIRST: Final = " ORDER BY e.seq DESC"


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that somebody did with a meeting."""

    number: int
    """Its place in the tenant's trail."""
    at: datetime
    name: AuditName
    actor_kind: ActorKind
    person: str | None
    """Who it was, where it was a person."""
    meeting_id: MeetingId
    meeting_title: str


@dataclass(frozen=True, slots=True)
class ActivityPage:
    """A page of what happened, newest first; ``next_before`` continues it, None at its end."""

    happenings: tuple[Happening, ...]
    next_before: int | None


@dataclass(frozen=True, slots=True)
class SealedHappening:
    """As it comes from the database: the title is still sealed."""

    number: int
    at: datetime
    name: str
    actor_kind: str
    person: str | None
    title_sealed: bytes
    key: WrappedMeetingKey


def latest(
    tenant_id: TenantId, *, reader: UserId | None, asker: UserId | None, before: int | None, most: int
) -> Question:
    """Asks for up to ``most`` happenings, newest first.

    Args:
        reader: whose meetings; None is everybody's.
        asker: whose own reading is left out.
        before: only what is older than this number.
    """
    sql = _LATEST + (_OWN if reader else "") + ("" if before is None else _BEFORE) + _NEWEST_FIRST
    values = {
        "tenant": tenant_id,
        "changes": [name.value for name in CHANGES],
        "reads": [name.value for name in READS],
        "asker": asker,
        "reader": reader,
        "before": before,
    }
    return Question(limited(sql, most), values)


def sealed_happening(row: Sequence[Any]) -> SealedHappening:
    """A row of ``latest``."""
    number, at, name, actor_kind, person, title_sealed, *key = row
    return SealedHappening(number, at, name, actor_kind, person, title_sealed, WrappedMeetingKey(*key))
