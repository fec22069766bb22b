"""The speech engines that settings ask for, over the packs in use; built once per worker process."""

import os

from appliance.models.model import PackKind, Role
from appliance.models.service import ModelRegistry
from appliance.settings import SpeechSettings
from appliance.speakers.ports import SpeakerTurns
from appliance.transcripts.ports import SpeechToText


def open_speech_to_text(settings: SpeechSettings, models: ModelRegistry) -> SpeechToText:
    """The engine that hears words.

    Raises:
        NoActivePack, PackIncomplete: there is no model to load.
        DeviceMissing, NotEnoughMemory: it cannot be loaded where the settings want it, or anywhere.
    """
    if settings.engine == "fake":
        from appliance.adapters.fake_speech import FakeSpeechToText

        return FakeSpeechToText()
    # Engines are heavy to import: only the process that needs one pays for it.
    from appliance.adapters.whisper import WhisperSpeech
    from appliance.adapters.whisper.device import Machine, choose_device, weights_bytes

    pack = models.active(PackKind.SPEECH)
    device = choose_device(
        weights_bytes(pack.path),
        machine=Machine.here(),
        device=settings.device,
        compute_type=settings.compute_type,
        threads=share_of_threads(settings.threads),
    )
    return WhisperSpeech(pack.path, model=pack.name, device=device, batch=settings.batch_size)


def open_speaker_turns(settings: SpeechSettings, models: ModelRegistry) -> SpeakerTurns:
    """The engine that tells speakers apart.

    Raises:
        NoActivePack, PackIncomplete: there is no model to load.
    """
    if settings.engine == "fake":
        from appliance.adapters.fake_speech import FakeSpeakerTurns

        return FakeSpeakerTurns()
    from appliance.adapters.diarizer import OnnxSpeakerTurns

    turns, voices = (models.active(PackKind.SPEAKERS, role) for role in (Role.TURNS, Role.VOICES))
    return OnnxSpeakerTurns(
        next(turns.path.glob("*.onnx")),
        next(voices.path.glob("*.onnx")),
        name=f"{turns.name} + {voices.name}",
        threads=share_of_threads(settings.threads),
    )


def share_of_threads(asked: int) -> int:
    """CPU threads for one of the two engines, which work side by side: half of what is asked for or there.

    Measured on two cores: one thread each is a quarter faster than one engine after the other on two, and two each is
    slower than either.
    """
    return max(1, (asked or len(os.sched_getaffinity(0))) // 2)
