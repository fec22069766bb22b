"""Edits of a transcript: each makes a change, which can be stored, replayed and turned round. Pure functions.

A change says what was there before, so that it applies only where that is still so. Its inverse is a change again.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Final

from msgspec import structs

from appliance.speakers.model import Turn
from appliance.transcripts.errors import (
    ChangedMeanwhile,
    EditInvalid,
    NothingRemovedThere,
    SegmentMissing,
)
from appliance.transcripts.merging import restored_segments
from appliance.transcripts.model import (
    Origin,
    Removed,
    Segment,
    SpeakerBy,
    SpeakerName,
    Transcript,
    Value,
    Word,
)

MAX_TEXT: Final = 20_000
"""Characters of one segment: many times what anybody says in one."""
MAX_NAME: Final = 200


# --- Changes ----------------------------------------------------------------------------------------------------------


class Put(Value, frozen=True, tag_field="kind", tag="put"):
    """Segments in place of others: text, split, merge, deletion, times, what a guard had removed."""

    before: tuple[Segment, ...] = ()
    after: tuple[Segment, ...] = ()
    taken: tuple[Removed, ...] = ()
    """Removed passages that are part of the text again."""
    returned: tuple[Removed, ...] = ()
    """Removed passages that are removed once more."""


class Voice(Value, frozen=True):
    """One segment's speaker, before and after; each with who said so."""

    id: int
    before: tuple[str | None, SpeakerBy]
    after: tuple[str | None, SpeakerBy]


class Assign(Value, frozen=True, tag_field="kind", tag="assign"):
    """Segments become somebody else's."""

    voices: tuple[Voice, ...]


class Name(Value, frozen=True, tag_field="kind", tag="name"):
    """A speaker is called something else, everywhere."""

    key: str
    before: SpeakerName | None
    after: SpeakerName | None


Change = Put | Assign | Name
Touched = frozenset[tuple[str, int | str]]
"""What a change is about: text or voice of segments, names of speakers."""


def inverse(change: Change) -> Change:
    """The change that takes ``change`` back."""
    match change:
        case Put():
            return Put(before=change.after, after=change.before, taken=change.returned, returned=change.taken)
        case Assign():
            return Assign(voices=tuple(structs.replace(v, before=v.after, after=v.before) for v in change.voices))
        case Name():
            return Name(key=change.key, before=change.after, after=change.before)


def touched(change: Change) -> Touched:
    """What a change is about. Two that share nothing never conflict."""
    match change:
        case Put():
            ids = {("text", segment.id) for segment in (*change.before, *change.after)}
            return frozenset(
                ids | {("removed", repr(passage.start_s)) for passage in (*change.taken, *change.returned)}
            )
        case Assign():
            return frozenset(("voice", voice.id) for voice in change.voices)
        case Name():
            return frozenset({("name", change.key)})


def segments_of(change: Change) -> frozenset[int]:
    """The ids of the segments that a change makes, changes or takes away."""
    match change:
        case Put():
            return frozenset(segment.id for segment in (*change.before, *change.after))
        case Assign():
            return frozenset(voice.id for voice in change.voices)
        case Name():
            return frozenset()


def apply(transcript: Transcript, change: Change) -> Transcript:
    """The transcript after ``change``.

    Raises:
        ChangedMeanwhile: something is no longer what it was before the change.
    """
    match change:
        case Put():
            return _put(transcript, change)
        case Assign():
            return _assign(transcript, change)
        case Name():
            if transcript.names.get(change.key) != change.before:
                raise ChangedMeanwhile
            others = {key: name for key, name in transcript.names.items() if key != change.key}
            return structs.replace(transcript, names=others | ({change.key: change.after} if change.after else {}))


def _put(transcript: Transcript, change: Put) -> Transcript:
    current = {segment.id: segment for segment in transcript.segments}
    for segment in change.before:
        if current.pop(segment.id, None) != segment:
            raise ChangedMeanwhile
    if any(segment.id in current for segment in change.after):
        raise ChangedMeanwhile
    removed = list(transcript.removed)
    for passage in change.taken:
        if passage not in removed:
            raise ChangedMeanwhile
        removed.remove(passage)
    removed += change.returned
    given = max((transcript.next_id, *(segment.id + 1 for segment in change.after)))
    return structs.replace(
        transcript,
        segments=tuple(sorted((*current.values(), *change.after), key=lambda each: (each.start_s, each.id))),
        removed=tuple(sorted(removed, key=lambda passage: passage.start_s)),
        given_ids=given,
    )


