"""Turns as a sealed document of the meeting."""

import msgspec

from appliance.database.engine import Tx
from appliance.kernel.ids import MeetingId
from appliance.meetings.documents import DocumentStore
from appliance.speakers.model import Turn

TURNS = "speech/turns"


class _Turns(msgspec.Struct, frozen=True):
    engine: str
    turns: tuple[Turn, ...]


class TurnStore:
    """Puts turns away and gets them back."""

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents

    def put(self, tx: Tx, meeting_id: MeetingId, turns: tuple[Turn, ...], *, engine: str) -> None:
        """Keep the turns that ``engine`` heard."""
        self._documents.put(tx, meeting_id, TURNS, msgspec.json.encode(_Turns(engine, turns)))

    def get(self, tx: Tx, meeting_id: MeetingId) -> tuple[tuple[Turn, ...], str] | None:
        """The turns and the engine that heard them; None where nobody listened yet."""
        data = self._documents.get(tx, meeting_id, TURNS)
        if data is None:
            return None
        found = msgspec.json.decode(data, type=_Turns)
        return found.turns, found.engine

    def delete(self, tx: Tx, meeting_id: MeetingId) -> None:
        """Forget them."""
        self._documents.delete(tx, meeting_id, TURNS)
