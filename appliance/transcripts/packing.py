"""Where somebody speaks, and how to cut that into clips: pure arithmetic on the voice detector's values.

Whisper hears 30 s at once, filled up with silence if need be. Packing several stretches of speech into one clip saves
most of its time; cutting only at pauses keeps words whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from appliance.meetings.model import SAMPLE_RATE
from appliance.meetings.ports import Samples, Sound
from appliance.transcripts.ports import VOICE_FRAME_S, Voice

SPEECH_STARTS, SPEECH_ENDS = 0.5, 0.35
"""Voice values at which speech begins and ends: hysteresis, as Silero VAD recommends."""
SHORTEST_PAUSE_S = 0.16
MARGIN_S = 0.4
"""Kept on both sides of speech: quiet consonants lie below the detector."""
SHORTEST_SPEECH_S = 0.1


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the recording."""

    start_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        """How long it lasts."""
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class Clip:
    """Stretches of the recording that are decoded together, in order, with what lies between them left out."""

    spans: tuple[Span, ...]

    @property
    def duration_s(self) -> float:
        """How long it plays."""
        return sum(span.duration_s for span in self.spans)

    @property
    def start_s(self) -> float:
        """Where its first span begins in the recording."""
        return self.spans[0].start_s

    @property
    def end_s(self) -> float:
        """Where its last span ends in the recording."""
        return self.spans[-1].end_s

    def cut(self, audio: Sound) -> Samples:
        """The sound of the clip."""
        return np.concatenate([audio[_sample(span.start_s) : _sample(span.end_s)] for span in self.spans])

    def in_recording(self, start_s: float, end_s: float) -> tuple[float, float]:
        """Where in the recording a word of the clip lies; the span that holds its middle holds all of it."""
        ends = list(accumulate(span.duration_s for span in self.spans))
        middle = (start_s + end_s) / 2
        at = next((place for place, end in enumerate(ends) if middle < end), len(ends) - 1)
        span, offset = self.spans[at], ends[at] - self.spans[at].duration_s
        start = min(max(start_s - offset + span.start_s, span.start_s), span.end_s)
        end = min(max(end_s - offset + span.start_s, start), span.end_s)
        return round(start, 3), round(end, 3)


def speech_spans(voice: Voice, *, duration_s: float, longest_s: float) -> list[Span]:
    """Stretches in which somebody speaks, none longer than ``longest_s``; cut at pauses as far as there are any."""
    spans: list[Span] = []
    start: int | None = None
    quiet: int | None = None
    shortest_pause = round(SHORTEST_PAUSE_S / VOICE_FRAME_S)
    for frame, value in enumerate(voice):
        if start is None:
            if value >= SPEECH_STARTS:
                start, quiet = frame, None
        elif value >= SPEECH_ENDS:
            quiet = None if value >= SPEECH_STARTS else quiet
        else:
            quiet = frame if quiet is None else quiet
            if frame - quiet >= shortest_pause:
                spans.append(Span(start * VOICE_FRAME_S, quiet * VOICE_FRAME_S))
                start = quiet = None
    if start is not None:
        spans.append(Span(start * VOICE_FRAME_S, len(voice) * VOICE_FRAME_S))
    spoken = [span for span in spans if span.duration_s >= SHORTEST_SPEECH_S]
    cut = [part for span in spoken for part in _parts(span, voice, longest_s - 2 * MARGIN_S)]
    return _with_margins(cut, duration_s)


def pack(spans: Sequence[Span], *, longest_s: float) -> list[Clip]:
    """Clips of at most ``longest_s``, filled with as many whole spans as fit."""
    clips: list[Clip] = []
    waiting: list[Span] = []
    for span in spans:
        if waiting and sum(other.duration_s for other in waiting) + span.duration_s > longest_s:
            clips.append(Clip(tuple(waiting)))
            waiting = []
        waiting.append(span)
    if waiting:
        clips.append(Clip(tuple(waiting)))
    return clips


def voice_between(voice: Voice, start_s: float, end_s: float) -> Voice:
    """The detector's values for a stretch; at least one value where the recording has any."""
    first = min(max(0, int(start_s / VOICE_FRAME_S)), max(0, len(voice) - 1))
    return voice[first : max(first + 1, int(np.ceil(end_s / VOICE_FRAME_S)))]


def _parts(span: Span, voice: Voice, longest_s: float) -> list[Span]:
    """A span cut at its quietest moments until no part is too long."""
    parts = []
    # Cut in the second half of what fits, so that parts are few and none is a splinter.
    first, last = int(longest_s / 2 / VOICE_FRAME_S), int(longest_s / VOICE_FRAME_S)
    while span.duration_s > longest_s:
        window = voice_between(voice, span.start_s, span.end_s)[first:last]
        calm = np.convolve(window, np.ones(5) / 5, mode="same")
        at_s = span.start_s + (first + int(calm.argmin())) * VOICE_FRAME_S
        parts.append(Span(span.start_s, at_s))
        span = Span(at_s, span.end_s)
    return [*parts, span]


def _with_margins(spans: list[Span], duration_s: float) -> list[Span]:
    """Each span with a margin on both sides; neighbours share the pause between them."""
    wide = []
    for place, span in enumerate(spans):
        before_s = spans[place - 1].end_s if place else -2 * MARGIN_S
        after_s = spans[place + 1].start_s if place + 1 < len(spans) else duration_s + 2 * MARGIN_S
        start_s = span.start_s - min(MARGIN_S, (span.start_s - before_s) / 2)
        end_s = span.end_s + min(MARGIN_S, (after_s - span.end_s) / 2)
        wide.append(Span(max(0.0, start_s), min(duration_s, end_s)))
    return wide


def _sample(moment_s: float) -> int:
    return round(moment_s * SAMPLE_RATE)
