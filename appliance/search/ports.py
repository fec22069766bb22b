"""What searching needs from the room of transcripts."""

from typing import Protocol

from appliance.database.engine import Tx
from appliance.kernel.ids import MeetingId
from appliance.transcripts.model import Transcript


class TranscriptSource(Protocol):
    """Opens transcripts inside a transaction, for whoever was allowed to."""

    def load(self, tx: Tx, meeting_id: MeetingId) -> Transcript:
        """The newest revision.

        Raises:
            NotFound: there is none.
        """
        ...
