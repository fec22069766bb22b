"""Recordings as plain sound, decoded once for all steps of a process that need it at the same time."""

import threading
from collections.abc import Iterable, Iterator
from weakref import WeakValueDictionary

import numpy as np

from appliance.jobs.context import StepContext
from appliance.kernel.ids import MeetingId
from appliance.meetings.model import SAMPLE_RATE
from appliance.meetings.ports import MediaDecoder, Samples
from appliance.meetings.recordings import RecordingFiles

_SPARE_S = 2.0


class Sounds:
    """Hands out the sound of a meeting's recording.

    The steps that hear words and voices run side by side in one process: the second one gets the array of the first.
    Nothing is kept once nobody uses it.
    """

    def __init__(self, files: RecordingFiles, decoder: MediaDecoder) -> None:
        self._files = files
        self._decoder = decoder
        self._lock = threading.Lock()
        self._in_use: WeakValueDictionary[MeetingId, Samples] = WeakValueDictionary()

    def of(self, ctx: StepContext) -> Samples:
        """The whole recording of the job's meeting: mono int16 at 16 kHz.

        Raises:
            NoRecording, KeyDestroyed, BlobMissing: there is nothing to open.
            MediaRefused: it cannot be decoded, although it could once.
        """
        with self._lock:
            sound = self._in_use.get(ctx.meeting_id)
            if sound is None:
                sound = self._decode(ctx)
                self._in_use[ctx.meeting_id] = sound
            return sound

    def _decode(self, ctx: StepContext) -> Samples:
        with ctx.transaction() as tx:
            source = self._files.source(tx, ctx.meeting_id)
        with source:
            blocks = self._decoder.decode(source)
            return gather(_still_wanted(blocks, ctx), expected_s=ctx.job.audio_s)


def gather(blocks: Iterable[Samples], *, expected_s: float | None = None) -> Samples:
    """Blocks as one array, without holding everything twice where the length is known beforehand."""
    sound = np.empty(round(((expected_s or 0.0) + _SPARE_S) * SAMPLE_RATE), dtype=np.int16)
    end = 0
    for block in blocks:
        if end + len(block) > len(sound):
            more = np.empty(max(len(block), end // 2) + 1, dtype=np.int16)
            sound = np.concatenate((sound[:end], more))
        sound[end : end + len(block)] = block
        end += len(block)
    return sound[:end]


def _still_wanted(blocks: Iterable[Samples], ctx: StepContext) -> Iterator[Samples]:
    """The same blocks, as long as the step is ours and nobody cancelled it."""
    for block in blocks:
        ctx.progress(0.0)
        yield block
