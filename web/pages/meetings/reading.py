"""A transcript and its minutes as the page shows them: turns, numbered sources, words with their places."""

from collections.abc import Iterable
from dataclasses import dataclass

from appliance.transcripts.model import Segment
from web.formats import Formats

SPEAKER_COLOURS = 12


@dataclass(frozen=True, slots=True)
class Row:
    """One segment."""

    id: int
    start_s: float
    end_s: float
    clock: str
    text: str


@dataclass(frozen=True, slots=True)
class Turn:
    """Segments of one speaker in a row."""

    speaker: str
    colour: int
    segments: list[Row]


def turns(segments: Iterable[Segment], formats: Formats, *, names: dict[str | None, str]) -> list[Turn]:
    """Group segments under their speakers, who keep their colours in the order of their first words.

    Args:
        names: what to call each speaker, the unknown one (None) included; others are called what they are called.
    """
    colours: dict[str | None, int] = {}
    found: list[Turn] = []
    last: object = object()
    for segment in segments:
        colour = colours.setdefault(segment.speaker, len(colours) % SPEAKER_COLOURS + 1)
        if segment.speaker != last:
            found.append(Turn(names.get(segment.speaker, segment.speaker or ""), colour, []))
            last = segment.speaker
        found[-1].segments.append(
            Row(
                segment.id,
                round(segment.start_s, 2),
                round(segment.end_s, 2),
                formats.clock(segment.start_s),
                segment.text,
            )
        )
    return found


def word_places(segment: Segment) -> list[int]:
    """Where the words of a segment stand in its text, and when they are said.

    Four numbers a word, flat: first character, character after the last, start and end in milliseconds. Characters are
    counted in UTF-16 units, as browsers count them. A word that does not stand in the text is left out.
    """
    places: list[int] = []
    units = (
        None if segment.text.isascii() or max(segment.text, default="") < "\U00010000" else _utf16_offsets(segment.text)
    )
    at = 0
    for word in segment.words:
        spoken = word.text.strip()
        begin = segment.text.find(spoken, at) if spoken else -1
        if begin < 0:
            continue
        at = begin + len(spoken)
        first, last = (begin, at) if units is None else (units[begin], units[at])
        places += (first, last, round(word.start_s * 1000), round(word.end_s * 1000))
    return places


def _utf16_offsets(text: str) -> list[int]:
    offsets = [0]
    for character in text:
        offsets.append(offsets[-1] + (2 if character >= "\U00010000" else 1))
    return offsets


@dataclass(frozen=True, slots=True)
class Source:
    """A numbered citation."""

    number: int
    segment: int
    quote: str


@dataclass(frozen=True, slots=True)
class ClaimLine:
    """One statement of the minutes with what it rests on."""

    text: str
    support: str
    citations: tuple[Source, ...]
    owner: str = ""
    due: str = ""
    start_s: float = 0.0
    end_s: float = 0.0
    is_extract: bool = False
    replaces: tuple[Source, ...] = ()
    """Where the decision was said that this one replaced."""
    missing: tuple[str, ...] = ()
    """What the statement says and nobody said."""
    parts: tuple["ClaimLine", ...] = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """The minutes of one meeting."""

    summary: tuple[ClaimLine, ...]
    decisions: tuple[ClaimLine, ...]
    actions: tuple[ClaimLine, ...]
    questions: tuple[ClaimLine, ...]
    withdrawn: tuple[ClaimLine, ...]
    topics: tuple[ClaimLine, ...]
    rejected: tuple[ClaimLine, ...]
    support: str
    model: str
    is_stale: bool


@dataclass(frozen=True, slots=True)
class RemovedLine:
    """Text that was taken out again."""

    number: int
    start_s: float
    end_s: float
    clock: str
    text: str
    reason: str
