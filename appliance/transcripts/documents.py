"""Words and transcripts as sealed documents of the meeting."""

import msgspec

from appliance.database.engine import Tx
from appliance.kernel.ids import MeetingId
from appliance.meetings.documents import DocumentStore
from appliance.meetings.vocabulary import VOCABULARY, packed, unpacked
from appliance.transcripts.errors import SoundMissing, TranscriptMissing
from appliance.transcripts.model import Spoken, Transcript

SPOKEN = "speech/spoken"
TRANSCRIPT = "transcript"


class TranscriptStore:
    """Puts words and transcripts away and gets them back, for whoever was allowed to."""

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents

    def load(self, tx: Tx, meeting_id: MeetingId) -> Transcript:
        """The newest revision of the transcript.

        Raises:
            TranscriptMissing: there is none.
        """
        data = self._documents.get(tx, meeting_id, TRANSCRIPT)
        if data is None:
            raise TranscriptMissing
        return msgspec.json.decode(data, type=Transcript)

    def revision(self, tx: Tx, meeting_id: MeetingId) -> int | None:
        """Which revision is the newest."""
        return self._documents.revision(tx, meeting_id, TRANSCRIPT)

    def put(self, tx: Tx, meeting_id: MeetingId, transcript: Transcript) -> int:
        """Keep a new revision and say which one it is."""
        return self._documents.put(tx, meeting_id, TRANSCRIPT, msgspec.json.encode(transcript))

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
        """Forget the named documents."""
        self._documents.delete(tx, meeting_id, *names)
