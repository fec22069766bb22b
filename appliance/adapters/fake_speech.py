"""Engines that make their words up, for plumbing: instant, and as strict about their ports as the real ones."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from appliance.meetings.model import SAMPLE_RATE
from appliance.meetings.ports import Samples, Sound
from appliance.speakers.model import ANY_NUMBER, LONGEST_PAUSE_S, SpeakerCount, Turn
from appliance.speakers.ports import Bookmark
from appliance.transcripts.model import Word
from appliance.transcripts.ports import VOICE_FRAME_S, Decoded, Hints, Voice

_FRAME = round(VOICE_FRAME_S * SAMPLE_RATE)
_MINUTE = _FRAME * 1_875
_LOUD = 300
"""Mean level from which a frame counts as speech."""
_WORD_S = 0.4
_TURN_S = 15.0
_LEXICON = (
    "budget", "meeting", "decision", "monday", "proposal", "minutes", "agenda", "invoice", "deadline", "vote", "offer",
    "harvest", "granite", "lantern", "orchard", "velvet",
)  # fmt: skip


class FakeSpeechToText:
    """Writes a word of a small lexicon for every 0.4 s of sound above a level; the same sound makes the same words."""

    name = "fake"
    model = "fake"
    longest_clip_s = 28.0
    batch = 4

    def voice(self, audio: Samples) -> Voice:
        """1 where a frame is loud."""
        return _loud(audio).astype(np.float32)

    def languages(self, clip: Samples) -> Mapping[str, float]:
        """Always English."""
        return {"en": 0.99, "hu": 0.01}

    def decode(self, clips: Sequence[Samples], hints: Hints) -> list[Decoded]:
        """A word for every stretch of loud frames."""
        return [self.decode_carefully(clip, hints) for clip in clips]

    def decode_carefully(self, clip: Samples, hints: Hints) -> Decoded:
        """The same: it is never in doubt."""
        loud = _loud(clip)
        frames = round(_WORD_S / VOICE_FRAME_S)
        words = [
            _word(clip, start * VOICE_FRAME_S)
            for start in range(0, len(loud) - frames + 1, frames)
            if loud[start : start + frames].mean() > 0.5
        ]
        return Decoded(tuple(words), logprob=-0.1, no_speech=0.0 if words else 1.0)


class FakeSpeakerTurns:
    """Gives every stretch of loud sound to the next speaker, a new turn every 15 s."""

    name = "fake"

    def turns(
        self,
        audio: Sound,
        *,
        count: SpeakerCount = ANY_NUMBER,
        progress: Callable[[float], None] = lambda _fraction: None,
        bookmark: Bookmark | None = None,
    ) -> tuple[Turn, ...]:
        """As many speakers as asked for, two if nobody asked, as far as there are turns."""
        people = count.bounded(2)
        stretches = _stretches(audio)
        if bookmark is not None:
            bookmark.load()
            bookmark.save(b"fake")
        turns: list[Turn] = []
        for start_s, end_s in stretches:
            marks = [*np.arange(start_s, end_s, _TURN_S), min(end_s, len(audio) / SAMPLE_RATE)]
            for first_s, last_s in pairwise(marks):
                turns.append(Turn(round(float(first_s), 3), round(float(last_s), 3), len(turns) % people))
        progress(1.0)
        return tuple(turns)


def _stretches(audio: Sound) -> list[tuple[float, float]]:
    """Loud stretches in seconds, with the pauses of a breath in them."""
    minutes = [_loud(audio[start : start + _MINUTE]) for start in range(0, len(audio), _MINUTE)]
    loud = np.concatenate([[False], *minutes, [False]]).astype(np.int8)
    edges = np.flatnonzero(np.diff(loud)).reshape(-1, 2)
    joined: list[tuple[float, float]] = []
    for start, end in edges * VOICE_FRAME_S:
        if joined and start - joined[-1][1] <= LONGEST_PAUSE_S:
            joined[-1] = (joined[-1][0], float(end))
        else:
            joined.append((float(start), float(end)))
    return joined


def _loud(audio: Samples) -> npt.NDArray[np.bool_]:
    whole = -(-len(audio) // _FRAME)
    frames = np.zeros(whole * _FRAME, dtype=np.int32)
    frames[: len(audio)] = np.abs(audio.astype(np.int32))
    loud: npt.NDArray[np.bool_] = frames.reshape(whole, _FRAME).mean(axis=1) > _LOUD
    return loud


def _word(clip: Samples, start_s: float) -> Word:
    first = int(start_s * SAMPLE_RATE)
    digest = hashlib.sha256(clip[first : first + int(_WORD_S * SAMPLE_RATE)].tobytes()).digest()
    return Word(
        start_s=round(start_s, 3),
        end_s=round(start_s + _WORD_S, 3),
        text=_LEXICON[digest[0] % len(_LEXICON)],
        probability=0.99,
    )
