"""Words and turns become segments: who said what. Pure functions.

A word belongs to the turn that covers most of it; where nobody's turn does, to the nearest one, because word times are
coarser than turns. A segment is one speaker's words without a longer pause.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise

from msgspec import structs

from appliance.speakers.model import Turn, bridge_pauses
from appliance.transcripts.model import Origin, Segment, Spoken, Transcript, Word, text_of

REACH_S = 1.5
"""How far from a word its turn may be."""
SEGMENT_PAUSE_S = 1.0
"""A pause of this length ends a segment."""
LONGEST_SEGMENT_S = 20.0
"""From here on a segment ends with its sentence."""
LIMIT_SEGMENT_S = 40.0
"""Here it ends anyhow, at its longest pause."""
STRAY_WORDS = 2
"""So few words between two of another speaker, inside a sentence, are a slip of the turns."""
STRAY_S = 0.6
_SENTENCE_ENDS = (".", "!", "?", "…")


def merge(spoken: Spoken, turns: Sequence[Turn], *, speaker_models: Iterable[str] = ()) -> Transcript:
    """The transcript: every word of ``spoken`` in one segment, in order, with the speaker of its turn.

    Speakers are called "Speaker 1", "Speaker 2", … as their turns are numbered, so that every export names them alike.
    Without turns the segments have no speaker.
    """
    words = in_order(spoken.words)
    voices = _without_strays(words, speakers_of(words, turns))
    segments = [_segment(place, speaker, run) for place, (speaker, run) in enumerate(_runs(words, voices))]
    return Transcript(
        language=spoken.language,
        duration_s=spoken.duration_s,
        engine=spoken.engine,
        models=(spoken.model, *speaker_models),
        segments=tuple(segments),
        removed=spoken.removed,
    )


def restored_segments(transcript: Transcript, number: int, turns: Sequence[Turn]) -> tuple[Segment, ...]:
    """Removed text as segments of their own, with the next free ids."""
    words = in_order(transcript.removed[number].words)
    added = (_segment(0, speaker, run) for speaker, run in _runs(words, speakers_of(words, turns)))
    return tuple(
        structs.replace(segment, id=transcript.next_id + place, origin=Origin.RESTORED)
        for place, segment in enumerate(added)
    )


def speaker_name(speaker: int) -> str:
    """What a speaker is called before somebody says who it is."""
    return f"Speaker {speaker + 1}"


def in_order(words: Iterable[Word]) -> tuple[Word, ...]:
    """The words by time; those at the same moment stay as they are."""
    return tuple(sorted(words, key=lambda word: word.start_s))


def speakers_of(words: Sequence[Word], turns: Sequence[Turn]) -> list[int | None]:
    """The speaker of each word, None where nobody speaks near it."""
    ordered = sorted(bridge_pauses(turns), key=lambda turn: turn.start_s)
    starts = [turn.start_s for turn in ordered]
    longest_s = max((turn.duration_s for turn in ordered), default=0.0)
    found = []
    for word in words:
        first = bisect_right(starts, word.start_s - longest_s - REACH_S)
        after = bisect_right(starts, word.end_s + REACH_S)
        found.append(_speaker_of(word, ordered[max(0, first - 1) : after]))
    return found


def _segment(place: int, speaker: int | None, words: Sequence[Word]) -> Segment:
    return Segment(
        id=place,
        start_s=words[0].start_s,
        end_s=max(word.end_s for word in words),
        speaker=None if speaker is None else speaker_name(speaker),
        text=text_of(words),
        words=tuple(words),
    )


def _speaker_of(word: Word, turns: Sequence[Turn]) -> int | None:
    """Most overlap first; then the turn nearest to the middle; then the shorter turn, which is an interjection."""

    def closeness(turn: Turn) -> tuple[float, float, float]:
        overlap_s = min(word.end_s, turn.end_s) - max(word.start_s, turn.start_s)
        distance_s = max(turn.start_s - word.middle_s, word.middle_s - turn.end_s, 0.0)
        return round(max(overlap_s, 0.0), 3), -distance_s, -turn.duration_s

    best = max(turns, key=closeness, default=None)
    if best is None or max(best.start_s - word.middle_s, word.middle_s - best.end_s) > REACH_S:
        return None
    return best.speaker


def _without_strays(words: Sequence[Word], voices: list[int | None]) -> list[int | None]:
    """Speakers with slips of a word or two put right: inside a sentence, nobody takes over for so short a time."""
    fixed = list(voices)
    start = 0
    while start < len(fixed):
        after = start + 1
        while after < len(fixed) and fixed[after] == fixed[start]:
            after += 1
        if _is_stray(words, fixed, start, after):
            fixed[start:after] = [fixed[start - 1]] * (after - start)
        start = after
    return fixed


def _is_stray(words: Sequence[Word], voices: Sequence[int | None], start: int, after: int) -> bool:
    if start == 0 or after == len(voices) or voices[start - 1] != voices[after] or after - start > STRAY_WORDS:
        return False
    if voices[start] is None:
        return True
    before, first, last, following = words[start - 1], words[start], words[after - 1], words[after]
    in_sentence = not _ends_sentence(before) and not _ends_sentence(last)
    return in_sentence and following.start_s - before.end_s <= STRAY_S + (last.end_s - first.start_s) / 2


def _runs(words: Sequence[Word], voices: Sequence[int | None]) -> list[tuple[int | None, list[Word]]]:
    runs: list[tuple[int | None, list[Word]]] = []
    for word, voice in zip(words, voices, strict=True):
        if runs and runs[-1][0] == voice and not _ends_segment(runs[-1][1], word):
            runs[-1][1].append(word)
        else:
            runs.append((voice, [word]))
    return [(voice, part) for voice, run in runs for part in _within_limit(run)]


def _ends_segment(run: Sequence[Word], following: Word) -> bool:
    pause_s = following.start_s - run[-1].end_s
    length_s = run[-1].end_s - run[0].start_s
    return pause_s >= SEGMENT_PAUSE_S or (length_s >= LONGEST_SEGMENT_S and _ends_sentence(run[-1]))


def _within_limit(run: list[Word]) -> list[list[Word]]:
    """A run without a sentence end, cut at its longest pauses until no part is too long."""
    if len(run) < 2 or run[-1].end_s - run[0].start_s <= LIMIT_SEGMENT_S:
        return [run]
    pauses = [after.start_s - before.end_s for before, after in pairwise(run)]
    quarter = len(run) // 4
    cut = 1 + max(range(quarter, max(quarter + 1, len(pauses) - quarter)), key=lambda place: pauses[place])
    return [*_within_limit(run[:cut]), *_within_limit(run[cut:])]


def _ends_sentence(word: Word) -> bool:
    return word.text.rstrip("\"'”’»)").endswith(_SENTENCE_ENDS)
