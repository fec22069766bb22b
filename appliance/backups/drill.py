"""The rehearsal that proves a backup: restored into a scratch server, and asked whether everything is there."""

import random
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from appliance.backups import queries
from appliance.backups.depot import Depot
from appliance.backups.model import AtBackup
from appliance.backups.ports import PointInTimeDatabase, ScratchServers
from appliance.backups.sets import BLOB_LIST, BackupSet, moment
from appliance.database.engine import Database
from appliance.database.roles import DatabaseRole
from appliance.kernel.clock import Clock

log = structlog.get_logger(__name__)

KIND = "drill"
"""As what its report is signed."""
SAMPLE = 25
"""Recordings that are read again, chosen by chance."""


@dataclass(frozen=True, slots=True)
class Proof:
    """One thing that was asked of the restored copy; ``faults`` is empty where it held."""

    name: str
    looked_at: str
    faults: Sequence[str]


@dataclass(frozen=True, slots=True)
class Drill:
    """A rehearsal that was held."""

    at: datetime
    set_id: str
    restore_s: float
    replay_s: float
    took_s: float
    proofs: Sequence[Proof]

    @property
    def passed(self) -> bool:
        """Whether everything held."""
        return all(not proof.faults for proof in self.proofs)

    def payload(self) -> dict[str, Any]:
        """What is signed."""
        return {
            "set": self.set_id,
            "at": moment(self.at),
            "passed": self.passed,
            "restore_s": round(self.restore_s, 1),
            "replay_s": round(self.replay_s, 1),
            "took_s": round(self.took_s, 1),
            "proofs": [
                {"name": proof.name, "looked_at": proof.looked_at, "faults": list(proof.faults)}
                for proof in self.proofs
            ],
        }


class Rehearsal:
    """Restores a set beside the running appliance and looks at it.

    Args:
        folder: where the scratch server lies; emptied before and after.
        owed: recordings that a restore still owes, as ``NA/NAME``: no backup can have what never came.
    """

    def __init__(
        self,
        *,
        depot: Depot,
        database: PointInTimeDatabase,
        scratch: ScratchServers,
        folder: Path,
        clock: Clock,
        owed: Callable[[], frozenset[str]] = frozenset,
    ) -> None:
        self._depot = depot
        self._database = database
        self._scratch = scratch
        self._folder = folder
        self._clock = clock
        self._owed = owed

    def hold(self, described: BackupSet, tell: Callable[[str], object]) -> Drill:
        """Restore that set and prove it.

        Raises:
            NoBackup, EngineFailed, ServerWontStart: it could not be restored; that is a failed drill too.
        """
        at, started = self._clock.now(), time.monotonic()
        self._clear()
        try:
            tell("restoring the database")
            self._database.restore(AtBackup(described.database.label), into=self._folder)
            restored = time.monotonic()
            tell("starting a scratch server")
            with self._scratch.running(self._folder) as server:
                replayed = time.monotonic()
                database = Database(server.url(DatabaseRole.OWNER), pool_size=1)
                try:
                    tell("asking the restored copy")
                    proofs = self._ask(database, described)
                finally:
                    database.dispose()
        finally:
            self._clear()
        tell("reading recordings again")
        proofs.append(self._recordings(described))
        drill = Drill(
            at, described.id, restored - started, replayed - restored, time.monotonic() - started, tuple(proofs)
        )
        log.info("drill_held", set=described.id, passed=drill.passed, took_s=round(drill.took_s, 1))
        return drill

    def _ask(self, database: Database, described: BackupSet) -> list[Proof]:
        listed = frozenset(self._depot.blob_list(described.id, BLOB_LIST))
        with database.reading(None) as tx:
            counts = queries.row_counts(tx)
            wanted = queries.recordings(tx)
            coming = (wanted - listed) & self._owed()
            return [
                Proof("rows", f"{sum(counts.values())} rows of {len(counts)} tables", _miscounted(described, counts)),
                Proof("foreign keys", "every foreign key", tuple(queries.dangling(tx))),
                Proof(
                    "audit trails",
                    f"{counts.get('audit_event', 0)} events of {len(described.trails)} chains",
                    tuple(queries.broken_trails(tx, described.trails)),
                ),
                Proof(
                    "recordings of meetings",
                    f"{len(wanted)} meetings' recordings"
                    + (f", {len(coming)} of them still to come" if coming else ""),
                    tuple(f"the backup lacks the recording {name}" for name in sorted(wanted - listed - coming)[:10]),
                ),
            ]

    def _recordings(self, described: BackupSet) -> Proof:
        listed = self._depot.blob_list(described.id, BLOB_LIST)
        chosen = random.sample(sorted(listed), min(SAMPLE, len(listed)))
        faults = tuple(self._depot.damaged_blobs({name: listed[name] for name in chosen}))
        return Proof("recordings", f"{len(chosen)} of {len(listed)} recordings", faults)

    def _clear(self) -> None:
        if self._folder.exists():
            for path in self._folder.iterdir():
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink()


def _miscounted(described: BackupSet, counts: Any) -> tuple[str, ...]:
    """Tables with fewer or more rows than there were around the backup."""
    faults = []
    for table, before in described.rows_before.items():
        after = described.rows_after.get(table, before)
        low, high = min(before, after), max(before, after)
        if not low <= counts.get(table, 0) <= high:
            faults.append(f"{table} has {counts.get(table, 0)} rows; there were {low} to {high}")
    return tuple(faults)
