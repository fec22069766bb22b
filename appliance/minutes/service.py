"""What people do with minutes: read them, take them out."""

from dataclasses import dataclass
from typing import Final

import msgspec

from appliance.audit.model import AuditName
from appliance.audit.service import AuditTrail
from appliance.database.engine import Database, Tx
from appliance.identity.permissions import Permission, require
from appliance.kernel.actor import Actor
from appliance.kernel.ids import MeetingId
from appliance.meetings.documents import DocumentStore
from appliance.meetings.service import MeetingService
from appliance.minutes.errors import MinutesDamaged, MinutesNotFound
from appliance.minutes.exports import from_json, require_format, to_json, to_markdown
from appliance.minutes.model import Minutes
from appliance.minutes.ports import TranscriptSource

DOCUMENT: Final = "minutes"
"""The name of the sealed document."""


@dataclass(frozen=True, slots=True)
class MinutesView:
    """Minutes, and whether the transcript was changed after they were written."""

    minutes: Minutes
    is_stale: bool


class MinutesService:
    """The use cases of minutes; they can be read by whoever may read their meeting."""

    def __init__(
        self,
        *,
        database: Database,
        audit: AuditTrail,
        meetings: MeetingService,
        documents: DocumentStore,
        transcripts: TranscriptSource,
    ) -> None:
        self._database = database
        self._audit = audit
        self._meetings = meetings
        self._documents = documents
        self._transcripts = transcripts

    def get(self, actor: Actor, meeting_id: MeetingId) -> Minutes:
        """The minutes of a meeting.

        Raises:
            MeetingNotFound: there is no such meeting for ``actor``.
            MinutesNotFound: it has none yet.
            MinutesDamaged: they cannot be read.
        """
        return self.view(actor, meeting_id).minutes

    def view(self, actor: Actor, meeting_id: MeetingId) -> MinutesView:
        """The minutes, and whether they are older than the transcript; raises what ``get`` does."""
        require(actor, Permission.MEETING_READ)
        with self._database.transaction(actor.tenant_id) as tx:
            self._meetings.check_readable(tx, actor, meeting_id)
            minutes = self._load(tx, meeting_id)
            is_stale = self._is_stale(tx, meeting_id, minutes)
            self._record(tx, AuditName.MINUTES_READ, actor, meeting_id, stale=is_stale)
        return MinutesView(minutes, is_stale)

    def export(self, actor: Actor, meeting_id: MeetingId, format_name: str) -> bytes:
        """The minutes as ``json`` or ``md``.

        Raises:
            UnknownFormat: there is no such format.
            MeetingNotFound, MinutesNotFound, MinutesDamaged: as for ``get``.
        """
        require(actor, Permission.MEETING_READ)
        require_format(format_name)
        with self._database.transaction(actor.tenant_id) as tx:
            title = self._meetings.title(tx, actor, meeting_id)
            minutes = self._load(tx, meeting_id)
            if format_name == "json":
                data = to_json(minutes)
            else:
                data = to_markdown(minutes, self._transcripts.load(tx, meeting_id), title=title).encode()
            self._record(tx, AuditName.MINUTES_EXPORTED, actor, meeting_id, format=format_name)
        return data

    def _load(self, tx: Tx, meeting_id: MeetingId) -> Minutes:
        data = self._documents.get(tx, meeting_id, DOCUMENT)
        if data is None:
            raise MinutesNotFound
        try:
            return from_json(data)
        except msgspec.MsgspecError as error:
            raise MinutesDamaged from error

    def _is_stale(self, tx: Tx, meeting_id: MeetingId, minutes: Minutes) -> bool:
        return (self._transcripts.revision(tx, meeting_id) or 0) > minutes.transcript_revision

    def _record(self, tx: Tx, name: AuditName, actor: Actor, meeting_id: MeetingId, **detail: str | bool) -> None:
        self._audit.record(tx, name, actor=actor, subject_type="meeting", subject_id=meeting_id, detail=detail)
