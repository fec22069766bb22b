"""The real engines over the starter packs, and something for them to hear."""

from functools import cache

import numpy as np

from appliance.adapters.media import SandboxedMedia
from appliance.bootstrap.engines import speaker_turns, speech_to_text
from appliance.meetings.ports import Samples
from appliance.models.location import starter_path
from appliance.models.model import PackKind, Role
from appliance.models.offline import go_offline
from appliance.models.service import ModelRegistry
from appliance.quality.samples import sample_meeting
from appliance.settings import Settings, SpeechSettings
from appliance.speakers.ports import SpeakerTurns
from appliance.transcripts.ports import SpeechToText
from tests.factories.packs import starter_pack

ON_THE_CPU = Settings(speech=SpeechSettings(device="cpu"))


@cache
def whisper() -> SpeechToText:
    """Whisper base, loaded once for all tests."""
    go_offline()
    starter_pack(PackKind.SPEECH)
    return speech_to_text(ON_THE_CPU, ModelRegistry(starter_path()), threads=2)


@cache
def diarizer() -> SpeakerTurns:
    """The diarizer, loaded once for all tests."""
    starter_pack(PackKind.SPEAKERS, Role.TURNS)
    starter_pack(PackKind.SPEAKERS, Role.VOICES)
    return speaker_turns(ON_THE_CPU, ModelRegistry(starter_path()), threads=2)


@cache
def sample_sound(language: str = "en") -> Samples:
    """The sample meeting as plain sound."""
    with sample_meeting("hu" if language == "hu" else "en").audio.open("rb") as file:
        return np.concatenate(list(SandboxedMedia().decode(file)))


@cache
def an_utterance() -> Samples:
    """The first twelve seconds of speech of the sample meeting."""
    sound = sample_sound()
    first = int(np.flatnonzero(np.abs(sound.astype(np.int32)) > 1_000)[0])
    return sound[max(0, first - 3_000) :][: 12 * 16_000]
