"""Twelve hours of meeting pass through both branches of the speech worker in the memory that a short one takes."""

import tracemalloc
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from appliance.adapters.diarizer import engine as diarizer
from appliance.adapters.diarizer.segmentation import FRAMES, VOICES
from appliance.adapters.diarizer.voices import DIMENSIONS
from appliance.adapters.fake_speech import FakeSpeechToText
from appliance.kernel.units import MIB
from appliance.meetings.model import SAMPLE_RATE
from appliance.meetings.ports import Samples
from appliance.meetings.sound import RecordedSound
from appliance.transcripts.dictation import Dictation, Wishes
from appliance.transcripts.merging import merge
from appliance.transcripts.ports import Voice

HOURS = 12
MINUTE = 60 * SAMPLE_RATE
PEOPLE = 6
MOST_MIB = 200
"""Two windows of 19 MiB; 24 MiB of findings and as much again where they are grouped; 20 000 words. The sound alone
would take 1318 MiB."""


def half_a_day() -> Generator[Samples]:
    """Each minute somebody else speaks for a while: louder by one than whoever spoke before."""
    sounds = np.random.default_rng(7).choice(np.array([3_000, -3_000], dtype=np.int16), (7, 6 * SAMPLE_RATE))
    for minute in range(HOURS * 60):
        block = np.zeros(MINUTE, dtype=np.int16)
        block[: sounds.shape[1]] = sounds[minute % len(sounds)] + np.int16(minute % PEOPLE)
        yield block


class QuickEars(FakeSpeechToText):
    """The fake engine with a detector that looks at one sample in a frame."""

    def voice(self, audio: Samples) -> Voice:
        return (np.abs(audio[::512]) > 300).astype(np.float32)


class OneVoiceAtATime:
    """Stands for the segmentation: somebody speaks where it is loud."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __call__(self, windows: list[Samples]) -> np.ndarray:
        activity = np.zeros((len(windows), FRAMES, VOICES), dtype=bool)
        for row, window in enumerate(windows):
            activity[row, : min(FRAMES, len(window) // 270), 0] = np.abs(window[: FRAMES * 270 : 270]) > 300
        return activity


class VoiceByLoudness:
    """Stands for the voice vectors: as many directions as there are people, and some noise."""

    def __init__(self, *_: object, **__: object) -> None:
        self._dice = np.random.default_rng(1)

    def __call__(self, speech: Samples) -> np.ndarray:
        vector = self._dice.standard_normal(DIMENSIONS).astype(np.float32) * 0.02
        vector[int(speech.max()) - 3_000] += 1
        return vector / np.linalg.norm(vector)


class Notebook:
    """A bookmark that counts what is written to it."""

    def __init__(self) -> None:
        self.written = self.last = 0

    def load(self) -> bytes | None:
        return None

    def save(self, note: bytes) -> None:
        self.written, self.last = self.written + len(note), len(note)


@pytest.fixture
def speakers(monkeypatch: pytest.MonkeyPatch, tmp_path) -> diarizer.OnnxSpeakerTurns:
    monkeypatch.setattr(diarizer, "Segmentation", OneVoiceAtATime)
    monkeypatch.setattr(diarizer, "Voices", VoiceByLoudness)
    monkeypatch.setattr(diarizer, "SAVE_EVERY_S", 0.0)
    return diarizer.OnnxSpeakerTurns(tmp_path, tmp_path)


@pytest.mark.slow
def test_half_a_day_takes_no_more_memory_than_ten_minutes(speakers):
    """Both branches side by side stay under a fixed limit, hear every minute, and write notes of bounded size."""
    length = HOURS * 60 * MINUTE
    notes = Notebook(), Notebook()
    tracemalloc.start()
    try:
        dictation = Dictation(
            QuickEars(),
            RecordedSound(half_a_day, length=length),
            wishes=Wishes(),
            progress=lambda _fraction: None,
            bookmark=notes[0],
        )
        with ThreadPoolExecutor(2) as pool:
            words = pool.submit(dictation.run)
            turns = pool.submit(speakers.turns, RecordedSound(half_a_day, length=length), bookmark=notes[1])
            transcript = merge(words.result(), turns.result())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MOST_MIB * MIB
    assert {int(segment.words[0].middle_s // 60) for segment in transcript.segments} == set(range(HOURS * 60))
    assert len(transcript.speakers) == PEOPLE
    assert max(note.written / note.last for note in notes) < 150, "notes are written too often for what they hold"