def _assign(transcript: Transcript, change: Assign) -> Transcript:
    voices = {voice.id: voice for voice in change.voices}
    segments = []
    for segment in transcript.segments:
        voice = voices.pop(segment.id, None)
        if voice is None:
            segments.append(segment)
            continue
        if (segment.speaker, segment.speaker_by) != voice.before:
            raise ChangedMeanwhile
        speaker, by = voice.after
        segments.append(structs.replace(segment, speaker=speaker, speaker_by=by))
    if voices:
        raise ChangedMeanwhile
    return structs.replace(transcript, segments=tuple(segments))


# --- What people do ---------------------------------------------------------------------------------------------------


class EditText(Value, frozen=True, tag_field="kind", tag="text"):
    """Another text for a segment."""

    segment: int
    text: str

    def change(self, transcript: Transcript, turns: Sequence[Turn]) -> Change:
        """The change; words that stayed keep their times."""
        (segment,) = _found(transcript, [self.segment])
        return Put(before=(segment,), after=(with_text(segment, self.text),))


class Split(Value, frozen=True, tag_field="kind", tag="split"):
    """A segment in two, before the character ``at``; the first part keeps the id."""

    segment: int
    at: int

    def change(self, transcript: Transcript, turns: Sequence[Turn]) -> Change:
        """The change."""
        (segment,) = _found(transcript, [self.segment])
        return Put(before=(segment,), after=_halves(segment, self.at, new_id=transcript.next_id))


class Merge(Value, frozen=True, tag_field="kind", tag="merge"):
    """Neighbours become one segment, the first one."""

    segments: tuple[int, ...]

    def change(self, transcript: Transcript, turns: Sequence[Turn]) -> Change:
        """The change."""
        parts = _found(transcript, self.segments)
        places = [place for place, segment in enumerate(transcript.segments) if segment in parts]
        if len(parts) < 2 or places[-1] - places[0] != len(parts) - 1:
            raise EditInvalid(reason="only neighbours can be merged")
        return Put(before=parts, after=(_merged(parts),))


class Delete(Value, frozen=True, tag_field="kind", tag="delete"):
    """Segments out of the transcript."""

    segments: tuple[int, ...]

    def change(self, transcript: Transcript, turns: Sequence[Turn]) -> Change:
        """The change."""
        return Put(before=_found(transcript, self.segments))


class AssignSpeaker(Value, frozen=True, tag_field="kind", tag="assign"):
    """Segments are said by this speaker; None is nobody known."""

    segments: tuple[int, ...]
    speaker: str | None

    def change(self, transcript: Transcript, turns: Sequence[Turn]) -> Change:
        """The change."""
        return _voices(_found(transcript, self.segments), _clean_name(self.speaker) if self.speaker else None)


class Rename(Value, frozen=True, tag_field="kind", tag="rename"):
    """A speaker's name, everywhere; an empty one takes the name away."""

    speaker: str
    name: str

    def change(self, transcript: Transcript, turns: Sequence[Turn]) -> Change:
        """The change."""
        if self.speaker not in transcript.speakers:
            raise EditInvalid(reason="there is no such speaker")
        after = SpeakerName(name=_clean_name(self.name)) if self.name.strip() else None
        return Name(key=self.speaker, before=transcript.names.get(self.speaker), after=after)


class MergeSpeakers(Value, frozen=True, tag_field="kind", tag="merge_speakers"):
    """All that one speaker says is another one's."""

    speaker: str
    into: str

    def change(self, transcript: Transcript, turns: Sequence[Turn]) -> Change:
        """The change."""
        if not {self.speaker, self.into} <= set(transcript.speakers):
            raise EditInvalid(reason="there is no such speaker")
        return _voices([each for each in transcript.segments if each.speaker == self.speaker], self.into)


