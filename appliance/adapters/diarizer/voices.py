"""The vector of a voice: CAM++ in onnxruntime over Kaldi filter banks.

Wang et al., "CAM++: a fast and efficient network for speaker verification using context-aware masking", Interspeech
2023. Kept in fp32: half precision merges people.
"""

from pathlib import Path

import kaldi_native_fbank
import numpy as np
import numpy.typing as npt

from appliance.adapters.diarizer.segmentation import SAMPLE_RATE, Network
from appliance.meetings.ports import Samples

MEL_BINS = 80
DIMENSIONS = 192
SHORTEST_FRAMES = 10
"""Filter bank frames (10 ms each) below which there is nothing to hear."""

Vector = npt.NDArray[np.float32]


class Voices:
    """The network, loaded once; safe to use from several threads."""

    def __init__(self, path: Path, *, threads: int) -> None:
        self._network = Network(path, threads=threads)

    def __call__(self, speech: Samples) -> Vector | None:
        """The voice in ``speech``, as a vector of length one; None when it is too short."""
        features = filter_bank(speech)
        if len(features) < SHORTEST_FRAMES:
            return None
        vector: Vector = self._network(features[np.newaxis])[0]
        return vector / max(float(np.linalg.norm(vector)), 1e-9)


def filter_bank(speech: Samples) -> npt.NDArray[np.float32]:
    """80 log mel bins every 10 ms, each bin's mean taken off: (frames, 80)."""
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.samp_freq = SAMPLE_RATE
    options.frame_opts.dither = 0.0
    options.mel_opts.num_bins = MEL_BINS
    bank = kaldi_native_fbank.OnlineFbank(options)
    bank.accept_waveform(SAMPLE_RATE, (speech.astype(np.float32) / 32_768.0).tolist())
    bank.input_finished()
    frames = [bank.get_frame(number) for number in range(bank.num_frames_ready)]
    if not frames:
        return np.zeros((0, MEL_BINS), dtype=np.float32)
    features = np.array(frames, dtype=np.float32)
    features -= features.mean(axis=0)
    return features
