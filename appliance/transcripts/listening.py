"""Where a voice is heard in a recording of any length, and how loud it is: one pass, five minutes at a time."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from appliance.meetings.model import SAMPLE_RATE
from appliance.meetings.ports import Samples, Sound
from appliance.transcripts.guards import QUIETEST_DBFS, Evidence
from appliance.transcripts.packing import SPEECH_STARTS
from appliance.transcripts.ports import VOICE_FRAME_S, SpeechToText, Voice

FRAME = round(VOICE_FRAME_S * SAMPLE_RATE)
BLOCK = FRAME * 9_375
"""Five minutes: a detector's memory grows with what it is given."""
WARM_UP = FRAME * 64
"""Heard again before each block: detectors remember the last two seconds."""

Power = npt.NDArray[np.float32]


def listen(engine: SpeechToText, audio: Sound, *, progress: Callable[[float], None]) -> Evidence:
    """What text is checked against.

    Args:
        engine: whose voice detector to ask.
        audio: the whole recording.
        progress: told how much is done, 0 to 1; what it raises ends the work.
    """
    voice: list[Voice] = []
    power: list[Power] = []
    for start in range(0, len(audio), BLOCK):
        warm_up = min(start, WARM_UP)
        block = audio[start - warm_up : start + BLOCK]
        voice.append(engine.voice(block)[warm_up // FRAME :])
        power.append(frame_power(block[warm_up:]))
        progress(min(1.0, (start + BLOCK) / len(audio)))
    whole = np.concatenate(voice) if voice else np.zeros(0, dtype=np.float32)
    return Evidence(audio, whole, speech_level_dbfs(np.concatenate(power or [np.zeros(0, np.float32)]), whole))


def frame_power(audio: Samples) -> Power:
    """The mean square of each whole frame, 1 being full scale."""
    whole = len(audio) // FRAME
    frames = audio[: whole * FRAME].reshape(whole, FRAME).astype(np.float32) / 32_768.0
    return np.asarray(np.einsum("ij,ij->i", frames, frames) / FRAME, dtype=np.float32)


def speech_level_dbfs(power: Power, voice: Voice) -> float:
    """Level of the frames in which somebody speaks."""
    spoken = power[voice[: len(power)] >= SPEECH_STARTS]
    return 10 * float(np.log10(max(float(spoken.mean(dtype=np.float64)), 1e-12))) if len(spoken) else QUIETEST_DBFS