class SetTimes(Value, frozen=True, tag_field="kind", tag="times"):
    """Another start and end; words outside move to the edge."""

    segment: int
    start_s: float
    end_s: float

    def change(self, transcript: Transcript, turns: Sequence[Turn]) -> Change:
        """The change."""
        (segment,) = _found(transcript, [self.segment])
        if not 0 <= self.start_s < self.end_s <= max(transcript.duration_s, segment.end_s):
            raise EditInvalid(reason="a segment starts before it ends, within the recording")
        words = tuple(
            structs.replace(
                word,
                start_s=min(max(word.start_s, self.start_s), self.end_s),
                end_s=min(max(word.end_s, self.start_s), self.end_s),
            )
            for word in segment.words
        )
        return Put(
            before=(segment,),
            after=(structs.replace(segment, start_s=self.start_s, end_s=self.end_s, words=words),),
        )


class Restore(Value, frozen=True, tag_field="kind", tag="restore"):
    """Removed text of that number back in its place, as segments of their own."""

    number: int

    def change(self, transcript: Transcript, turns: Sequence[Turn]) -> Change:
        """The change."""
        if not 0 <= self.number < len(transcript.removed):
            raise NothingRemovedThere(number=self.number)
        added = restored_segments(transcript, self.number, turns)
        return Put(after=added, taken=(transcript.removed[self.number],))


class Replace(Value, frozen=True, tag_field="kind", tag="replace"):
    """Text in place of other text, wherever it stands; matches do not overlap."""

    find: str
    replacement: str
    whole_word: bool = False
    case: bool = False
    """Capitals matter."""
    accents: bool = True
    """Accents matter."""
    speaker: str | None = None
    """Only what this speaker says."""

    def change(self, transcript: Transcript, turns: Sequence[Turn]) -> Change:
        """The change; a segment of which nothing is left goes."""
        found = self.preview(transcript)
        if not found:
            raise EditInvalid(reason="the text to replace does not occur")
        ids = {each.id: each.after for each in found}
        before = _found(transcript, ids)
        return Put(before=before, after=tuple(with_text(each, ids[each.id]) for each in before if ids[each.id].strip()))

    def preview(self, transcript: Transcript) -> tuple["Replaced", ...]:
        """What would become of each segment that holds the text."""
        sought, _ = _comparable(clean_text(self.find, most=MAX_NAME), case=self.case, accents=self.accents)
        if not sought:
            raise EditInvalid(reason="there is nothing to look for")
        pattern = re.compile(rf"(?<!\w){re.escape(sought)}(?!\w)" if self.whole_word else re.escape(sought))
        replaced = []
        for segment in transcript.segments:
            if self.speaker is None or segment.speaker == self.speaker:
                folded, places = _comparable(segment.text, case=self.case, accents=self.accents)
                matches = [(places[match.start()], places[match.end()]) for match in pattern.finditer(folded)]
                if matches:
                    after = _with_replaced(segment.text, matches, self.replacement)
                    replaced.append(Replaced(segment.id, segment.text, after, len(matches)))
        return tuple(replaced)


class Replaced(Value, frozen=True, kw_only=False):
    """What becomes of one segment by a replacement."""

    id: int
    before: str
    after: str
    count: int


Edit = EditText | Split | Merge | Delete | AssignSpeaker | Rename | MergeSpeakers | SetTimes | Restore | Replace
"""One thing that a person does."""


# --- Text and words ---------------------------------------------------------------------------------------------------


def clean_text(text: str, *, most: int = MAX_TEXT) -> str:
    """Text as it is kept: composed characters, one line, single spaces.

    Raises:
        EditInvalid: it is too long.
    """
    composed = unicodedata.normalize("NFC", text)
    clean = " ".join("".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in composed).split())
    if len(clean) > most:
        raise EditInvalid(reason=f"the text has more than {most} characters")
    return clean


def with_text(segment: Segment, text: str) -> Segment:
    """The segment with another text; words that stayed keep their times, new ones share the room between them.

    Raises:
        EditInvalid: nothing is left of it, or it is too long.
    """
    clean = clean_text(text)
    if not clean:
        raise EditInvalid(reason="a segment without text can only be deleted")
    words = _aligned(segment, clean.split())
    return structs.replace(segment, text=clean, words=words, origin=Origin.EDITED)


def _aligned(segment: Segment, tokens: Sequence[str]) -> tuple[Word, ...]:
    old = segment.words
    matcher = SequenceMatcher(None, [word.text for word in old], tokens, autojunk=False)
    words: list[Word] = []
    for tag, first, after, begin, end in matcher.get_opcodes():
        if tag == "equal":
            words += old[first:after]
        elif begin < end:
            at_s = max([segment.start_s, *(word.end_s for word in old[:first])])
            until_s = min([segment.end_s, *(word.start_s for word in old[after:])])
            words += _spread(tokens[begin:end], at_s, until_s)
    return tuple(words)


