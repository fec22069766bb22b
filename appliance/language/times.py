"""Moments that somebody named: ``by Friday``, ``the tenth of March``, ``január végéig``. Kept as said, never computed.

A due date is a promise in somebody's words. Turning ``Friday`` into a date needs the day of the meeting, which a
recording does not carry, so that nothing is guessed here.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from appliance.language.lexicon import Lexicon, lexicon
from appliance.language.words import fold, normalised

_DAY: Final = {
    "en": (
        r"(?:\d{1,2}(?:st|nd|rd|th)?|(?:(?:twenty|thirty)[- ])?(?:first|second|third|fourth|fifth|sixth|seventh|eighth|"
        r"ninth|tenth|eleventh|twelfth|\w+teenth|twentieth|thirtieth))"
    ),
    "hu": r"(?:\d{1,2}\.?|[^\W\d_]*(?:dik|elsej)[^\W\d_]*)",
}


@dataclass(frozen=True, slots=True)
class Moment:
    """A named moment where it stands; ``due`` when what stands around it lets it be a time limit."""

    text: str
    start: int
    end: int
    due: bool


def moments(text: str, words: Lexicon) -> list[Moment]:
    """Every moment that a text names, in order, the longest reading of each."""
    folded = fold(text)
    spans: list[tuple[int, int]] = []
    for pattern in _patterns(words.language):
        spans.extend(match.span() for match in pattern.finditer(folded))
    spans.sort(key=lambda span: (span[0], -span[1]))
    found: list[Moment] = []
    for start, end in spans:
        if found and start < found[-1].end:
            continue
        found.append(_moment(text, folded, start, end, words))
    return found


def due(text: str, words: Lexicon) -> str:
    """The time limit that a sentence names, as said; empty when it names none, or more than one."""
    limits = {normalised(moment.text): moment.text for moment in moments(text, words) if moment.due}
    return next(iter(limits.values())) if len(limits) == 1 else ""


def time_words(words: Lexicon) -> tuple[str, ...]:
    """Beginnings of the names of months and days: a claim that uses one must have been told it."""
    return (*words.times.months, *words.times.weekdays)


def _moment(text: str, folded: str, start: int, end: int, words: Lexicon) -> Moment:
    before = re.findall(r"[^\W\d_]+", folded[:start])[-2:]
    first, *_ = folded[start:end].split(" ", 1)
    if first in words.times.drop_before:
        start += len(first) + 1
    is_due = not any(word in words.times.not_due_before for word in before[-1:])
    return Moment(text[start:end], start, end, is_due)


@cache
def _patterns(language: str) -> tuple[re.Pattern[str], ...]:
    times = lexicon(language).times
    fields = {
        "month": "(?:" + "|".join(times.months) + ")",
        "weekday": "(?:" + "|".join(times.weekdays) + ")",
        "day": _DAY.get(language, _DAY["en"]),
    }
    return tuple(re.compile(rf"(?<!\w){phrase.format(**fields)}(?!\w)") for phrase in times.phrases)
