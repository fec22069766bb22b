"""Documents of a meeting: kept sealed in the database, opened in memory alone."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import BYTEA

from appliance.database.engine import Tx
from appliance.database.reads import Question
from appliance.kernel.clock import Clock
from appliance.kernel.ids import MeetingId
from appliance.keyring.documents import seal, unseal
from appliance.keyring.service import KeyRing
from appliance.meetings.errors import DocumentChanged

_LOCK = text("SELECT revision FROM sealed_document WHERE meeting_id = :meeting AND name = :name FOR UPDATE")
_PUT = text(
    "INSERT INTO sealed_document (meeting_id, name, tenant_id, revision, sealed, written_at)"
    " VALUES (:meeting, :name, :tenant, :revision, :sealed, :now)"
    " ON CONFLICT (meeting_id, name) DO UPDATE"
    " SET revision = excluded.revision, sealed = excluded.sealed, written_at = excluded.written_at"
    " WHERE sealed_document.revision = excluded.revision - 1"
    " RETURNING revision"
).bindparams(bindparam("sealed", type_=BYTEA))
_GET = text("SELECT revision, sealed FROM sealed_document WHERE meeting_id = :meeting AND name = :name")
_REVISION = text("SELECT revision FROM sealed_document WHERE meeting_id = :meeting AND name = :name")
_DELETE = text("DELETE FROM sealed_document WHERE meeting_id = :meeting AND name = ANY(:names)")
_NAMES: Final = "SELECT name FROM sealed_document WHERE meeting_id = %(meeting)s ORDER BY name"


class DocumentStore:
    """Puts a meeting's documents away and gets them back, under the meeting's DEK.

    The name and the revision are part of what is authenticated: a row that was swapped for another document, or for an
    older revision of the same one, does not open.
    """

    def __init__(self, keyring: KeyRing, clock: Clock) -> None:
        self._keyring = keyring
        self._clock = clock

    def put(self, tx: Tx, meeting_id: MeetingId, name: str, data: bytes) -> int:
        """Keep ``data`` as the next revision of the document, and say which revision that is.

        Raises:
            DocumentChanged: another transaction wrote the first revision at the same moment.
            KeyDestroyed: the meeting was deleted.
        """
        dek = self._keyring.meeting_key(tx, meeting_id)
        key = {"meeting": meeting_id, "name": name}
        revision = (tx.execute(_LOCK, key).scalar() or 0) + 1
        sealed = seal(dek, data, purpose=_purpose(name, revision))
        row = {**key, "tenant": tx.tenant_id, "revision": revision, "sealed": sealed, "now": self._clock.now()}
        if tx.execute(_PUT, row).scalar() is None:
            raise DocumentChanged(name=name)
        return revision

    def get(self, tx: Tx, meeting_id: MeetingId, name: str) -> bytes | None:
        """The newest revision, or None when the meeting has no such document.

        Raises:
            Corrupt: it was changed outside of the appliance.
            KeyDestroyed: the meeting was deleted.
        """
        found = tx.execute(_GET, {"meeting": meeting_id, "name": name}).one_or_none()
        if found is None:
            return None
        dek = self._keyring.meeting_key(tx, meeting_id)
        return unseal(dek, bytes(found.sealed), purpose=_purpose(name, found.revision))

    def revision(self, tx: Tx, meeting_id: MeetingId, name: str) -> int | None:
        """Which revision is the newest, without opening it."""
        revision: int | None = tx.execute(_REVISION, {"meeting": meeting_id, "name": name}).scalar()
        return revision

    def names(self, tx: Tx, meeting_id: MeetingId) -> tuple[str, ...]:
        """The documents that the meeting has."""
        return tuple(tx.connection().exec_driver_sql(_NAMES, {"meeting": meeting_id}).scalars())

    def lock(self, tx: Tx, meeting_id: MeetingId, name: str) -> None:
        """Let nobody else write the document until ``tx`` ends."""
        tx.execute(_LOCK, {"meeting": meeting_id, "name": name})

    def sealed(self, tx: Tx, meeting_id: MeetingId, data: bytes, *, purpose: str) -> bytes:
        """``data`` under the meeting's key, for a room that keeps rows of its own beside the documents."""
        return seal(self._keyring.meeting_key(tx, meeting_id), data, purpose=purpose)

    def opened(self, tx: Tx, meeting_id: MeetingId, pieces: Sequence[tuple[str, bytes]]) -> list[bytes]:
        """What ``sealed`` made, each piece with its purpose before it.

        Raises:
            Corrupt: one was changed outside of the appliance.
            KeyDestroyed: the meeting was deleted.
        """
        if not pieces:
            return []
        dek = self._keyring.meeting_key(tx, meeting_id)
        return [unseal(dek, data, purpose=purpose) for purpose, data in pieces]

    def delete(self, tx: Tx, meeting_id: MeetingId, *names: str) -> None:
        """Remove documents; those that are not there are none the less gone."""
        wanted: Sequence[str] = list(names)
        tx.execute(_DELETE, {"meeting": meeting_id, "names": wanted})


def document_names(meeting_id: MeetingId) -> Question:
    """Asks for the documents that a meeting has."""
    return Question(_NAMES, {"meeting": meeting_id})


def _purpose(name: str, revision: int) -> str:
    return f"document/{name}/{revision}"
