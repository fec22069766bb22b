"""Models, loaded when a step first needs them, and kept for the life of the process."""

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

import structlog

from appliance.language.ports import LanguageModel
from appliance.meetings.ports import Samples, Sound
from appliance.models.model import PackKind, Role
from appliance.models.service import ModelRegistry
from appliance.settings import Settings
from appliance.speakers.model import ANY_NUMBER, SpeakerCount, Turn
from appliance.speakers.ports import Bookmark, SpeakerTurns
from appliance.transcripts.ports import Decoded, Hints, SpeechToText, Voice

log = structlog.get_logger()

E = TypeVar("E")


class Resident(Generic[E]):
    """One engine of this process: loaded at the first ``get``, by whichever thread comes first.

    A failed load is not remembered: the pack may be imported, or memory become free, before the next try.
    """

    def __init__(self, load: Callable[[], E]) -> None:
        self._load = load
        self._engine: E | None = None
        self._lock = threading.Lock()

    def get(self) -> E:
        """The engine.

        Raises:
            NoActivePack, NotEnoughMemory, …: it cannot be loaded now.
        """
        with self._lock:
            if self._engine is None:
                self._engine = self._load()
                log.info("engine_loaded", engine=type(self._engine).__name__)
            return self._engine


class ResidentSpeech:
    """A ``SpeechToText`` that is loaded at its first use and asked by one thread at a time."""

    def __init__(self, load: Callable[[], SpeechToText]) -> None:
        self._engine = Resident(load)
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return self._engine.get().name

    @property
    def model(self) -> str:
        return self._engine.get().model

    @property
    def longest_clip_s(self) -> float:
        return self._engine.get().longest_clip_s

    @property
    def batch(self) -> int:
        return self._engine.get().batch

    def voice(self, audio: Samples) -> Voice:
        with self._lock:
            return self._engine.get().voice(audio)

    def languages(self, clip: Samples) -> Mapping[str, float]:
        with self._lock:
            return self._engine.get().languages(clip)

    def decode(self, clips: Sequence[Samples], hints: Hints) -> list[Decoded]:
        with self._lock:
            return self._engine.get().decode(clips, hints)

    def decode_carefully(self, clip: Samples, hints: Hints) -> Decoded:
        with self._lock:
            return self._engine.get().decode_carefully(clip, hints)


class ResidentTurns:
    """``SpeakerTurns`` that are loaded at their first use; the networks may be asked by several threads."""

    def __init__(self, load: Callable[[], SpeakerTurns]) -> None:
        self._engine = Resident(load)

    @property
    def name(self) -> str:
        return self._engine.get().name

    def turns(
        self,
        audio: Sound,
        *,
        count: SpeakerCount = ANY_NUMBER,
        progress: Callable[[float], None] = lambda fraction: None,
        bookmark: Bookmark | None = None,
    ) -> tuple[Turn, ...]:
        return self._engine.get().turns(audio, count=count, progress=progress, bookmark=bookmark)


def speech_to_text(settings: Settings, models: ModelRegistry, *, threads: int) -> SpeechToText:
    """The engine that hears words, as the settings and the pack in use say."""
    if settings.speech.engine == "fake":
        from appliance.adapters.fake_speech import FakeSpeechToText

        return FakeSpeechToText()
    from appliance.adapters.allocator import share_arenas
    from appliance.adapters.whisper import WhisperSpeech
    from appliance.adapters.whisper.device import Machine, choose_device, weights_bytes

    share_arenas()
    pack = models.active(PackKind.SPEECH)
    device = choose_device(
        weights_bytes(pack.path),
        machine=Machine.here(),
        device=settings.speech.device,
        compute_type=settings.speech.compute_type,
        threads=threads,
    )
    return WhisperSpeech(pack.path, model=pack.name, device=device, batch=settings.speech.batch_size)


def speaker_turns(settings: Settings, models: ModelRegistry, *, threads: int) -> SpeakerTurns:
    """The engine that says who spoke when."""
    if settings.speech.engine == "fake":
        from appliance.adapters.fake_speech import FakeSpeakerTurns

        return FakeSpeakerTurns()
    from appliance.adapters.diarizer import OnnxSpeakerTurns

    turns, voices = models.active(PackKind.SPEAKERS, Role.TURNS), models.active(PackKind.SPEAKERS, Role.VOICES)
    name = f"{turns.name} + {voices.name}"
    return OnnxSpeakerTurns(turns.file(".onnx"), voices.file(".onnx"), name=name, threads=threads)


def language_model(settings: Settings, models: ModelRegistry) -> LanguageModel:
    """The model that writes."""
    if settings.minutes.engine == "fake":
        from appliance.adapters.fake_language import FakeLanguageModel

        return FakeLanguageModel(context_tokens=settings.minutes.context_tokens)
    from appliance.adapters.llama import LlamaLanguageModel

    pack = models.active(PackKind.LANGUAGE)
    return LlamaLanguageModel(pack.file(".gguf"), name=pack.name, settings=settings.minutes)


def speech_threads(settings: Settings) -> int:
    """CPU threads for each of the two speech engines, which run side by side.

    Measured on two cores: one thread each takes 23 % less time than both cores for one after the other, and both cores
    for both at once is slower than either.
    """
    cores = settings.speech.threads or len(os.sched_getaffinity(0))
    return max(1, cores // 2)
