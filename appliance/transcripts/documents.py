"""Words and transcripts as sealed documents of the meeting."""

import msgspec

from appliance.database.engine import Tx
from appliance.kernel.ids import MeetingId
from appliance.meetings.documents import DocumentStore
from appliance.meetings.vocabulary import VOCABULARY, packed, unpacked
from appliance.transcripts.editing import apply
from appliance.transcripts.errors import SoundMissing, TranscriptMissing
from appliance.transcripts.journal import Entry, Journal
from appliance.transcripts.model import Spoken, Transcript

SPOKEN = "speech/spoken"
TRANSCRIPT = "transcript"
FOLD_AFTER = 200
"""Edits after which the whole transcript is written anew: replaying them costs about what opening it does."""


class TranscriptStore:
    """Puts words and transcripts away and gets them back, for whoever was allowed to."""

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents
        self._journal = Journal(documents)

    def load(self, tx: Tx, meeting_id: MeetingId) -> Transcript:
        """The newest revision of the transcript: the document, and every edit since.

        Raises:
            TranscriptMissing: there is none.
        """
        data = self._documents.get(tx, meeting_id, TRANSCRIPT)
        if data is None:
            raise TranscriptMissing
        transcript = msgspec.json.decode(data, type=Transcript)
        for entry in self._journal.after(tx, meeting_id, transcript.folded):
            transcript = apply(transcript, entry.change)
        return transcript

    def revision(self, tx: Tx, meeting_id: MeetingId) -> int | None:
        """Which revision is the newest; it counts edits and new transcriptions alike."""
        last = self._journal.last(tx, meeting_id)
        return self._documents.revision(tx, meeting_id, TRANSCRIPT) if last is None else last

    def put(self, tx: Tx, meeting_id: MeetingId, transcript: Transcript) -> int:
        """Keep a new transcription and say which revision it is; one that people edited stays as a version."""
        self.lock(tx, meeting_id)
        newest = self.revision(tx, meeting_id) or 0
        if self._journal.after(tx, meeting_id, self._journal.begin(tx, meeting_id)):
            edited = msgspec.structs.replace(self.load(tx, meeting_id), folded=newest)
            self._documents.put(tx, meeting_id, f"{TRANSCRIPT}/version/{newest}", msgspec.json.encode(edited))
        self._journal.add_base(tx, meeting_id, newest + 1)
        self._fold(tx, meeting_id, transcript, newest + 1)
        return newest + 1

    def lock(self, tx: Tx, meeting_id: MeetingId) -> None:
        """Let nobody else edit the transcript until ``tx`` ends."""
        self._documents.lock(tx, meeting_id, TRANSCRIPT)

    def entries(self, tx: Tx, meeting_id: MeetingId, *, after: int = 0) -> tuple[Entry, ...]:
        """The edits of the present transcription later than a revision, oldest first."""
        return self._journal.after(tx, meeting_id, max(after, self._journal.begin(tx, meeting_id)))

    def begin(self, tx: Tx, meeting_id: MeetingId) -> int:
        """The revision with which the present transcription began; 0 where it is older than the journal."""
        return self._journal.begin(tx, meeting_id)

    def append(self, tx: Tx, meeting_id: MeetingId, entry: Entry, transcript: Transcript) -> None:
        """Keep one edit.

        Args:
            transcript: with the edit in it; written down whole once in ``FOLD_AFTER`` edits.
        """
        self._journal.add(tx, meeting_id, entry)
        if entry.revision - max(transcript.folded, self._journal.begin(tx, meeting_id)) >= FOLD_AFTER:
            self._fold(tx, meeting_id, transcript, entry.revision)

    def _fold(self, tx: Tx, meeting_id: MeetingId, transcript: Transcript, revision: int) -> None:
        whole = msgspec.structs.replace(transcript, folded=revision)
        self._documents.put(tx, meeting_id, TRANSCRIPT, msgspec.json.encode(whole))

    def load_spoken(self, tx: Tx, meeting_id: MeetingId) -> Spoken:
        """The words before anybody knew whose they are.

        Raises:
            SoundMissing: they were not heard yet.
        """
        data = self._documents.get(tx, meeting_id, SPOKEN)
        if data is None:
            raise SoundMissing(name=SPOKEN)
        return msgspec.json.decode(data, type=Spoken)

    def put_spoken(self, tx: Tx, meeting_id: MeetingId, spoken: Spoken) -> None:
        """Keep the words."""
        self._documents.put(tx, meeting_id, SPOKEN, msgspec.json.encode(spoken))

    def vocabulary(self, tx: Tx, meeting_id: MeetingId) -> tuple[str, ...]:
        """Names and terms that the engine should expect in this meeting."""
        data = self._documents.get(tx, meeting_id, VOCABULARY)
        return unpacked(data) if data else ()

    def put_vocabulary(self, tx: Tx, meeting_id: MeetingId, words: tuple[str, ...]) -> None:
        """Keep the names and terms; they are content like everything else that is said."""
        self._documents.put(tx, meeting_id, VOCABULARY, packed(words))

    def delete(self, tx: Tx, meeting_id: MeetingId, *names: str) -> None:
        """Forget the named documents; with the transcript its edits."""
        self._documents.delete(tx, meeting_id, *names)
        if TRANSCRIPT in names:
            self._journal.forget(tx, meeting_id)
