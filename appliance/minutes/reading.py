"""A transcript as sentences that remember where they stand, and the names that occur in it."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from appliance.language.citations import Citation
from appliance.language.lexicon import Lexicon, lexicon
from appliance.language.words import content_stems, fold, sentences, words
from appliance.minutes.cues import Cues, cues, says
from appliance.transcripts.model import Segment, Transcript

T = TypeVar("T")

_ENDS: Final = re.compile(r"[.!?…][\"'”»)]*$")
_LABEL: Final = re.compile(r"^(?:speaker|beszélő|unknown|ismeretlen)\b", re.IGNORECASE)
_JOIN_WITHIN_S: Final = 1.5
"""A pause longer than this ends a sentence that has no mark at its end."""

_CALLS: Final = (
    re.compile(
        r"^(?:(?:and|so|then|okay|ok|well|thanks|thank you|és|akkor|rendben|köszönöm|szóval)[, ]+)?(?P<name>\w+),",
        re.IGNORECASE,
    ),
    re.compile(r",\s*(?P<name>\w+)\s*[.?!]*$"),
)

_INTRODUCTION: Final = (
    r"\bmy name is (\w+)",
    r"\bi(?:'m| am) (\w+) (?:from|and i)\b",
    r"\bthis is (\w+) (?:from|speaking)\b",
    r"\ba nevem (\w+)",
    r"\b(\w+) vagyok\b",
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, its place in the reading, who said it when, and the words of each segment it runs through."""

    place: int
    text: str
    speaker: str
    start_s: float
    end_s: float
    citations: tuple[Citation, ...]

    @property
    def asks(self) -> bool:
        """Whether it ends as a question does."""
        return self.text.rstrip("\"'”») ").endswith("?")


@dataclass(frozen=True, slots=True)
class Reading:
    """The whole meeting, ready to be searched.

    ``people`` are names that somebody is called by; ``names`` are all words that look like names. What is worked out of
    a text once is remembered as long as the reading lives: a long meeting compares each decision with all before it.
    """

    language: str
    lexicon: Lexicon
    cues: Cues
    sentences: tuple[Sentence, ...]
    people: frozenset[str]
    names: frozenset[str]
    _known: dict[tuple[Callable[[str, "Reading"], Any], str], Any] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def once(self, work_out: Callable[[str, "Reading"], T], text: str) -> T:
        """What ``work_out`` makes of a text of this meeting; worked out only once."""
        key = (work_out, text)
        if key not in self._known:
            self._known[key] = work_out(text, self)
        found: T = self._known[key]
        return found

    def after(self, sentence: Sentence, count: int) -> tuple[Sentence, ...]:
        """The sentences that follow."""
        return self.sentences[sentence.place + 1 : sentence.place + 1 + count]

    def before(self, sentence: Sentence, count: int) -> tuple[Sentence, ...]:
        """The sentences that precede, the nearest first."""
        return tuple(reversed(self.sentences[max(0, sentence.place - count) : sentence.place]))

    def stems(self, text: str) -> list[str]:
        """The words of a text that carry meaning."""
        return self.once(_stems, text)


def read(transcript: Transcript) -> Reading:
    """Cut a transcript into sentences; one that runs over two segments of a speaker stays whole and cites both."""
    words_of, cues_of = lexicon(transcript.language), cues(transcript.language)
    found: list[Sentence] = []
    for group in _groups(transcript.segments):
        found.extend(_sentences_of(group, len(found), words_of))
    people = _people(found, transcript.segments, words_of, cues_of)
    return Reading(
        language=transcript.language,
        lexicon=words_of,
        cues=cues_of,
        sentences=tuple(found),
        people=people,
        names=people | _capitalised(found, words_of),
    )


def _stems(text: str, reading: Reading) -> list[str]:
    return content_stems(text, reading.lexicon)


def _groups(segments: Sequence[Segment]) -> list[list[Segment]]:
    """Segments of one speaker that read on without a full stop between them."""
    groups: list[list[Segment]] = []
    for segment in segments:
        if not segment.text.strip():
            continue
        last = groups[-1][-1] if groups else None
        joined = (
            last is not None
            and last.speaker == segment.speaker
            and segment.start_s - last.end_s <= _JOIN_WITHIN_S
            and not _ENDS.search(last.text.strip())
        )
        if joined:
            groups[-1].append(segment)
        else:
            groups.append([segment])
    return groups


def _sentences_of(group: list[Segment], first: int, words_of: Lexicon) -> list[Sentence]:
    """The sentences of a group, each with its share of every segment it touches."""
    texts = [segment.text.strip() for segment in group]
    whole = " ".join(texts)
    offsets, position = [], 0
    for text in texts:
        offsets.append((position, position + len(text)))
        position += len(text) + 1
    found: list[Sentence] = []
    cursor = 0
    for text in sentences(whole, words_of):
        start = whole.index(text, cursor)
        end = cursor = start + len(text)
        touched = [
            (segment, whole[max(start, low) : min(end, high)].strip(), max(start, low) - low, min(end, high) - low)
            for segment, (low, high) in zip(group, offsets, strict=True)
            if low < end and start < high
        ]
        head, tail = touched[0], touched[-1]
        found.append(
            Sentence(
                place=first + len(found),
                text=text,
                speaker=head[0].speaker or "",
                start_s=_time_at(head[0], head[2]),
                end_s=_time_at(tail[0], tail[3]),
                citations=tuple(Citation(segment.id, quote) for segment, quote, _, _ in touched if quote),
            )
        )
    return found


def _time_at(segment: Segment, offset: int) -> float:
    """When a segment reaches a letter, evenly spread: near enough to play the place."""
    share = offset / max(len(segment.text.strip()), 1)
    return round(segment.start_s + min(max(share, 0.0), 1.0) * (segment.end_s - segment.start_s), 2)


def _people(found: Sequence[Sentence], segments: Sequence[Segment], words_of: Lexicon, cues_of: Cues) -> frozenset[str]:
    """Who is called by name: labels that are names, introductions, and those whom a request addresses."""
    people = {
        segment.speaker.split()[0] for segment in segments if segment.speaker and not _LABEL.match(segment.speaker)
    }
    capitalised = Counter(_capitalised(found, words_of))
    for sentence in found:
        folded = fold(sentence.text)
        for pattern in _INTRODUCTION:
            people.update(
                sentence.text[match.start(1) : match.end(1)]
                for match in re.finditer(pattern, folded)
                if sentence.text[match.start(1) : match.end(1)][:1].isupper()
            )
        name = vocative(sentence.text, words_of)
        if name and (name in capitalised or says(sentence.text, cues_of.actions.request)):
            people.add(name)
    return frozenset(name for name in people if fold(name) not in words_of.stopwords)


def vocative(text: str, words_of: Lexicon) -> str:
    """The name that a sentence calls at its beginning or its end; empty without one."""
    for pattern in _CALLS:
        match = pattern.search(text)
        if match and match["name"][0].isupper():
            name = match["name"]
            if fold(name) not in words_of.stopwords | words_of.not_names and len(name) > 2:
                return name
    return ""


def _capitalised(found: Sequence[Sentence], words_of: Lexicon) -> frozenset[str]:
    """Words with a capital letter inside sentences: names of people, products, places."""
    return frozenset(
        word.text.removesuffix("'s").removesuffix("’s")
        for sentence in found
        for word in words(sentence.text)[1:]
        if word.text[0].isupper() and word.folded not in words_of.not_names and word.folded not in words_of.stopwords
    )
