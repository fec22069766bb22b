"""What people do with transcripts: read, take out, put back what a guard removed."""

from collections.abc import Sequence

from appliance.audit.model import AuditName
from appliance.audit.service import AuditTrail
from appliance.database.engine import Database, Tx
from appliance.kernel.actor import Actor
from appliance.kernel.clock import Clock, SystemClock
from appliance.kernel.ids import MeetingId
from appliance.meetings.service import MeetingService
from appliance.meetings.vocabulary import clean_vocabulary
from appliance.speakers.documents import TurnStore
from appliance.transcripts.documents import TranscriptStore
from appliance.transcripts.editing import Restore, apply, segments_of
from appliance.transcripts.exports import export
from appliance.transcripts.journal import Entry
from appliance.transcripts.model import Transcript
from appliance.transcripts.ports import TranscriptWatcher


class TranscriptService:
    """The use cases of transcripts; a transcript can be read by whoever may read its meeting."""

    def __init__(
        self,
        *,
        database: Database,
        audit: AuditTrail,
        meetings: MeetingService,
        transcripts: TranscriptStore,
        turns: TurnStore,
        watchers: Sequence[TranscriptWatcher] = (),
        clock: Clock | None = None,
    ) -> None:
        self._database = database
        self._audit = audit
        self._meetings = meetings
        self._transcripts = transcripts
        self._turns = turns
        self._watchers = watchers
        self._clock = clock or SystemClock()

    def get(self, actor: Actor, meeting_id: MeetingId) -> Transcript:
        """The newest transcript of the meeting.

        Raises:
            MeetingNotFound: there is no such meeting for ``actor``.
            TranscriptMissing: it has none yet.
        """
        with self._database.transaction(actor.tenant_id) as tx:
            self._meetings.check_readable(tx, actor, meeting_id)
            transcript = self._transcripts.load(tx, meeting_id)
            self._record(tx, AuditName.TRANSCRIPT_READ, actor, meeting_id)
        return transcript

    def load(self, tx: Tx, meeting_id: MeetingId) -> Transcript:
        """The newest transcript, for rooms above that have decided who may; see ``TranscriptStore``."""
        return self._transcripts.load(tx, meeting_id)

    def revision(self, tx: Tx, meeting_id: MeetingId) -> int | None:
        """Which revision is the newest; None without a transcript."""
        return self._transcripts.revision(tx, meeting_id)

    def export(self, actor: Actor, meeting_id: MeetingId, format_name: str) -> bytes:
        """The transcript as ``json``, ``txt``, ``vtt`` or ``rttm``.

        Raises:
            MeetingNotFound, TranscriptMissing: as for ``get``.
            UnknownFormat: there is no such format.
        """
        with self._database.transaction(actor.tenant_id) as tx:
            self._meetings.check_readable(tx, actor, meeting_id)
            transcript = self._transcripts.load(tx, meeting_id)
            heard = self._turns.get(tx, meeting_id)
            data, _ = export(transcript, heard[0] if heard else (), format_name)
            self._record(tx, AuditName.TRANSCRIPT_EXPORTED, actor, meeting_id, format=format_name)
        return data

    def expected_words(self, actor: Actor, meeting_id: MeetingId) -> tuple[str, ...]:
        """Names and terms that the next transcription of the meeting will expect.

        Raises:
            MeetingNotFound: there is no such meeting for ``actor``.
        """
        with self._database.reading(actor.tenant_id) as tx:
            self._meetings.check_readable(tx, actor, meeting_id)
            return self._transcripts.vocabulary(tx, meeting_id)

    def expect_words(self, actor: Actor, meeting_id: MeetingId, words: Sequence[str]) -> tuple[str, ...]:
        """Tell names and terms that the next transcription of the meeting should expect; returns what is kept.

        Raises:
            MeetingNotFound: there is no such meeting of ``actor``'s own.
            VocabularyTooLong: the engine could not keep so many in mind.
        """
        kept = clean_vocabulary(words)
        with self._database.transaction(actor.tenant_id) as tx:
            self._meetings.check_editable(tx, actor, meeting_id)
            self._transcripts.put_vocabulary(tx, meeting_id, kept)
            self._record(tx, AuditName.VOCABULARY_SET, actor, meeting_id, words=len(kept))
        return kept

    def restore(self, actor: Actor, meeting_id: MeetingId, number: int) -> Transcript:
        """Put back the removed text of that number, 0 being the first, as segments of their own; a new revision.

        Raises:
            MeetingNotFound, TranscriptMissing: as for ``get``.
            NothingRemovedThere: there is no removed text of that number.
        """
        with self._database.transaction(actor.tenant_id) as tx:
            self._meetings.check_editable(tx, actor, meeting_id)
            self._transcripts.lock(tx, meeting_id)
            transcript = self._transcripts.load(tx, meeting_id)
            heard = self._turns.get(tx, meeting_id)
            change = Restore(number=number).change(transcript, heard[0] if heard else ())
            restored = apply(transcript, change)
            revision = (self._transcripts.revision(tx, meeting_id) or 0) + 1
            entry = Entry(revision, actor.user_id, self._clock.now(), change)
            self._transcripts.append(tx, meeting_id, entry, restored)
            for watcher in self._watchers:
                watcher.segments_changed(tx, meeting_id, restored, segments_of(change))
            reason = transcript.removed[number].reason.value
            self._record(tx, AuditName.TEXT_RESTORED, actor, meeting_id, revision=revision, reason=reason)
        return restored

    def _record(self, tx: Tx, name: AuditName, actor: Actor, meeting_id: MeetingId, **detail: str | int) -> None:
        self._audit.record(tx, name, actor=actor, subject_type="meeting", subject_id=meeting_id, detail=detail)
