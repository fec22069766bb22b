"""From sound to words: cuts the recording, lets an engine decode it, checks everything, asks again where in doubt.

The engine does what is slow; what is decided here is the same for every engine, and tested without one.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import msgspec

from appliance.meetings.model import SAMPLE_RATE
from appliance.meetings.ports import Samples, Sound
from appliance.speakers.ports import Bookmark
from appliance.transcripts import guards
from appliance.transcripts.guards import Evidence
from appliance.transcripts.listening import listen
from appliance.transcripts.model import Removed, Spoken, Value, Word
from appliance.transcripts.packing import Clip, Span, pack, speech_spans
from appliance.transcripts.ports import Decoded, Hints, SpeechToText

LANGUAGE_WINDOWS = 5
"""Places of the recording at which the language is asked for; a meeting may open in another one."""
SURE_OF_LANGUAGE = 0.8
GAP_MARGIN_S = 0.3
VOICE_SHARE = 0.03
"""Part of the whole work that finding speech usually takes."""
SAVE_SHARE = 1 / 64
"""A note is written again when it has grown by this much: every batch at first, and about every minute of work after
hours, when a note holds thousands of words."""


NOTE_FORMAT = 2
"""Goes up when a passage comes to mean something else; 2: its gaps are filled."""


class Passage(Value, frozen=True):
    """What became of one clip, its gaps filled."""

    words: tuple[Word, ...] = ()
    removed: tuple[Removed, ...] = ()


class Note(Value, frozen=True):
    """How far a dictation came, so that another process can go on."""

    plan: str
    language: str
    language_probability: float
    languages: tuple[str, ...]
    """Of each clip."""
    passages: tuple[Passage, ...] = ()


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the people of the meeting told beforehand; without a language it is detected."""

    language: str | None = None
    vocabulary: tuple[str, ...] = ()


NO_WISHES = Wishes()


