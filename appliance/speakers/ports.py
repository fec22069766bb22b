"""What the room of speakers needs from an engine."""

from collections.abc import Callable
from typing import Protocol

from appliance.meetings.ports import Sound
from appliance.speakers.model import ANY_NUMBER, SpeakerCount, Turn


class Bookmark(Protocol):
    """Where an engine notes how far it came, so that a killed worker goes on from there."""

    def load(self) -> bytes | None:
        """The last note, or nothing on a first start."""
        ...

    def save(self, note: bytes) -> None:
        """Keep this instead of the last note."""
        ...


class SpeakerTurns(Protocol):
    """Says who spoke when."""

    @property
    def name(self) -> str:
        """Engine and models, for the record."""
        ...

    def turns(
        self,
        audio: Sound,
        *,
        count: SpeakerCount = ANY_NUMBER,
        progress: Callable[[float], None] = lambda fraction: None,
        bookmark: Bookmark | None = None,
    ) -> tuple[Turn, ...]:
        """Every turn of every speaker, sorted by start; overlapping where people talk at once.

        Args:
            audio: mono int16 at 16 kHz, any length; read forwards, a stretch at a time.
            count: how many speakers there may be.
            progress: told how much is done, 0 to 1; what it raises ends the work.
            bookmark: where to note how far it came.
        """
        ...
