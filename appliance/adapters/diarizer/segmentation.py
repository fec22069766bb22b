"""Up to three voices in every ten seconds: pyannote segmentation-3.0 in onnxruntime.

Bredin, "pyannote.audio 2.1 speaker diarization pipeline", Interspeech 2023; Plaquet and Bredin, "Powerset multi-class
cross entropy loss for neural speaker diarization", Interspeech 2023.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from appliance.meetings.ports import Samples

SAMPLE_RATE = 16_000
WINDOW = 10 * SAMPLE_RATE
FRAME_STEP = 270
"""Samples from one output frame to the next."""
FRAME_FIELD = 991
"""Samples that one output frame sees."""
FRAMES = 589
"""Output frames of one window."""
WINDOW_STEP = 148 * FRAME_STEP
"""Samples from one window to the next: about 2.5 s, a whole number of frames so that windows lie on one grid."""
VOICES = 3

# The seven classes of the powerset: nobody, one of three, two of three at once.
_POWERSET = np.array(
    [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]], dtype=np.bool_
)  # fmt: skip


def frame_time(frame: float) -> float:
    """The second that lies in the middle of a frame of the whole recording."""
    return (frame * FRAME_STEP + FRAME_FIELD / 2) / SAMPLE_RATE


def window_starts(samples: int) -> list[int]:
    """Where the windows begin: the last one reaches the end."""
    count = 1 + max(0, -(-(samples - WINDOW) // WINDOW_STEP))
    return [number * WINDOW_STEP for number in range(count)]


class Segmentation:
    """The network, loaded once; safe to use from several threads."""

    def __init__(self, path: Path, *, threads: int) -> None:
        self._network = Network(path, threads=threads)

    def __call__(self, windows: list[Samples]) -> npt.NDArray[np.bool_]:
        """Who of three local voices speaks in each frame: (windows, frames, voices)."""
        batch = np.zeros((len(windows), 1, WINDOW), dtype=np.float32)
        for row, window in enumerate(windows):
            batch[row, 0, : len(window)] = window
        batch /= 32_768.0
        scores = self._network(batch)
        activity: npt.NDArray[np.bool_] = _POWERSET[scores.argmax(axis=-1)]
        for row, window in enumerate(windows):
            activity[row, len(window) // FRAME_STEP :] = False
        return activity


class Network:
    """A network of one input and one output, on the CPU, whose memory does not outgrow its largest run."""

    def __init__(self, path: Path, *, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def __call__(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """What the network makes of ``batch``."""
        (output,) = self._session.run(None, {"x": batch})
        return np.asarray(output, dtype=np.float32)
