"""What a backup records of the database, and what a restored one is held against.

Read as the owner, who sees the rows of every organisation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import text

from appliance.audit import queries as trails
from appliance.audit import service as audit
from appliance.backups.sets import TrailPart
from appliance.database.engine import Tx
from appliance.kernel.ids import MeetingId, TenantId
from appliance.tenants import queries as tenants

LASTING = (
    "tenant", "tenant_key", "meeting_key", "user_account", "meeting", "recording", "sealed_document", "job",
    "segment_lexemes", "audit_event", "audit_head",
)  # fmt: skip
"""Tables whose rows stay; sessions, leases and rings come and go while a backup is taken."""

_REFERENCES = text(
    "SELECT c.conname, c.conrelid::regclass::text AS child, c.confrelid::regclass::text AS parent,"
    " (SELECT array_agg(quote_ident(a.attname)::text ORDER BY k.at) FROM unnest(c.conkey) WITH ORDINALITY k(n, at)"
    "  JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.n) AS columns,"
    " (SELECT array_agg(quote_ident(a.attname)::text ORDER BY k.at) FROM unnest(c.confkey) WITH ORDINALITY k(n, at)"
    "  JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.n) AS targets"
    " FROM pg_constraint c WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace ORDER BY c.conname"
)


@dataclass(frozen=True, slots=True)
class MeetingKey:
    """A meeting that has, or had, a key."""

    tenant_id: TenantId
    meeting_id: MeetingId


def row_counts(tx: Tx) -> Mapping[str, int]:
    """Rows of each lasting table."""
    there = set(tx.execute(text("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")).scalars())
    return {
        table: int(tx.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608  # names of our own
        for table in LASTING
        if table in there
    }


def trail_heads(tx: Tx) -> tuple[TrailPart, ...]:
    """Where each organisation's chain stands."""
    heads = [(tenant.id, trails.head(tx, tenant.id)) for tenant in tenants.list_tenants(tx)]
    return tuple(TrailPart(str(tenant), head.seq, head.hash.hex()) for tenant, head in heads if head is not None)


def recordings(tx: Tx) -> frozenset[str]:
    """Paths of the recordings that meetings have, as they lie in a folder of stored ones."""
    names = tx.execute(text("SELECT blob FROM recording")).scalars()
    return frozenset(f"{name[-2:]}/{name}" for name in names)


def shredded(tx: Tx) -> Sequence[MeetingKey]:
    """Meetings whose key was destroyed, as far as is known."""
    rows = tx.execute(text("SELECT tenant_id, meeting_id FROM meeting_key WHERE destroyed_at IS NOT NULL"))
    return [MeetingKey(TenantId(row.tenant_id), MeetingId(row.meeting_id)) for row in rows]


def readable(tx: Tx) -> Sequence[MeetingKey]:
    """Meetings whose key is there."""
    rows = tx.execute(text("SELECT tenant_id, meeting_id FROM meeting_key WHERE wrapped IS NOT NULL"))
    return [MeetingKey(TenantId(row.tenant_id), MeetingId(row.meeting_id)) for row in rows]


def dangling(tx: Tx) -> Sequence[str]:
    """Foreign keys that lead nowhere, one sentence each: what a constraint promises, asked of the rows themselves."""
    faults = []
    for row in tx.execute(_REFERENCES).all():
        same = " AND ".join(f"p.{target} = c.{column}" for column, target in zip(row.columns, row.targets, strict=True))
        given = " AND ".join(f"c.{column} IS NOT NULL" for column in row.columns)
        lost = tx.execute(
            text(
                f"SELECT count(*) FROM {row.child} c WHERE {given}"  # noqa: S608  # names from the catalogue, quoted
                f" AND NOT EXISTS (SELECT FROM {row.parent} p WHERE {same})"
            )
        ).scalar_one()
        if lost:
            faults.append(f"{lost} row(s) of {row.child} lead to no {row.parent} ({row.conname})")
    return faults


def broken_trails(tx: Tx, expected: Sequence[TrailPart]) -> Sequence[str]:
    """Chains that are not intact, or do not hold what a backup recorded of them; one sentence each."""
    faults = []
    for tenant in tenants.list_tenants(tx):
        finding = audit.verify(tx, tenant.id).finding
        if finding is not None:
            faults.append(f"the audit trail of {tenant.id} was {finding.kind.value} at event {finding.seq}")
    for trail in expected:
        found = tx.execute(
            text("SELECT encode(hash, 'hex') FROM audit_event WHERE tenant_id = CAST(:tenant AS uuid) AND seq = :seq"),
            {"tenant": trail.tenant, "seq": trail.seq},
        ).scalar_one_or_none()
        if trail.seq and found != trail.hash:
            faults.append(f"event {trail.seq} of {trail.tenant} is not the one that the backup recorded")
    return faults
