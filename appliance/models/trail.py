"""What was done to the packs, carried from the folder's history into the audit trail.

Packs are installed by setup before there is a database, and used by commands that need none; so the folder keeps its
own history, a line before each change. Whoever has the database open hands over the lines that the trail has not got
yet: the command itself, and the leader of the workers every so often. A line is known by its hash, so that none is
handed over twice and none is lost, whoever is killed in between.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import structlog
from sqlalchemy import text

from appliance.audit.model import AuditName, DetailValue
from appliance.audit.service import AuditTrail
from appliance.database.engine import Database, Tx
from appliance.kernel.actor import Actor, ActorKind
from appliance.kernel.ids import TenantId
from appliance.models.model import Deed
from appliance.models.store import PackStore

log = structlog.get_logger()

HANDOVER_LOCK = 0x48616E67_4D6F6465
"""``HangMode`` in ASCII: the key of the advisory lock of whoever hands over."""

_NAMES = {
    Deed.INSTALLED: AuditName.PACK_INSTALLED,
    Deed.USED: AuditName.PACK_USED,
    Deed.REMOVED: AuditName.PACK_REMOVED,
}
_KNOWN = text(
    "SELECT detail FROM audit_event WHERE tenant_id = :tenant AND subject_type = 'pack' AND name = ANY(:names)"
)


class PackTrail:
    """Hands one folder's history over to the trail of the organisation that owns this machine.

    Args:
        database: as the worker role.
        folder: the models folder.
        tenant_id: the tenant that was set up first.
    """

    def __init__(self, database: Database, audit: AuditTrail, *, folder: Path, tenant_id: TenantId) -> None:
        self._database = database
        self._audit = audit
        self._store = PackStore(folder)
        self._tenant_id = tenant_id

    def hand_over(self) -> int:
        """Record what the trail does not know yet; how many deeds that were."""
        lines = self._store.history()
        if not lines:
            return 0
        with self._database.transaction(self._tenant_id) as tx:
            tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": HANDOVER_LOCK})
            fresh = list(_unknown(lines, self._known(tx)))
            for line, deed in fresh:
                self._record(tx, line, deed)
        return len(fresh)

    def _known(self, tx: Tx) -> set[str]:
        values = {"tenant": self._tenant_id, "names": [name.value for name in _NAMES.values()]}
        return {str(json.loads(detail).get("line")) for detail in tx.execute(_KNOWN, values).scalars()}

    def _record(self, tx: Tx, line: str, deed: Mapping[str, str]) -> None:
        actor = Actor(ActorKind.OPERATOR, self._tenant_id, deed.get("actor", ""), origin="models folder")
        facts: dict[str, DetailValue] = {name: value for name, value in deed.items() if name not in {"actor", "action"}}
        self._audit.record(
            tx,
            _NAMES[Deed(deed["action"])],
            actor=actor,
            subject_type="pack",
            subject_id=None,
            detail=facts | {"line": line},
        )


def _unknown(lines: Iterable[bytes], known: set[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """The deeds that are not in ``known``, with the hash by which they will be."""
    for line in lines:
        mark = hashlib.sha256(line).hexdigest()
        deed = None if mark in known else _deed(line)
        if deed is not None:
            known.add(mark)
            yield mark, deed


def _deed(line: bytes) -> dict[str, str] | None:
    """The line as fields; nothing where a power cut tore it, or a newer release wrote what we do not know."""
    try:
        fields = json.loads(line)
        Deed(fields["action"])
    except (ValueError, KeyError, TypeError):
        log.warning("models_history_unreadable", bytes=len(line))
        return None
    return {str(name): str(value) for name, value in fields.items()}