class Dictation:
    """One recording on its way to words.

    Args:
        engine: decodes clips.
        audio: the whole recording; read forwards, apart from the places at which the language is asked for.
        wishes: language and vocabulary, as far as known.
        progress: told how much is done, 0 to 1; what it raises ends the work.
        bookmark: where to note how far it came.
    """

    def __init__(
        self,
        engine: SpeechToText,
        audio: Sound,
        *,
        wishes: Wishes,
        progress: Callable[[float], None],
        bookmark: Bookmark | None = None,
    ) -> None:
        self._engine = engine
        self._audio = audio
        self._wishes = wishes
        self._progress = progress
        self._bookmark = bookmark
        self._duration_s = len(audio) / SAMPLE_RATE

    def run(self) -> Spoken:
        """Everything that was said, and what was removed for want of proof."""
        evidence = listen(self._engine, self._audio, progress=lambda fraction: self._progress(VOICE_SHARE * fraction))
        longest_s = self._engine.longest_clip_s
        spans = speech_spans(evidence.voice, duration_s=self._duration_s, longest_s=longest_s)
        clips = pack(spans, longest_s=longest_s)
        note = self._resume(clips) or self._begin(clips)
        passages = self._decode_rest(clips, note, evidence)
        self._progress(1.0)
        return Spoken(
            language=note.language,
            language_probability=note.language_probability,
            duration_s=round(self._duration_s, 3),
            speech_s=round(sum(guards.speech_seconds(evidence.voice, span) for span in spans), 3),
            engine=self._engine.name,
            model=self._engine.model,
            passages=tuple(passage.words for passage in passages if passage.words),
            removed=tuple(
                sorted((cut for passage in passages for cut in passage.removed), key=lambda cut: cut.start_s)
            ),
        )

    def _plan(self, clips: Sequence[Clip]) -> str:
        """A fingerprint of everything that finished passages depend on."""
        plan = repr((NOTE_FORMAT, self._engine.name, self._engine.model, self._wishes, clips))
        return hashlib.sha256(plan.encode()).hexdigest()

    def _resume(self, clips: Sequence[Clip]) -> Note | None:
        kept = self._bookmark.load() if self._bookmark else None
        if not kept:
            return None
        try:
            note = msgspec.json.decode(kept, type=Note)
        except msgspec.MsgspecError:
            return None  # written by another release, whose passages may mean something else
        return note if note.plan == self._plan(clips) else None

    def _begin(self, clips: Sequence[Clip]) -> Note:
        plan = self._plan(clips)
        if self._wishes.language is not None:
            chosen = self._wishes.language
            return Note(plan=plan, language=chosen, language_probability=1.0, languages=(chosen,) * len(clips))
        heard = detect_languages(self._engine, self._audio, clips)
        languages = (heard.main,) * len(clips)
        if heard.is_mixed:
            languages = tuple(self._language_of(clip, heard.main) for clip in clips)
        return Note(plan=plan, language=heard.main, language_probability=heard.probability, languages=languages)

    def _language_of(self, clip: Clip, main: str) -> str:
        """The language of one clip, where it is beyond doubt another one: decoding it in the main one translates."""
        self._progress(VOICE_SHARE)
        weights = self._engine.languages(clip.cut(self._audio))
        best = max(weights, key=lambda language: weights[language])
        return best if weights[best] >= SURE_OF_LANGUAGE else main

    def _decode_rest(self, clips: Sequence[Clip], note: Note, evidence: Evidence) -> list[Passage]:
        """All passages, those of the note first."""
        done, noted = list(note.passages), len(note.passages)
        while len(done) < len(clips):
            hints = self._hints(note, len(done))
            batch = self._batch(clips, note, len(done))
            sounds = [clip.cut(self._audio) for clip in batch]
            for clip, sound, decoded in zip(batch, sounds, self._engine.decode(sounds, hints), strict=True):
                passage = self._checked(clip, sound, _placed(decoded, clip), hints, evidence)
                done.append(self._without_gaps(clip, passage, hints, evidence))
            if self._bookmark is not None and len(done) - noted > noted * SAVE_SHARE:
                self._bookmark.save(msgspec.json.encode(msgspec.structs.replace(note, passages=tuple(done))))
                noted = len(done)
            self._progress(VOICE_SHARE + (1 - VOICE_SHARE) * len(done) / len(clips))
        return done

    def _batch(self, clips: Sequence[Clip], note: Note, start: int) -> Sequence[Clip]:
        """The next clips that are decoded together: of one language."""
        after = start + 1
        while after < min(start + self._engine.batch, len(clips)) and note.languages[after] == note.languages[start]:
            after += 1
        return clips[start:after]

    def _hints(self, note: Note, place: int) -> Hints:
        return Hints(note.languages[place], self._wishes.vocabulary)

    def _checked(self, clip: Clip, sound: Samples, decoded: Decoded, hints: Hints, evidence: Evidence) -> Passage:
        if guards.doubt_about(decoded, clip, evidence.voice):
            careful = _placed(self._engine.decode_carefully(sound, hints), clip)
            decoded = guards.better_of(decoded, careful, clip, evidence.voice)
        words, removed = guards.purge(decoded, clip, evidence)
        return Passage(words=words, removed=removed)

    def _without_gaps(self, clip: Clip, passage: Passage, hints: Hints, evidence: Evidence) -> Passage:
        """Speech that no word lies over is decoded again by itself; its words go where they belong."""
        taken = (*passage.words, *(word for cut in passage.removed for word in cut.words))
        gaps = guards.uncovered(taken, clip.spans, evidence.voice)
        return _joined(passage, [self._decode_gap(gap, clip, hints, evidence) for gap in gaps])

    def _decode_gap(self, gap: Span, clip: Clip, hints: Hints, evidence: Evidence) -> Passage:
        start_s = max(clip.start_s, gap.start_s - GAP_MARGIN_S)
        again = Clip((Span(start_s, min(clip.end_s, gap.end_s + GAP_MARGIN_S)),))
        decoded = _placed(self._engine.decode_carefully(again.cut(self._audio), hints), again)
        inside = tuple(word for word in decoded.words if gap.start_s <= word.middle_s <= gap.end_s)
        words, removed = guards.purge(replace(decoded, words=inside), again, evidence)
        return Passage(words=words, removed=removed)


@dataclass(frozen=True, slots=True)
class Languages:
    """What the samples of a recording say about its language."""

    main: str
    probability: float
    is_mixed: bool
    """Some sample is surely in another language."""


def detect_languages(engine: SpeechToText, audio: Sound, clips: Sequence[Clip]) -> Languages:
    """The language of the meeting: the most probable one over clips spread over the whole recording.

    A recording without speech has no language; it is called English, with probability 0.
    """
    if not clips:
        return Languages("en", 0.0, is_mixed=False)
    last, places = len(clips) - 1, min(LANGUAGE_WINDOWS, len(clips))
    chosen = [clips[number * last // max(1, places - 1)] for number in range(places)]
    weights: dict[str, float] = defaultdict(float)
    sure = set()
    for clip in chosen:
        for language, probability in engine.languages(clip.cut(audio)).items():
            weights[language] += probability / places
            if probability >= SURE_OF_LANGUAGE:
                sure.add(language)
    main = max(weights, key=lambda language: weights[language])
    return Languages(main, round(weights[main], 4), is_mixed=bool(sure - {main}))


def _placed(decoded: Decoded, clip: Clip) -> Decoded:
    """The same words with times of the recording."""
    words = []
    for word in decoded.words:
        start_s, end_s = clip.in_recording(word.start_s, word.end_s)
        words.append(msgspec.structs.replace(word, start_s=start_s, end_s=end_s))
    return replace(decoded, words=tuple(words))


def _joined(passage: Passage, others: Sequence[Passage]) -> Passage:
    if not others:
        return passage
    words = sorted((word for part in (passage, *others) for word in part.words), key=lambda word: word.start_s)
    return Passage(words=tuple(words), removed=tuple(cut for part in (passage, *others) for cut in part.removed))