def _spread(tokens: Sequence[str], start_s: float, end_s: float) -> Iterable[Word]:
    """Words that share a stretch evenly."""
    if end_s < start_s:
        start_s = end_s
    each_s = (end_s - start_s) / len(tokens)
    for place, token in enumerate(tokens):
        begin_s = min(end_s, start_s + place * each_s)
        yield Word(start_s=begin_s, end_s=min(end_s, begin_s + each_s), text=token, probability=1.0)


def _words(segment: Segment) -> tuple[Word, ...]:
    """The words of the text as it stands, one for each."""
    tokens = segment.text.split()
    return segment.words if [word.text for word in segment.words] == tokens else _aligned(segment, tokens)


def _halves(segment: Segment, at: int, *, new_id: int) -> tuple[Segment, Segment]:
    left, right = segment.text[: max(0, at)].strip(), segment.text[max(0, at) :].strip()
    if not left or not right:
        raise EditInvalid(reason="a segment is split inside of its text")
    words, whole = _words(segment), left.split()
    cut = len(whole)
    if not segment.text[at - 1].isspace() and not segment.text[at].isspace():  # inside of a word
        word, part = words[cut - 1], whole[-1]
        middle_s = word.start_s + (word.end_s - word.start_s) * len(part) / max(1, len(word.text))
        halves = (
            structs.replace(word, end_s=middle_s, text=part),
            structs.replace(word, start_s=middle_s, text=right.split()[0]),
        )
        words = (*words[: cut - 1], *halves, *words[cut:])
    first = structs.replace(
        segment, end_s=max(word.end_s for word in words[:cut]), text=left, words=words[:cut], origin=Origin.EDITED
    )
    second = structs.replace(
        segment, id=new_id, start_s=words[cut].start_s, text=right, words=words[cut:], origin=Origin.EDITED
    )
    return first, second


def _merged(parts: Sequence[Segment]) -> Segment:
    words: list[Word] = []
    for word in (word for part in parts for word in _words(part)):
        start_s = max(word.start_s, words[-1].start_s) if words else word.start_s
        words.append(structs.replace(word, start_s=start_s, end_s=max(word.end_s, start_s)))
    return structs.replace(
        parts[0],
        end_s=max([part.end_s for part in parts] + [word.end_s for word in words]),
        text=" ".join(part.text.strip() for part in parts),
        words=tuple(words),
        origin=Origin.EDITED,
    )


def _found(transcript: Transcript, ids: Collection[int] | Mapping[int, str]) -> tuple[Segment, ...]:
    """The segments of these ids in the order of the transcript."""
    wanted = set(ids)
    found = tuple(segment for segment in transcript.segments if segment.id in wanted)
    if missing := wanted - {segment.id for segment in found}:
        raise SegmentMissing(segment=min(missing))
    if not found:
        raise EditInvalid(reason="no segment is named")
    return found


def _voices(segments: Sequence[Segment], speaker: str | None) -> Assign:
    return Assign(
        voices=tuple(
            Voice(id=each.id, before=(each.speaker, each.speaker_by), after=(speaker, SpeakerBy.HAND))
            for each in segments
        )
    )


def _clean_name(name: str) -> str:
    clean = clean_text(name, most=MAX_NAME)
    if not clean:
        raise EditInvalid(reason="a name is not empty")
    return clean


def _comparable(text: str, *, case: bool, accents: bool) -> tuple[str, list[int]]:
    """The text as it is compared, and for each of its characters where it stands; one place more for the end."""
    folded: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        shown = character
        if not accents:
            shown = "".join(c for c in unicodedata.normalize("NFD", shown) if not unicodedata.combining(c))
        if not case:
            shown = shown.casefold()
        folded.append(shown)
        places += [place] * len(shown)
    return "".join(folded), [*places, len(text)]


def _with_replaced(text: str, matches: Sequence[tuple[int, int]], replacement: str) -> str:
    parts, at = [], 0
    for start, end in matches:
        parts += [text[at:start], replacement]
        at = max(at, end)
    return clean_text("".join((*parts, text[at:])))
