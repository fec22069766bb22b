"""Guards against invented text: pure functions over words, sound and the engine's own doubts.

Whisper writes fluent text over silence, falls into loops and drops passages in batches (Koenecke et al., "Careless
Whisper", FAccT 2024). A guard that only reads text would also remove what somebody really said: so nothing is removed
without proof from the sound, and nothing for good.
"""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from appliance.meetings.model import SAMPLE_RATE
from appliance.meetings.ports import Samples, Sound
from appliance.transcripts.model import Reason, Removed, Word, removal, text_of
from appliance.transcripts.packing import SPEECH_STARTS, Clip, Span, voice_between
from appliance.transcripts.ports import Decoded, Voice

MOST_COMPRESSIBLE = 2.4
"""Ratio of length to compressed length above which text repeats itself; Whisper's own threshold."""
LEAST_LOGPROB = -1.0
"""Whisper's own threshold."""
SURE_OF_SILENCE = 0.6
"""Whisper's own threshold for its no-speech token."""
MOST_WORDS_PER_S = 7.0
"""The fastest auctioneers say about six words a second."""
LEAST_COVERED = 0.5
"""Share of the speech in a clip that words should lie over."""
LOOP_LENGTHS = range(1, 9)
LOOP_TIMES = 4
LONG_LOOP_TIMES = 3
DEAF = 0.2
"""Voice value below which the detector hears nobody."""
WORD_MARGIN_S = 0.25
"""Word times come from attention and are off by about so much."""
WORD_REACH_S = 0.6
"""A word covers speech this far around it."""
SHORTEST_GAP_S = 1.2
"""Speech without words of at least this length is decoded again."""
QUIET_DB = 25.0
"""So far below the recording's speech there is no speaker."""
QUIETEST_DBFS = -120.0
"""What digital silence is called, whose level is minus infinity."""

_INVENTED = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"thank(s| you)( (so|very) much)? for (watching|listening|viewing)",
        r"thank you( very much)?\.?$",
        r"(please )?(like,? (and|share,?) )?(and )?subscribe( to (my|our|the) channel)?",
        r"see you (in the )?next (video|time)",
        r"(subtitles|captions|transcription|translation)( were)?( made| provided| created)? by",
        r"amara\.org|www\.|\.com\b|https?:",
        r"k[öo]sz[öo]n[öo]m,? hogy (megn[ée]zt[ée](k|tek)|velem voltatok)",
        r"k[öo]sz[öo]n[öo]m a figyelmet",
        r"iratkozz(atok|on)? (fel|le)",
        r"felirat(ok)?(ot)?:? ",
        r"^\W*(bye[.! -]*)+$",
        r"^\W*(you|\.+|so|okay)\W*$",
        r"^[♪♫\s]+$",
    )
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The sound that text is checked against: the recording, where a voice is heard in it, and how loud that is."""

    audio: Sound
    voice: Voice
    speech_dbfs: float
    """Level of the frames in which somebody speaks."""

    def is_quiet(self, start_s: float, end_s: float) -> bool:
        """Whether a stretch lies so far below the level of speech in this recording that nobody can be speaking."""
        stretch = self.audio[max(0, int(start_s * SAMPLE_RATE)) : int(end_s * SAMPLE_RATE) + 1]
        return level_dbfs(stretch) < self.speech_dbfs - QUIET_DB


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a decoding should be tried again."""

    reason: str


def compressibility(text: str) -> float:
    """Length over compressed length in bytes: speech lies near 1.5, a loop above 2.4."""
    data = text.encode()
    return len(data) / len(zlib.compress(data)) if data else 0.0


def loop_in(words: Sequence[Word]) -> tuple[int, int] | None:
    """(first, after) of the repeats in the longest loop: the first time round is speech, the rest is the engine's.

    A loop is one to eight words said at least four times in a row; three times are enough for four words and more.
    """
    texts = [re.sub(r"\W+", "", word.text).lower() for word in words]
    best: tuple[int, int] | None = None
    for length in LOOP_LENGTHS:
        times_needed = LONG_LOOP_TIMES if length >= 4 else LOOP_TIMES
        start = 0
        while start + length * times_needed <= len(texts):
            after = start + length
            while texts[after : after + length] == texts[start : start + length]:
                after += length
            if (after - start) // length >= times_needed and any(texts[start : start + length]):
                found = (start + length, after)
                if best is None or found[1] - found[0] > best[1] - best[0]:
                    best = found
                start = after
            else:
                start += 1
    return best


