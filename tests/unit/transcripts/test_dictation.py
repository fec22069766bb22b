"""From sound to words, with an engine that does what a test says."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from appliance.meetings.model import SAMPLE_RATE
from appliance.meetings.ports import Samples
from appliance.transcripts.dictation import Dictation, Wishes
from appliance.transcripts.model import Reason, Spoken, Word, text_of
from appliance.transcripts.ports import Decoded, Hints, Voice
from tests.factories.transcripts import voice, words


@dataclass
class ScriptedEngine:
    """Hears speech where the script says, and answers each clip with what the script says about it."""

    heard: Voice
    answer: Callable[[float], Decoded]
    careful_answer: Callable[[float], Decoded] | None = None
    spoken_languages: Callable[[int], Mapping[str, float]] = field(default=lambda _call: {"en": 0.9, "hu": 0.1})
    name: str = "scripted"
    model: str = "scripted"
    longest_clip_s: float = 10.0
    batch: int = 2
    batches: list[tuple[int, str]] = field(default_factory=list)
    careful_clips_s: list[float] = field(default_factory=list)
    language_calls: int = 0

    def voice(self, audio: Samples) -> Voice:
        return self.heard

    def languages(self, clip: Samples) -> Mapping[str, float]:
        self.language_calls += 1
        return self.spoken_languages(self.language_calls)

    def decode(self, clips: Sequence[Samples], hints: Hints) -> list[Decoded]:
        self.batches.append((len(clips), hints.language))
        return [self.answer(len(clip) / SAMPLE_RATE) for clip in clips]

    def decode_carefully(self, clip: Samples, hints: Hints) -> Decoded:
        self.careful_clips_s.append(len(clip) / SAMPLE_RATE)
        return (self.careful_answer or self.answer)(len(clip) / SAMPLE_RATE)


@dataclass
class Notebook:
    """A bookmark in memory."""

    note: bytes | None = None
    saves: int = 0

    def load(self) -> bytes | None:
        return self.note

    def save(self, note: bytes) -> None:
        self.note, self.saves = note, self.saves + 1


def fluent(length_s: float) -> Decoded:
    """Words without a pause over the whole clip."""
    lexicon = [
        "we",
        "agreed",
        "that",
        "the",
        "annual",
        "report",
        "goes",
        "out",
        "by",
        "friday",
        "and",
        "Anna",
        "checks",
        "each",
        "number",
        "twice",
    ]
    said = [
        Word(start_s=place * 0.5, end_s=place * 0.5 + 0.5, text=lexicon[place % len(lexicon)], probability=0.9)
        for place in range(int(length_s / 0.5))
    ]
    return Decoded(tuple(said), logprob=-0.2, no_speech=0.02)


def dictate(engine: ScriptedEngine, duration_s: float, **options) -> Spoken:
    options.setdefault("wishes", Wishes())
    options.setdefault("progress", lambda _fraction: None)
    rng = np.random.default_rng(1)
    audio = (rng.standard_normal(int(duration_s * SAMPLE_RATE)) * 3_000).astype(np.int16)
    return Dictation(engine, audio, **options).run()


def test_words_carry_times_of_the_recording():
    """Silence that was cut out before decoding is there again in the times."""
    engine = ScriptedEngine(voice((30, 34), (60, 64), duration_s=70), fluent)
    spoken = dictate(engine, 70)
    starts = [word.start_s for word in spoken.words]
    assert starts == sorted(starts)
    assert min(starts) == pytest.approx(29.6, abs=0.1)
    assert sum(start > 59 for start in starts) > 5
    assert not [start for start in starts if 35 < start < 59]


def test_nothing_is_decoded_where_nobody_speaks():
    """A silent recording has no words, and the engine is never asked to make some."""
    engine = ScriptedEngine(voice(duration_s=30), fluent)
    spoken = dictate(engine, 30)
    assert spoken.words == ()
    assert engine.batches == []
    assert spoken.language_probability == 0


def test_a_doubtful_clip_is_decoded_again_with_care():
    """A loop in the fast decoding is replaced by what the patient one hears."""
    loop = Decoded(words("we vote " * 10), logprob=-0.1, no_speech=0.0)
    engine = ScriptedEngine(voice((1, 8), duration_s=10), lambda _length_s: loop, careful_answer=fluent)
    spoken = dictate(engine, 10)
    assert text_of(spoken.words).startswith("we agreed that the annual report")
    assert len(engine.careful_clips_s) == 1
    assert spoken.removed == ()


def test_a_loop_that_stays_is_cut_and_kept_as_removed():
    """When care does not help, the repeats are taken out and noted."""
    loop = Decoded(words("we vote " * 10), logprob=-0.1, no_speech=0.0)
    engine = ScriptedEngine(voice((1, 9), duration_s=10), lambda _length_s: loop)
    spoken = dictate(engine, 10)
    assert Reason.REPETITION in {cut.reason for cut in spoken.removed}


def test_a_dropped_passage_is_decoded_by_itself():
    """Speech in the middle of a clip that got no words is asked for again, and lands in its place."""

    def with_a_hole(length_s: float) -> Decoded:
        whole = fluent(length_s)
        kept = tuple(word for word in whole.words if not 2.5 < word.middle_s < 6.0)
        return Decoded(kept, whole.logprob, whole.no_speech)

    engine = ScriptedEngine(voice((0, 9), duration_s=10), with_a_hole, careful_answer=fluent)
    spoken = dictate(engine, 10)
    starts = [word.start_s for word in spoken.words]
    assert starts == sorted(starts)
    assert len([start for start in starts if 3.0 < start < 5.5]) >= 3
    assert engine.careful_clips_s[0] < 6


def test_a_killed_worker_goes_on_after_the_last_batch():
    """Finished batches are not decoded again, and the result is the same as without the interruption."""
    stretches = [(start + 0.5, start + 8.5) for start in range(0, 60, 10)]
    heard = voice(*stretches, duration_s=60)
    whole = dictate(ScriptedEngine(heard, fluent), 60)
    notebook, calls = Notebook(), 0

    def dies_after_two_batches(length_s: float) -> Decoded:
        nonlocal calls
        calls += 1
        if calls > 4:
            raise ConnectionError
        return fluent(length_s)

    with pytest.raises(ConnectionError):
        dictate(ScriptedEngine(heard, dies_after_two_batches), 60, bookmark=notebook)
    second = ScriptedEngine(heard, fluent)
    assert dictate(second, 60, bookmark=notebook) == whole
    assert second.batches == [(2, "en")]
    assert second.language_calls == 0


def test_a_note_about_other_wishes_is_not_used():
    """Whoever changes the language gets a new transcript, not the half of an old one."""
    heard = voice((0, 9), (10, 19), (20, 29), duration_s=30)
    notebook = Notebook()
    dictate(ScriptedEngine(heard, fluent), 30, bookmark=notebook)
    again = ScriptedEngine(heard, fluent)
    dictate(again, 30, bookmark=notebook, wishes=Wishes(language="hu"))
    assert again.batches == [(2, "hu"), (1, "hu")]


def test_a_note_of_another_release_is_not_used():
    """What cannot be read any more is decoded again."""
    heard = voice((0, 9), duration_s=10)
    engine = ScriptedEngine(heard, fluent)
    assert dictate(engine, 10, bookmark=Notebook(b'{"windows": 3}')).words
    assert engine.batches == [(1, "en")]


def test_a_chosen_language_is_not_questioned():
    """What somebody chose is what the engine is told; nothing is detected."""
    engine = ScriptedEngine(voice((0, 9), duration_s=10), fluent)
    spoken = dictate(engine, 10, wishes=Wishes(language="hu"))
    assert (spoken.language, spoken.language_probability) == ("hu", 1.0)
    assert engine.language_calls == 0


def test_one_odd_clip_does_not_change_the_language_of_the_meeting():
    """The language is that of the whole recording, not of its greeting."""
    heard = voice(*[(start + 0.5, start + 9) for start in range(0, 50, 10)], duration_s=50)
    engine = ScriptedEngine(
        heard, fluent, spoken_languages=lambda call: {"hu": 0.55, "en": 0.45} if call == 1 else {"en": 0.95, "hu": 0.05}
    )
    spoken = dictate(engine, 50)
    assert spoken.language == "en"
    assert {language for _, language in engine.batches} == {"en"}


def test_a_part_in_another_language_is_not_translated():
    """A clip that is surely in another language is decoded in that one."""
    heard = voice(*[(start + 0.5, start + 9) for start in range(0, 50, 10)], duration_s=50)
    engine = ScriptedEngine(
        heard, fluent, spoken_languages=lambda call: {"hu": 0.97} if call % 5 == 0 else {"en": 0.97}
    )
    dictate(engine, 50)
    assert engine.batches == [(2, "en"), (2, "en"), (1, "hu")]


def test_progress_rises_to_the_end():
    """Progress never falls and ends at one."""
    seen: list[float] = []
    heard = voice(*[(start + 0.5, start + 9) for start in range(0, 50, 10)], duration_s=50)
    dictate(ScriptedEngine(heard, fluent), 50, wishes=Wishes(language="en"), progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_cancelling_stops_between_batches():
    """What progress raises ends the work."""

    def cancelled(fraction: float) -> None:
        if fraction > 0.3:
            raise KeyboardInterrupt

    heard = voice(*[(start + 0.5, start + 9) for start in range(0, 50, 10)], duration_s=50)
    engine = ScriptedEngine(heard, fluent)
    with pytest.raises(KeyboardInterrupt):
        dictate(engine, 50, progress=cancelled)
    assert len(engine.batches) < 3
