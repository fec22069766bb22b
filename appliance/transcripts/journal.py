"""The journal of a transcript: every change as a sealed row, in order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import BYTEA

from appliance.database.engine import Tx
from appliance.kernel.ids import MeetingId, UserId
from appliance.meetings.documents import DocumentStore
from appliance.transcripts.editing import Change

_ADD = text(
    "INSERT INTO transcript_edit (meeting_id, revision, tenant_id, author, at, kind, undoes, sealed)"
    " VALUES (:meeting, :revision, :tenant, :author, :at, :kind, :undoes, :sealed)"
).bindparams(bindparam("sealed", type_=BYTEA))
_ADD_BASE = text(
    "INSERT INTO transcript_edit (meeting_id, revision, tenant_id, at, kind, sealed)"
    " VALUES (:meeting, :revision, :tenant, now(), 'base', ''::bytea)"
)
_AFTER = text(
    "SELECT revision, author, at, undoes, sealed FROM transcript_edit"
    " WHERE meeting_id = :meeting AND revision > :revision AND kind <> 'base' ORDER BY revision"
)
_LAST = text("SELECT max(revision) FROM transcript_edit WHERE meeting_id = :meeting")
_BEGIN = text("SELECT max(revision) FROM transcript_edit WHERE meeting_id = :meeting AND kind = 'base'")
_FORGET = text("DELETE FROM transcript_edit WHERE meeting_id = :meeting")


@dataclass(frozen=True, slots=True)
class Entry:
    """One edit: who made it when, and which earlier one it takes back."""

    revision: int
    author: UserId | None
    at: datetime
    change: Change
    undoes: int | None = None


class Journal:
    """Keeps changes of transcripts under their meeting's DEK; each opens only as the revision that it was."""

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents

    def add(self, tx: Tx, meeting_id: MeetingId, entry: Entry) -> None:
        """Keep an edit."""
        data = msgspec.json.encode(entry.change)
        row = {
            "meeting": meeting_id,
            "revision": entry.revision,
            "tenant": tx.tenant_id,
            "author": entry.author,
            "at": entry.at,
            "kind": type(entry.change).__name__.lower(),
            "undoes": entry.undoes,
            "sealed": self._documents.sealed(tx, meeting_id, data, purpose=_purpose(entry.revision)),
        }
        tx.execute(_ADD, row)

    def add_base(self, tx: Tx, meeting_id: MeetingId, revision: int) -> None:
        """Note that a new transcription begins with this revision."""
        tx.execute(_ADD_BASE, {"meeting": meeting_id, "revision": revision, "tenant": tx.tenant_id})

    def after(self, tx: Tx, meeting_id: MeetingId, revision: int) -> tuple[Entry, ...]:
        """The edits later than a revision, oldest first.

        Raises:
            Corrupt: one was changed outside of the appliance.
        """
        rows = tx.execute(_AFTER, {"meeting": meeting_id, "revision": revision}).all()
        pieces: Sequence[tuple[str, bytes]] = [(_purpose(row.revision), bytes(row.sealed)) for row in rows]
        return tuple(
            Entry(row.revision, row.author, row.at, msgspec.json.decode(data, type=Change), row.undoes)
            for row, data in zip(rows, self._documents.opened(tx, meeting_id, pieces), strict=True)
        )

    def last(self, tx: Tx, meeting_id: MeetingId) -> int | None:
        """The newest revision; None where nothing was ever edited or transcribed since there is a journal."""
        last: int | None = tx.execute(_LAST, {"meeting": meeting_id}).scalar()
        return last

    def begin(self, tx: Tx, meeting_id: MeetingId) -> int:
        """The revision of the present transcription; 0 where it is older than the journal."""
        return tx.execute(_BEGIN, {"meeting": meeting_id}).scalar() or 0

    def forget(self, tx: Tx, meeting_id: MeetingId) -> None:
        """Forget every edit."""
        tx.execute(_FORGET, {"meeting": meeting_id})


def _purpose(revision: int) -> str:
    return f"transcript/edit/{revision}"
