"""Speech from Debian's synthesizers, as 16 kHz mono samples."""

import subprocess
import tempfile
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 16_000
PEAK = 0.6
STRETCH = 0.93
"""flite speaks a little slowly; people in a meeting do not."""

Audio = npt.NDArray[np.float32]


class SynthesizerMissing(Exception):
    """The distribution's synthesizer is not installed."""

    def __init__(self, program: str) -> None:
        super().__init__(f"{program} is missing: apt-get install flite espeak-ng")


def speak(text: str, *, synthesizer: str, voice: str) -> Audio:
    """What ``voice`` makes of ``text``, without silence around it and at an even loudness.

    Raises:
        SynthesizerMissing: flite or espeak-ng is not installed.
    """
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "speech.wav"
        command = {
            "flite": ["flite", "-voice", voice, "--setf", f"duration_stretch={STRETCH}", "-t", text, "-o", str(target)],
            "espeak-ng": ["espeak-ng", "-v", voice, "-s", "165", "-w", str(target), text],
        }[synthesizer]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except FileNotFoundError as error:
            raise SynthesizerMissing(synthesizer) from error
        spoken = _trim(_read(target))
    return np.asarray((spoken * (PEAK / np.quantile(np.abs(spoken), 0.999))).clip(-0.95, 0.95), dtype=np.float32)


def _read(path: Path) -> Audio:
    resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    with av.open(str(path)) as container:
        frames = [piece for frame in container.decode(audio=0) for piece in resampler.resample(frame)]
        frames += resampler.resample(None)
    pcm = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    return np.asarray(pcm, dtype=np.float32) / np.float32(32768)


def _trim(samples: Audio) -> Audio:
    loud = np.flatnonzero(np.abs(samples) > 0.01 * np.abs(samples).max())
    edge = SAMPLE_RATE // 50
    return samples[max(0, loud[0] - edge) : loud[-1] + edge]
