"""The speech engines on one file, without database, keys or jobs: for operators' commands and for measuring."""

import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec

from appliance.adapters.media import SandboxedMedia
from appliance.bootstrap.engines import speaker_turns, speech_threads, speech_to_text
from appliance.meetings.peaks import PeakMeter
from appliance.meetings.ports import MediaDecoder, Samples, Sound
from appliance.meetings.sound import RecordedSound
from appliance.models.location import models_folder
from appliance.models.service import ModelRegistry
from appliance.settings import Settings
from appliance.speakers.model import ANY_NUMBER, SpeakerCount, Turn
from appliance.speakers.ports import SpeakerTurns
from appliance.transcripts.dictation import NO_WISHES, Dictation, Wishes
from appliance.transcripts.merging import merge
from appliance.transcripts.model import Segment, Transcript
from appliance.transcripts.ports import SpeechToText

Progress = Callable[[float], None]


class RemovedText(msgspec.Struct, frozen=True):
    """Text that a guard took out, as scripts see it."""

    start_s: float
    end_s: float
    text: str
    reason: str


class SpeechReport(msgspec.Struct, frozen=True):
    """What ``hangjegyzet speech run --json`` prints; scripts rely on this shape."""

    language: str
    duration_s: float
    engine: str
    models: tuple[str, ...]
    segments: tuple[Segment, ...]
    removed: tuple[RemovedText, ...]
    timings: dict[str, float]
    """Wall seconds per step and ``total``; ``loading`` the models is not part of the total."""


@dataclass(frozen=True, slots=True)
class Heard:
    """Everything that was made of one file."""

    transcript: Transcript
    turns: tuple[Turn, ...]
    timings: dict[str, float]

    @property
    def report(self) -> SpeechReport:
        """The result in the shape for scripts."""
        transcript = self.transcript
        return SpeechReport(
            language=transcript.language,
            duration_s=transcript.duration_s,
            engine=transcript.engine,
            models=transcript.models,
            segments=transcript.segments,
            removed=tuple(
                RemovedText(cut.start_s, cut.end_s, cut.text, cut.reason.value) for cut in transcript.removed
            ),
            timings={step: round(seconds, 3) for step, seconds in self.timings.items()},
        )


@dataclass
class SpeechBench:
    """Decoder and both engines, loaded once, for as many files as one likes."""

    media: MediaDecoder
    speech: SpeechToText
    speakers: SpeakerTurns
    loading_s: float = 0.0

    def hear(
        self,
        file: Path,
        *,
        wishes: Wishes = NO_WISHES,
        count: SpeakerCount = ANY_NUMBER,
        progress: Progress = lambda _fraction: None,
    ) -> Heard:
        """The transcript of a media file; words and turns are found side by side, as a worker does.

        Raises:
            OSError: it cannot be read.
            MediaRefused: it is no recording, or one in which nothing can be heard.
        """
        timings = {"loading": self.loading_s}
        started = time.monotonic()
        with _timed(timings, "decode"):
            for_words, for_turns = self._sound_for_both(file)
        both = _Both(progress)
        with ThreadPoolExecutor(2, thread_name_prefix="speech") as pool:
            dictation = Dictation(self.speech, for_words, wishes=wishes, progress=both.part(0))
            words = pool.submit(_in_time, timings, "transcribe", dictation.run)
            turns = pool.submit(
                _in_time,
                timings,
                "speakers",
                lambda: self.speakers.turns(for_turns, count=count, progress=both.part(1)),
            )
            with both.stopping():
                spoken, found = words.result(), turns.result()
        with _timed(timings, "merge"):
            transcript = merge(spoken, found, speaker_models=(self.speakers.name,))
        timings["total"] = time.monotonic() - started
        return Heard(transcript, found, timings)

    def _sound_for_both(self, file: Path) -> tuple[Sound, Sound]:
        """What each engine reads: one sound in memory where it is short, else two readers with a pace of their own."""
        meter = PeakMeter()
        sound = RecordedSound(partial(self._decode, file, meter))
        sound.hold()
        meter.require_sound()
        if sound.is_short:
            return sound, sound
        sound.close()
        return (
            RecordedSound(partial(self._decode, file), length=len(sound)),
            RecordedSound(partial(self._decode, file), length=len(sound)),
        )

    def _decode(self, file: Path, meter: PeakMeter | None = None) -> Generator[Samples]:
        with file.open("rb") as source:
            for block in self.media.decode(source):
                if meter is not None:
                    meter.add(block)
                yield block


def open_speech_bench(settings: Settings) -> SpeechBench:
    """Load what ``settings`` ask for.

    Raises:
        NoActivePack, PackIncomplete: a model is missing.
        DeviceMissing, NotEnoughMemory: a model cannot be loaded.
    """
    started = time.monotonic()
    models = ModelRegistry(models_folder(settings))
    media = SandboxedMedia(max_duration_s=settings.upload.max_duration_s)
    threads = speech_threads(settings)
    speech = speech_to_text(settings, models, threads=threads)
    speakers = speaker_turns(settings, models, threads=threads)
    return SpeechBench(media, speech, speakers, loading_s=time.monotonic() - started)


class _Stopped(Exception):
    """The other engine failed or somebody pressed Ctrl-C."""


@dataclass
class _Both:
    """Progress of two engines as one; the slower one is what people wait for."""

    tell: Progress
    parts: list[float] = field(default_factory=lambda: [0.0, 0.0])
    stop: threading.Event = field(default_factory=threading.Event)

    def part(self, number: int) -> Progress:
        """Where one engine tells its progress."""

        def told(fraction: float) -> None:
            if self.stop.is_set():
                raise _Stopped
            self.parts[number] = fraction
            self.tell(min(self.parts))

        return told

    @contextmanager
    def stopping(self) -> Iterator[None]:
        """Whatever ends the block early ends both engines at their next sign of progress."""
        try:
            yield
        except BaseException:
            self.stop.set()
            raise


@contextmanager
def _timed(timings: dict[str, float], step: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    timings[step] = time.monotonic() - started


T = TypeVar("T")


def _in_time(timings: dict[str, float], step: str, work: Callable[[], T]) -> T:
    with _timed(timings, step):
        return work()
