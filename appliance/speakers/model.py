"""Turns of speech, and the rules that make them readable."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

LONGEST_PAUSE_S = 0.8
"""A speaker who goes on within this time has not stopped speaking: breaths and hesitations belong to the turn."""
_NEAR = 64
"""Turns to look back for somebody who interrupts; no more people fit into one breath."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One speaker speaks from one moment to another; turns of different speakers may overlap."""

    start_s: float
    end_s: float
    speaker: int
    """0 for who speaks first in the recording, 1 for the next new voice, and so on."""

    @property
    def duration_s(self) -> float:
        """How long it lasts."""
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class SpeakerCount:
    """How many speakers there may be; nothing known is ``SpeakerCount()``."""

    least: int = 1
    most: int | None = None

    def __post_init__(self) -> None:
        if self.least < 1 or (self.most is not None and self.most < self.least):
            raise ValueError(f"no meeting has between {self.least} and {self.most} speakers")

    @classmethod
    def exactly(cls, number: int) -> Self:
        """As many as somebody counted."""
        return cls(number, number)

    def bounded(self, number: int) -> int:
        """The allowed number nearest to ``number``."""
        return max(self.least, number if self.most is None else min(number, self.most))


ANY_NUMBER = SpeakerCount()


def bridge_pauses(turns: Iterable[Turn], *, longest_s: float = LONGEST_PAUSE_S) -> tuple[Turn, ...]:
    """Join turns of one speaker that only a breath separates, unless somebody speaks in it; sorted by start."""
    ordered = sorted(turns, key=lambda turn: (turn.start_s, turn.end_s))
    joined: list[Turn] = []
    latest: dict[int, int] = {}
    for place, turn in enumerate(ordered):
        at = latest.get(turn.speaker)
        if at is not None and _is_breath(joined[at], turn, ordered, place, longest_s):
            joined[at] = replace(joined[at], end_s=max(joined[at].end_s, turn.end_s))
        else:
            latest[turn.speaker] = len(joined)
            joined.append(turn)
    return tuple(joined)


def _is_breath(before: Turn, after: Turn, ordered: list[Turn], place: int, longest_s: float) -> bool:
    if after.start_s - before.end_s > longest_s:
        return False
    # Only turns that begin before the gap ends can reach into it, and those stand before this one.
    return not any(
        other.speaker != after.speaker and other.end_s > before.end_s and other.start_s < after.start_s
        for other in ordered[max(0, place - _NEAR) : place]
    )


def numbered_by_appearance(turns: Iterable[Turn]) -> tuple[Turn, ...]:
    """The same turns, speakers numbered in the order in which they are first heard."""
    ordered = sorted(turns, key=lambda turn: (turn.start_s, turn.end_s, turn.speaker))
    numbers: dict[int, int] = {}
    return tuple(replace(turn, speaker=numbers.setdefault(turn.speaker, len(numbers))) for turn in ordered)
