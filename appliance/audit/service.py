"""The audit trail: appended by every use case in its own transaction, verified and exported by its readers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import text

from appliance.audit import queries
from appliance.audit.chain import first_finding
from appliance.audit.errors import ForeignEvent
from appliance.audit.model import (
    GENESIS,
    AuditEvent,
    AuditName,
    ChainHead,
    DetailValue,
    Finding,
    Outcome,
    Tampering,
    VerificationReport,
    canonical_json,
)
from appliance.database.engine import Tx
from appliance.kernel.actor import Actor
from appliance.kernel.clock import Clock
from appliance.kernel.ids import EventId, TenantId, new_uuid

EXPORT_FORMAT = "hangjegyzet-audit/1"
FOREIGN_TEXT_LIMIT = 500
FIELDS = tuple(AuditEvent.__dataclass_fields__)

_INSERT = text(
    f"INSERT INTO audit_event ({', '.join(FIELDS)}) VALUES ({', '.join(f':{name}' for name in FIELDS)})"  # noqa: S608  # names of our own fields
)
_LOCK_HEAD = text("SELECT seq, hash FROM audit_head WHERE tenant_id = :tenant FOR UPDATE")
_FIRST_HEAD = text(
    "INSERT INTO audit_head (tenant_id, seq, hash) VALUES (:tenant, 0, :genesis) ON CONFLICT (tenant_id) DO NOTHING"
)
_MOVE_HEAD = text("UPDATE audit_head SET seq = :seq, hash = :hash WHERE tenant_id = :tenant")


class AuditTrail:
    """Where use cases say what they did.

    Events wait in the transaction and are appended as its last act, because appending locks the head of the tenant's
    chain until the commit: the lock then lasts for milliseconds, whatever else the use case does.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def record(
        self,
        tx: Tx,
        name: AuditName | str,
        *,
        actor: Actor,
        subject_type: str,
        subject_id: UUID | None,
        outcome: Outcome = Outcome.OK,
        detail: Mapping[str, DetailValue] | None = None,
    ) -> None:
        """Write down what ``actor`` did to a subject; kept exactly if the transaction is.

        Args:
            detail: ids, counts, names of settings; never content, never a secret.

        Raises:
            ForeignEvent: the actor belongs to another tenant than the transaction; a programming error that would
                otherwise put an event into the wrong trail.
            ValueError: the name is not one of ``AuditName``.
        """
        if tx.tenant_id is not None and tx.tenant_id != actor.tenant_id:
            raise ForeignEvent(event_tenant=actor.tenant_id, tx_tenant=tx.tenant_id)
        entry = _Entry(AuditName(name), outcome, actor, subject_type, subject_id, _storable_detail(detail or {}))
        waiting = tx.info.setdefault("audit", [])
        waiting.append(entry)
        if len(waiting) == 1:
            tx.as_last_act(lambda: self._append_waiting(tx))

    def _append_waiting(self, tx: Tx) -> None:
        entries: list[_Entry] = tx.info.pop("audit")
        for tenant_id in sorted({entry.actor.tenant_id for entry in entries}):
            self._append(tx, tenant_id, [entry for entry in entries if entry.actor.tenant_id == tenant_id])

    def _append(self, tx: Tx, tenant_id: TenantId, entries: list["_Entry"]) -> None:
        head = _lock_head(tx, tenant_id)
        events = []
        for entry in entries:
            events.append(self._event(entry, tenant_id, head))
            head = ChainHead(events[-1].seq, events[-1].hash)
        tx.execute(_INSERT, [{name: getattr(event, name) for name in FIELDS} for event in events])
        tx.execute(_MOVE_HEAD, {"seq": head.seq, "hash": head.hash, "tenant": tenant_id})

    def _event(self, entry: "_Entry", tenant_id: TenantId, head: ChainHead) -> AuditEvent:
        return AuditEvent(
            tenant_id=tenant_id,
            seq=head.seq + 1,
            id=EventId(new_uuid()),
            at=self._clock.now(),
            name=entry.name.value,
            outcome=entry.outcome.value,
            actor_kind=entry.actor.kind.value,
            actor_name=_storable(entry.actor.name),
            actor_user_id=entry.actor.user_id,
            actor_session_id=entry.actor.session_id,
            origin=_storable(entry.actor.origin),
            subject_type=entry.subject_type,
            subject_id=entry.subject_id,
            detail=entry.detail,
            prev_hash=head.hash,
        ).sealed()


@dataclass(frozen=True, slots=True)
class _Entry:
    """An event that waits for its place in the chain."""

    name: AuditName
    outcome: Outcome
    actor: Actor
    subject_type: str
    subject_id: UUID | None
    detail: str = field(repr=False)


def verify(tx: Tx, tenant_id: TenantId) -> VerificationReport:
    """Check every event of a tenant's chain; the report names the first that was changed, removed, added or moved.

    What it can't show: a chain that the owner of the tables has rewritten from some event to its end, head included.
    Against that, compare the head with one that was written down elsewhere.
    """
    head = queries.head(tx, tenant_id)
    if head is None:
        return _without_head(tx, tenant_id)
    count, finding = first_finding(
        queries.iterate(tx, tenant_id, upto=head.seq),
        head,
        later=lambda seq: queries.iterate(tx, tenant_id, after=seq - 1),
    )
    if finding is None and (extra := queries.first_beyond_head(tx, tenant_id)):
        finding = Finding(Tampering.INSERTED, extra.seq, extra.id, extra.name)
    return VerificationReport(tenant_id, count, head, finding)


def _without_head(tx: Tx, tenant_id: TenantId) -> VerificationReport:
    """A chain that never began has neither head nor events; with events, somebody took the head away."""
    headless = queries.first_beyond_head(tx, tenant_id) is not None
    finding = Finding(Tampering.REMOVED, 0, name="head of the chain") if headless else None
    return VerificationReport(tenant_id, 0, ChainHead(0, GENESIS), finding)


def export(tx: Tx, tenant_id: TenantId) -> Iterator[str]:
    """The chain as JSON lines: first what this is and where it ends, then each event with both hashes.

    An event's hash is the SHA-256 of its line without the field ``hash``.
    """
    head = queries.head(tx, tenant_id) or ChainHead(0, GENESIS)
    yield canonical_json(
        {"format": EXPORT_FORMAT, "tenant_id": str(tenant_id), "head_seq": head.seq, "head_hash": head.hash.hex()}
    )
    for event in queries.iterate(tx, tenant_id, upto=head.seq):
        yield canonical_json(event.as_fields() | {"prev_hash": event.prev_hash.hex(), "hash": event.hash.hex()})


def _lock_head(tx: Tx, tenant_id: TenantId) -> ChainHead:
    """The end of the chain, ours until the commit; made for a tenant's first event."""
    row = tx.execute(_LOCK_HEAD, {"tenant": tenant_id}).one_or_none()
    if row is None:
        tx.execute(_FIRST_HEAD, {"tenant": tenant_id, "genesis": GENESIS})
        row = tx.execute(_LOCK_HEAD, {"tenant": tenant_id}).one()
    return ChainHead(row.seq, row.hash)


def _storable(value: str) -> str:
    """Foreign text, such as the name of somebody who tries to sign in: what PostgreSQL can't store becomes U+FFFD."""
    return value[:FOREIGN_TEXT_LIMIT].encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def _storable_detail(detail: Mapping[str, DetailValue]) -> str:
    return canonical_json({key: _storable(value) if isinstance(value, str) else value for key, value in detail.items()})
