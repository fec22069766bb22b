"""Transcript, Segment, Word: what was said, by whom, when; and what was removed from it, and why."""

from collections.abc import Iterable
from enum import StrEnum

import msgspec


class Value(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a transcript: immutable, and its own JSON shape."""


class Word(Value, frozen=True):
    """One spoken word as the engine wrote it, punctuation included, without spaces around it."""

    start_s: float
    end_s: float
    text: str
    probability: float

    @property
    def middle_s(self) -> float:
        """The moment that decides whose word it is."""
        return (self.start_s + self.end_s) / 2


class Origin(StrEnum):
    """Who wrote a segment's text."""

    MACHINE = "machine"
    EDITED = "edited"
    RESTORED = "restored"
    """Removed by a guard, put back by a person."""


class SpeakerBy(StrEnum):
    """Who said whose words they are."""

    MACHINE = "machine"
    HAND = "hand"
    VOICEPRINT = "voiceprint"


class Segment(Value, frozen=True):
    """What one speaker says without a longer pause.

    ``id`` is its identity, never given twice, and what citations name; the order is that of the start times.
    """

    id: int
    start_s: float
    end_s: float
    speaker: str | None
    text: str
    words: tuple[Word, ...]
    origin: Origin = Origin.MACHINE
    speaker_by: SpeakerBy = SpeakerBy.MACHINE


class SpeakerName(Value, frozen=True):
    """What a speaker of this meeting is called, and who said so."""

    name: str
    by: SpeakerBy = SpeakerBy.HAND


class Reason(StrEnum):
    """Why text was removed."""

    NO_SPEECH = "no_speech"
    """The voice detector hears nobody where the words would be."""
    HALLUCINATION = "hallucination"
    """A phrase that the engine is known to invent, where nobody is heard."""
    REPETITION = "repetition"
    """The engine was caught in a loop."""
    IMPLAUSIBLE = "implausible"
    """The engine itself gives the text next to no chance, or more words than anybody can say in that time."""


class Removed(Value, frozen=True):
    """Text that a guard took out; with its words, so that a person can put it back."""

    start_s: float
    end_s: float
    text: str
    reason: Reason
    words: tuple[Word, ...] = ()


class Spoken(Value, frozen=True):
    """What was said, before it is known by whom."""

    language: str
    language_probability: float
    duration_s: float
    speech_s: float
    engine: str
    model: str
    passages: tuple[tuple[Word, ...], ...]
    """Words of one stretch each, as far as the engine decoded them together."""
    removed: tuple[Removed, ...] = ()

    @property
    def words(self) -> tuple[Word, ...]:
        """All words in order."""
        return tuple(word for passage in self.passages for word in passage)


class Transcript(Value, frozen=True):
    """The text of a meeting by speaker."""

    language: str
    duration_s: float
    engine: str
    models: tuple[str, ...]
    segments: tuple[Segment, ...]
    removed: tuple[Removed, ...] = ()
    names: dict[str, SpeakerName] = {}
    """What speakers are called, where somebody said so; segments keep the key."""
    folded: int = 0
    """Up to which revision of the journal edits are part of this document; 0 where none are."""
    given_ids: int = 0
    """How many ids were given out at least, those of deleted segments included."""

    @property
    def next_id(self) -> int:
        """The id of the next new segment."""
        return max(self.given_ids, max((segment.id for segment in self.segments), default=-1) + 1)

    def name_of(self, speaker: str | None) -> str | None:
        """What a speaker is called."""
        named = self.names.get(speaker) if speaker is not None else None
        return named.name if named else speaker

    def with_names(self) -> "Transcript":
        """The transcript with its speakers called by their names, for whoever reads and does not edit."""
        if not self.names:
            return self
        called = (msgspec.structs.replace(each, speaker=self.name_of(each.speaker)) for each in self.segments)
        return msgspec.structs.replace(self, segments=tuple(called), names={})

    @property
    def text(self) -> str:
        """The words alone, one line per segment."""
        return "\n".join(segment.text for segment in self.segments)

    @property
    def speakers(self) -> tuple[str, ...]:
        """Names of the speakers in the order in which they are first heard."""
        return tuple(dict.fromkeys(segment.speaker for segment in self.segments if segment.speaker))


def text_of(words: Iterable[Word]) -> str:
    """The words as a line of text."""
    return " ".join(word.text for word in words)


def removal(words: tuple[Word, ...], reason: Reason) -> Removed:
    """The note that these words were taken out."""
    return Removed(start_s=words[0].start_s, end_s=words[-1].end_s, text=text_of(words), reason=reason, words=words)
