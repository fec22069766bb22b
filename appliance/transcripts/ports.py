"""What the room of transcripts needs: an engine that hears words, and whoever follows changes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from appliance.database.engine import Tx
from appliance.kernel.ids import MeetingId
from appliance.meetings.ports import Samples
from appliance.transcripts.model import Transcript, Word

VOICE_FRAME_S = 0.032
"""Seconds that one value of ``SpeechToText.voice`` stands for."""

Voice = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Decoded:
    """Words of one clip, with how sure the engine is. Times count from the start of the clip."""

    words: tuple[Word, ...]
    logprob: float
    """Mean log-probability of a token; 0 is certain."""
    no_speech: float
    """How likely the engine thinks it that nobody speaks, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Hints:
    """What is known before the first word is heard. The language is never translated, only transcribed."""

    language: str
    vocabulary: tuple[str, ...] = ()


class SpeechToText(Protocol):
    """Hears words. Everything is mono int16 at 16 kHz; a clip is at most ``longest_clip_s`` long.

    The room cuts the recording into clips, checks what comes back and asks again: an engine only decodes.
    """

    @property
    def name(self) -> str:
        """The engine, for the record."""
        ...

    @property
    def model(self) -> str:
        """The weights, for the record."""
        ...

    @property
    def longest_clip_s(self) -> float:
        """How long a clip may be."""
        ...

    @property
    def batch(self) -> int:
        """How many clips ``decode`` takes best at once."""
        ...

    def voice(self, audio: Samples) -> Voice:
        """How likely somebody speaks, 0 to 1, for each ``VOICE_FRAME_S`` of a stretch of a few minutes at most."""
        ...

    def languages(self, clip: Samples) -> Mapping[str, float]:
        """Probability of each language (ISO 639-1) in one clip."""
        ...

    def decode(self, clips: Sequence[Samples], hints: Hints) -> list[Decoded]:
        """The words of each clip, fast."""
        ...

    def decode_carefully(self, clip: Samples, hints: Hints) -> Decoded:
        """The words of one clip, by the engine's most patient means; for clips whose first decoding is in doubt."""
        ...


class TranscriptWatcher(Protocol):
    """Keeps something in step with transcripts that people change; rooms above provide it."""

    def segments_changed(
        self, tx: Tx, meeting_id: MeetingId, transcript: Transcript, segments: Collection[int]
    ) -> None:
        """Follow within ``tx``, which made ``transcript`` the newest revision.

        Args:
            segments: ids of those that are new, changed or gone; all others are as they were.
        """
        ...
