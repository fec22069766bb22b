"""The meeting in parts, each about one thing and small enough to be read at once; every sentence in exactly one."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from appliance.language.numbers import numbers
from appliance.language.words import overlap, words
from appliance.minutes.cues import says
from appliance.minutes.reading import Reading, Sentence

_SHORTEST = 5
"""Sentences: what is shorter is joined to what precedes it."""

_LONGEST = 60
"""Sentences of one topic at most: what nobody divides is divided where its words change most."""

_WINDOW = 6
"""Sentences on either side that are compared where nobody announced a topic (Hearst's TextTiling, 1997, in short)."""


@dataclass(frozen=True, slots=True)
class Part:
    """Consecutive sentences about one thing."""

    sentences: tuple[Sentence, ...]

    @property
    def lines(self) -> list[str]:
        """For a prompt: one line per turn, with its speaker where they have a name of their own."""
        lines: list[str] = []
        speaker: str | None = None
        for sentence in self.sentences:
            if sentence.speaker == speaker:
                lines[-1] += f" {sentence.text}"
            else:
                lines.append(_line(sentence))
            speaker = sentence.speaker
        return lines


def split(reading: Reading, *, count_tokens: Callable[[str], int], room: int) -> tuple[Part, ...]:
    """Cut the meeting where somebody turns to another topic, then where parts would not fit into ``room`` tokens.

    A single sentence longer than ``room`` stays whole: asking about it is refused, rather than cut short.
    """
    cuts = [0, *_announced(reading), len(reading.sentences)]
    parts = [reading.sentences[start:end] for start, end in pairwise(cuts) if start < end]
    fitting: list[tuple[Sentence, ...]] = []
    for part in _joined(parts):
        fitting.extend(_fit(part, reading, count_tokens, room))
    return tuple(Part(part) for part in fitting)


def keywords(part: Part, reading: Reading, count: int = 3) -> str:
    """The words that a part repeats most, as a title of last resort."""
    stems: Counter[str] = Counter()
    shown: dict[str, str] = {}
    for sentence in part.sentences:
        for word in words(sentence.text):
            for one in reading.stems(word.text):
                telling = word.folded not in reading.lexicon.reporting and not numbers(word.text, reading.lexicon)
                if telling and len(word.text) > 3:
                    stems[one] += 1
                    shown.setdefault(one, word.text)
    found = [shown[one] for one, _ in stems.most_common(count)]
    text = ", ".join(word if word in reading.names else word.lower() for word in found)
    return text[:1].upper() + text[1:]


def announced_title(part: Part, reading: Reading) -> tuple[str, Sentence] | None:
    """What somebody called the topic when turning to it, and the sentence in which they did."""
    for sentence in part.sentences[:_SHORTEST]:
        match = says(sentence.text, reading.cues.title)
        if match and match["title"]:
            title = sentence.text[match.start("title") : match.end("title")].strip(" ,.:;?!")
            if 0 < len(title.split()) <= 6:
                return title[:1].upper() + title[1:], sentence
    return None


def _announced(reading: Reading) -> list[int]:
    return [
        sentence.place for sentence in reading.sentences if sentence.place and says(sentence.text, reading.cues.topic)
    ]


def _joined(parts: Sequence[tuple[Sentence, ...]]) -> list[tuple[Sentence, ...]]:
    """Short parts go with the one before; the greeting goes with the one after."""
    joined: list[tuple[Sentence, ...]] = []
    for part in parts:
        if joined and (len(part) < _SHORTEST or len(joined[-1]) < _SHORTEST):
            joined[-1] = (*joined[-1], *part)
        else:
            joined.append(part)
    return joined


def _fit(
    part: tuple[Sentence, ...], reading: Reading, count_tokens: Callable[[str], int], room: int
) -> list[tuple[Sentence, ...]]:
    if len(part) == 1 or (len(part) <= _LONGEST and count_tokens("\n".join(Part(part).lines)) <= room):
        return [part]
    cut = _weakest(part, reading)
    return [
        *_fit(part[:cut], reading, count_tokens, room),
        *_fit(part[cut:], reading, count_tokens, room),
    ]


def _weakest(part: tuple[Sentence, ...], reading: Reading) -> int:
    """Where the words before have least in common with the words after; away from the ends, for the parts to halve."""
    low, high = max(1, len(part) // 4), max(2, len(part) * 3 // 4)

    def cohesion(place: int) -> float:
        before = reading.stems(" ".join(one.text for one in part[max(0, place - _WINDOW) : place]))
        after = reading.stems(" ".join(one.text for one in part[place : place + _WINDOW]))
        same_turn = part[place - 1].speaker == part[place].speaker
        return overlap(after, before, reading.lexicon) + (0.2 if same_turn else 0.0)

    return min(range(low, high), key=cohesion)


def _line(sentence: Sentence) -> str:
    label = sentence.speaker.rsplit(" ", 1)[-1]
    return f"{sentence.speaker}: {sentence.text}" if sentence.speaker and not label.isdigit() else f"- {sentence.text}"
