"""Forgets finished jobs that nobody can ask about any more.

The latest job of a meeting stays as long as the meeting: it is the meeting's state, and where it is taken up again from
a step. A meeting is gone when its key is. What goes are jobs of meetings that are gone, jobs that a later one of the
same meeting replaced, and jobs without a meeting; their steps and checkpoints go with them.
"""

from collections.abc import Sequence
from uuid import UUID

import structlog
from sqlalchemy import text

from appliance.audit.model import AuditName
from appliance.audit.service import AuditTrail
from appliance.database.engine import Database, Tx
from appliance.kernel.actor import Actor, ActorKind
from appliance.kernel.ids import TenantId

log = structlog.get_logger()

BATCH = 500
"""Jobs in one transaction: milliseconds for which nobody else can touch their rows."""
MOST_BATCHES = 20
"""In one run, so that years of jobs after an upgrade do not keep the leader from looking for lost work."""

_TENANTS = text(
    "SELECT DISTINCT tenant_id FROM job WHERE finished_at < now() - make_interval(days => :days) ORDER BY tenant_id"
)
_FORGETTABLE = text(
    """
    SELECT j.id FROM job j
    WHERE j.tenant_id = :tenant AND j.finished_at < now() - make_interval(days => :days)
      AND (NOT EXISTS (SELECT 1 FROM meeting_key k WHERE k.meeting_id = j.meeting_id AND k.destroyed_at IS NULL)
           OR EXISTS (SELECT 1 FROM job later
                      WHERE later.tenant_id = j.tenant_id AND later.meeting_id = j.meeting_id AND later.id > j.id))
    ORDER BY j.finished_at, j.id
    LIMIT :most
    """
)
# Steps before their job, as everybody locks them: a retry that comes at the same time waits, or is waited for.
_LOCK_STEPS = text(
    "SELECT 1 FROM job_step WHERE job_id = ANY(CAST(:job_ids AS uuid[])) ORDER BY job_id, position FOR UPDATE"
)
_FORGET = text(
    """
    DELETE FROM job
    WHERE id = ANY(CAST(:job_ids AS uuid[])) AND finished_at < now() - make_interval(days => :days)
    RETURNING id
    """
)


class JobRetention:
    """Removes what is over.

    Args:
        database: as the worker role.
        days: how long a finished job is remembered in any case.
    """

    def __init__(self, database: Database, audit: AuditTrail, *, days: int) -> None:
        self._database = database
        self._audit = audit
        self._days = days

    def forget(self) -> int:
        """Forget what is due, in batches, each in a transaction of its own; how many jobs that were."""
        with self._database.reading(None) as tx:
            tenants = tx.execute(_TENANTS, {"days": self._days}).scalars().all()
        forgotten, batches = 0, MOST_BATCHES
        for tenant in tenants:
            while batches and (count := self._forget_batch(TenantId(tenant))):
                forgotten += count
                batches -= 1
        if forgotten:
            log.info("jobs_forgotten", jobs=forgotten)
        return forgotten

    def _forget_batch(self, tenant_id: TenantId) -> int:
        with self._database.transaction(tenant_id) as tx:
            values = {"tenant": tenant_id, "days": self._days, "most": BATCH}
            due = tx.execute(_FORGETTABLE, values).scalars().all()
            gone = self._remove(tx, due) if due else []
            if gone:
                self._audit.record(
                    tx,
                    AuditName.JOBS_FORGOTTEN,
                    actor=Actor(kind=ActorKind.SYSTEM, tenant_id=tenant_id, name="retention", origin="worker"),
                    subject_type="job",
                    subject_id=None,
                    detail={"jobs": len(gone), "finished_days_ago": self._days},
                )
        return len(gone)

    def _remove(self, tx: Tx, due: Sequence[UUID]) -> Sequence[UUID]:
        tx.execute(_LOCK_STEPS, {"job_ids": list(due)})
        return tx.execute(_FORGET, {"job_ids": list(due), "days": self._days}).scalars().all()