def doubt_about(decoded: Decoded, clip: Clip, voice: Voice) -> Doubt | None:
    """Why the decoding of ``clip`` is not to be believed at once; its words carry times of the recording."""
    text = text_of(decoded.words)
    if compressibility(text) > MOST_COMPRESSIBLE or loop_in(decoded.words):
        return Doubt("it repeats itself")
    if decoded.words and decoded.logprob < LEAST_LOGPROB:
        return Doubt("the engine doubts it")
    if len(decoded.words) > MOST_WORDS_PER_S * max(clip.duration_s, 1.0):
        return Doubt("nobody speaks so fast")
    speech_s = sum(speech_seconds(voice, span) for span in clip.spans)
    missing_s = sum(gap.duration_s for gap in uncovered(decoded.words, clip.spans, voice))
    if speech_s >= SHORTEST_GAP_S and missing_s > (1 - LEAST_COVERED) * speech_s:
        return Doubt("speech without words")
    return None


def better_of(first: Decoded, second: Decoded, clip: Clip, voice: Voice) -> Decoded:
    """Which of two decodings of a clip to keep: without doubts before with, words before none, then the surer one.

    An engine is never surer than in a loop, so a loop only wins against nothing.
    """

    def merit(decoded: Decoded) -> tuple[bool, bool, bool, float]:
        free_of_doubt = doubt_about(decoded, clip, voice) is None
        return free_of_doubt, bool(decoded.words), loop_in(decoded.words) is None, decoded.logprob

    return second if merit(second) > merit(first) else first


def purge(decoded: Decoded, clip: Clip, evidence: Evidence) -> tuple[tuple[Word, ...], tuple[Removed, ...]]:
    """The words that may stay, and what was removed from them with proof."""
    words, removed = list(decoded.words), []
    while loop := loop_in(words):
        first, after = loop
        removed.append(removal(tuple(words[first:after]), Reason.REPETITION))
        del words[first:after]
    if len(words) > 2 * MOST_WORDS_PER_S * max(clip.duration_s, 1.0):
        return (), (*removed, removal(tuple(words), Reason.IMPLAUSIBLE))
    kept: list[Word] = []
    for run in _runs(words):
        reason = _reason_to_remove(run, decoded, evidence)
        if reason is None:
            kept.extend(run)
        else:
            removed.append(removal(run, reason))
    return tuple(kept), tuple(removed)


def speech_seconds(voice: Voice, span: Span) -> float:
    """Seconds of speech that the detector hears in a span."""
    values = voice_between(voice, span.start_s, span.end_s)
    return float((values >= SPEECH_STARTS).mean() * span.duration_s) if len(values) else 0.0


def uncovered(words: Sequence[Word], spans: Sequence[Span], voice: Voice) -> list[Span]:
    """Stretches of speech that no word lies over: what a batch may have dropped."""
    gaps = []
    for span in spans:
        edge = span.start_s
        for word in sorted(words, key=lambda word: word.start_s):
            if word.end_s < span.start_s or word.start_s > span.end_s:
                continue
            gaps.append(Span(edge, word.start_s - WORD_REACH_S))
            edge = max(edge, word.end_s + WORD_REACH_S)
        gaps.append(Span(edge, span.end_s))
    return [gap for gap in gaps if gap.duration_s > 0 and speech_seconds(voice, gap) >= SHORTEST_GAP_S]


def is_known_invention(text: str) -> bool:
    """Whether the text has the shape of what engines invent over silence. No proof: people say such things, too."""
    return any(pattern.search(text.strip()) for pattern in _INVENTED)


def level_dbfs(audio: Samples) -> float:
    """RMS level in decibels below full scale; ``QUIETEST_DBFS`` for digital silence."""
    if not len(audio):
        return QUIETEST_DBFS
    power = float(np.mean(np.square(audio.astype(np.float32) / 32_768.0)))
    return 10 * float(np.log10(max(power, 1e-12)))


def _runs(words: Sequence[Word]) -> list[tuple[Word, ...]]:
    """Words that belong together: split at pauses and after sentence ends."""
    runs: list[list[Word]] = []
    for word in words:
        if not runs or word.start_s - runs[-1][-1].end_s > 0.5 or runs[-1][-1].text[-1:] in ".!?…":
            runs.append([])
        runs[-1].append(word)
    return [tuple(run) for run in runs]


def _reason_to_remove(run: tuple[Word, ...], decoded: Decoded, evidence: Evidence) -> Reason | None:
    start_s, end_s = run[0].start_s - WORD_MARGIN_S, run[-1].end_s + WORD_MARGIN_S
    heard = voice_between(evidence.voice, start_s, end_s)
    invented = is_known_invention(text_of(run))
    if heard.max(initial=0.0) < DEAF:
        return Reason.HALLUCINATION if invented else Reason.NO_SPEECH
    hardly_heard = float(heard.mean()) < 0.5
    doubted = decoded.no_speech > SURE_OF_SILENCE
    if invented and (evidence.is_quiet(start_s, end_s) or (hardly_heard and doubted)):
        return Reason.HALLUCINATION
    if hardly_heard and doubted and decoded.logprob < LEAST_LOGPROB:
        return Reason.IMPLAUSIBLE
    return None
