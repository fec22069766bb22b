"""What the room of minutes needs from elsewhere."""

from typing import Protocol

from appliance.database.engine import Tx
from appliance.kernel.ids import MeetingId
from appliance.language.ports import LanguageModel
from appliance.transcripts.model import Transcript


class TranscriptSource(Protocol):
    """Where a step gets the text of a meeting."""

    def load(self, tx: Tx, meeting_id: MeetingId) -> Transcript:
        """The transcript.

        Raises:
            NotFound: the meeting has none yet.
        """
        ...

    def revision(self, tx: Tx, meeting_id: MeetingId) -> int | None:
        """Which revision is the newest; None without a transcript."""
        ...


class ResidentModel(Protocol):
    """The language model of this process: loaded when it is first asked for, then kept."""

    def get(self) -> LanguageModel:
        """The model in use.

        Raises:
            Unavailable: none is installed, or it cannot be loaded now.
        """
        ...
