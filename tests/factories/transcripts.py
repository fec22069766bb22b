"""Builders of words, speech and transcripts."""

from collections.abc import Sequence

import numpy as np

from appliance.transcripts.model import Segment, Spoken, Transcript, Word
from appliance.transcripts.ports import VOICE_FRAME_S, Voice


def words(text: str, *, start_s: float = 0.0, each_s: float = 0.4, probability: float = 0.9) -> tuple[Word, ...]:
    """The words of ``text`` one after the other, without pauses."""
    return tuple(
        Word(
            start_s=round(start_s + place * each_s, 3),
            end_s=round(start_s + (place + 1) * each_s, 3),
            text=word,
            probability=probability,
        )
        for place, word in enumerate(text.split())
    )


def spoken(*passages: Sequence[Word], duration_s: float = 60.0, language: str = "en") -> Spoken:
    """Words as an engine would hand them over."""
    return Spoken(
        language=language,
        language_probability=1.0,
        duration_s=duration_s,
        speech_s=duration_s,
        engine="fake",
        model="fake",
        passages=tuple(tuple(passage) for passage in passages),
    )


def transcript(*lines: tuple[str, str], language: str = "en") -> Transcript:
    """A transcript of (speaker, text) lines, four seconds each."""
    segments = []
    for number, (speaker, text) in enumerate(lines):
        said = words(text, start_s=number * 4.0, each_s=min(0.4, 3.5 / max(1, len(text.split()))))
        segments.append(
            Segment(id=number, start_s=said[0].start_s, end_s=said[-1].end_s, speaker=speaker, text=text, words=said)
        )
    return Transcript(
        language=language,
        duration_s=len(lines) * 4.0,
        engine="fake",
        models=("fake",),
        segments=tuple(segments),
    )


def voice(*stretches: tuple[float, float], duration_s: float) -> Voice:
    """A detector that hears somebody exactly in these stretches."""
    moments = (np.arange(int(np.ceil(duration_s / VOICE_FRAME_S))) + 0.5) * VOICE_FRAME_S
    heard = np.full(len(moments), 0.02, dtype=np.float32)
    for start_s, end_s in stretches:
        heard[(moments >= start_s) & (moments <= end_s)] = 0.95
    return heard
