"""Files that a deletion leaves: noted in its transaction, removed after it, swept where that was interrupted.

The key is destroyed in the transaction itself: from the commit on the bytes mean nothing, and this gives back their
room.
"""

from datetime import timedelta

from sqlalchemy import text

from appliance.database.engine import Database, Tx
from appliance.kernel.clock import Clock
from appliance.kernel.ids import TenantId
from appliance.meetings import queries
from appliance.meetings.ports import BlobStore

_QUEUE = text(
    "INSERT INTO blob_removal (blob, tenant_id, queued_at) VALUES (:blob, :tenant, :now) ON CONFLICT DO NOTHING"
)
_DONE = text("DELETE FROM blob_removal WHERE blob = :blob")

_GRACE = timedelta(minutes=1)
"""Whoever queued a removal is about to do it."""

_AT_ONCE = 1000


class Removals:
    """The list of blobs to remove, and the broom."""

    def __init__(self, database: Database, blobs: BlobStore, clock: Clock) -> None:
        self._database = database
        self._blobs = blobs
        self._clock = clock

    def queue(self, tx: Tx, blob: str) -> None:
        """Note that ``blob`` is to go once ``tx`` has committed."""
        tx.execute(_QUEUE, {"blob": blob, "tenant": tx.tenant_id, "now": self._clock.now()})

    def sweep_one(self, blob: str, tenant_id: TenantId) -> None:
        """Remove ``blob`` now and cross it off; nothing happens when it is gone already."""
        self._blobs.remove(blob)
        with self._database.transaction(tenant_id) as tx:
            tx.execute(_DONE, {"blob": blob})

    def sweep(self) -> int:
        """Remove what interrupted deletions of all tenants left over; how many blobs those were."""
        with self._database.reading(None) as tx:
            left = queries.pending_removals(tx, before=self._clock.now() - _GRACE, most=_AT_ONCE)
        for blob, tenant_id in left:
            self.sweep_one(blob, tenant_id)
        return len(left)
