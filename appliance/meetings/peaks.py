"""The waveform that the portal draws, so that no browser decodes a three-hour file; and how loud a recording is."""

import math

import numpy as np
import numpy.typing as npt

from appliance.meetings.errors import Silent, ZeroLength
from appliance.meetings.model import SAMPLE_RATE

PEAK_WINDOW_S = 0.05
"""One number of the waveform; 4.5 hours make 324 kB."""

PEAKS_DOCUMENT = "peaks"

SILENCE_DBFS = -60.0
"""An unplugged or muted input stays below this; the quietest of seven far-field excerpts (AMI) reached -29.5."""

_SUSTAINED_S = 0.25
"""A click of the plug is louder than silence, but shorter than a syllable."""

_SHORTEST_S = 0.1
"""Shorter than any sound of speech."""

_QUIETEST_TOLD_DBFS = -120.0
"""Digital silence is minus infinity; people get a number."""

_WINDOW = int(PEAK_WINDOW_S * SAMPLE_RATE)
_FULL_SCALE = 32768


class PeakMeter:
    """Takes sound block by block and remembers how loud each twentieth of a second was."""

    def __init__(self) -> None:
        self._windows: list[npt.NDArray[np.int32]] = []
        self._rest: npt.NDArray[np.int32] = np.zeros(0, np.int32)
        self.samples = 0

    def add(self, block: npt.NDArray[np.int16]) -> None:
        """Go on with ``block``, mono at 16 kHz."""
        self.samples += len(block)
        # int32, because the loudest int16 has no positive counterpart
        loudness = np.concatenate([self._rest, np.abs(block.astype(np.int32))])
        whole = len(loudness) // _WINDOW * _WINDOW
        if whole:
            self._windows.append(loudness[:whole].reshape(-1, _WINDOW).max(axis=1))
        self._rest = loudness[whole:]

    @property
    def duration_s(self) -> float:
        """Length of the sound so far."""
        return self.samples / SAMPLE_RATE

    def peaks(self) -> bytes:
        """The waveform: one signed byte per ``PEAK_WINDOW_S``, 0 to 127."""
        return (self._all() * 127 // _FULL_SCALE).astype(np.int8).tobytes()

    def loudness_dbfs(self) -> float:
        """The level that a quarter of a second in total reaches, in dB below full scale; minus infinity for zeros."""
        loudest = np.sort(self._all())[::-1]
        if not len(loudest):
            return -math.inf
        level = int(loudest[min(len(loudest), round(_SUSTAINED_S / PEAK_WINDOW_S)) - 1])
        return 20 * math.log10(level / _FULL_SCALE) if level else -math.inf

    def require_sound(self) -> None:
        """Go on only with a recording in which there is something to hear.

        Raises:
            ZeroLength: it lasts no longer than a click.
            Silent: nothing in it is louder than an input to which nothing is plugged.
        """
        if self.duration_s < _SHORTEST_S:
            raise ZeroLength(duration_s=self.duration_s)
        loudness = self.loudness_dbfs()
        if loudness < SILENCE_DBFS:
            raise Silent(peak_dbfs=-max(loudness, _QUIETEST_TOLD_DBFS))

    def _all(self) -> npt.NDArray[np.int32]:
        last = [self._rest.max(keepdims=True)] if len(self._rest) else []
        return np.concatenate([*self._windows, *last]) if self._windows or last else np.zeros(0, np.int32)
