"""Recordings as plain sound, in memory only, and never more of it than a window of fixed size."""

import threading
from collections.abc import Callable, Generator
from functools import partial
from typing import Final
from weakref import WeakValueDictionary

import numpy as np

from appliance.jobs.context import StepContext
from appliance.kernel.ids import MeetingId
from appliance.meetings.model import SAMPLE_RATE
from appliance.meetings.ports import MediaDecoder, Samples, Sound
from appliance.meetings.recordings import RecordingFiles

WINDOW: Final = 600 * SAMPLE_RATE
"""Samples that one reader holds: ten minutes, 19 MB."""

_NOTHING: Final = np.zeros(0, dtype=np.int16)


class RecordedSound:
    """The sound of a recording, decoded as it is read: a ``Sound`` that holds at most ``window`` samples.

    Reading forwards costs one decoding, however long the recording. Whoever goes back further than the window makes it
    decode again from the start: no format can be trusted to be cut at a sample. A recording that fits into the window
    is held whole after its first reading. Safe to read from several threads.

    Args:
        decode: starts decoding from the beginning.
        length: samples of the whole recording, as they were counted once; unset counts them at the first need. Should
            another decoder find fewer, the end is silence; should it find more, they are left out.
        window: samples to hold.
    """

    def __init__(
        self, decode: Callable[[], Generator[Samples]], *, length: int | None = None, window: int = WINDOW
    ) -> None:
        self._decode = decode
        self._length = length
        self._lock = threading.RLock()
        # A ring: sample n of the recording lies at n modulo its length. Memory is taken as it is written to.
        self._ring = np.empty(window if length is None else min(window, max(length, 1)), dtype=np.int16)
        self._blocks: Generator[Samples] | None = None
        self._rest = _NOTHING
        self._end = 0

    def __len__(self) -> int:
        """Samples of the whole recording."""
        with self._lock:
            if self._length is None:
                self.hold()
            return self._end if self._length is None else self._length

    def __getitem__(self, stretch: slice, /) -> Samples:
        """A copy of the samples in ``stretch``, which is at most three fifths of the window long.

        Raises:
            ValueError: it is longer, or leaves samples out.
            MediaRefused: it cannot be decoded, although it could once.
        """
        start, stop, step = stretch.indices(len(self))
        if step != 1 or (stop - start > len(self._ring) * 3 // 5 and not self.is_short):
            raise ValueError(f"{stretch} of {len(self)} samples is no stretch that can be held")
        if stop <= start:
            return _NOTHING
        with self._lock:
            if self._blocks is None or start < self._end - len(self._ring):
                self._rewind()
            self._read_until(stop)
            found = self._copy(start, min(stop, self._end))
        return found if len(found) == stop - start else np.pad(found, (0, stop - start - len(found)))

    @property
    def is_short(self) -> bool:
        """Whether all of it fits into the window."""
        return len(self) <= len(self._ring)

    def hold(self, still_wanted: Callable[[], None] = lambda: None) -> None:
        """Read to the end; a short recording is in memory afterwards, and the length is known.

        Args:
            still_wanted: asked again and again; what it raises ends the reading.
        """
        with self._lock:
            self._rewind()
            while self._read_block():
                still_wanted()
            if self._length is None:
                self._length = self._end

    def close(self) -> None:
        """Let go of the decoder; the next reading starts it again."""
        with self._lock:
            if self._blocks is not None:
                self._blocks.close()
            self._blocks, self._rest, self._end = None, _NOTHING, 0

    def _rewind(self) -> None:
        self.close()
        self._blocks = self._decode()

    def _read_until(self, stop: int) -> None:
        while self._end < stop and self._read_block():
            pass

    def _read_block(self) -> bool:
        """Take one more block in, or as much of it as leaves what is being read in the window; false at the end."""
        if not len(self._rest):
            block = None if self._blocks is None else next(self._blocks, None)
            if block is None:
                return False
            self._rest = block if self._length is None else block[: self._length - self._end]
        most = len(self._ring) // 5 + 1
        self._put(self._rest[:most])
        self._rest = self._rest[most:]
        return True

    def _put(self, piece: Samples) -> None:
        at = self._end % len(self._ring)
        fitting = min(len(piece), len(self._ring) - at)
        self._ring[at : at + fitting] = piece[:fitting]
        self._ring[: len(piece) - fitting] = piece[fitting:]
        self._end += len(piece)

    def _copy(self, start: int, stop: int) -> Samples:
        at, length = start % len(self._ring), max(0, stop - start)
        if at + length <= len(self._ring):
            return self._ring[at : at + length].copy()
        return np.concatenate((self._ring[at:], self._ring[: at + length - len(self._ring)]))


class Sounds:
    """Hands out the sound of a meeting's recording.

    The steps that hear words and voices run side by side in one process. A short recording is decoded once and shared,
    until nobody uses it any more; each reader of a long one goes through it at its own pace.
    """

    def __init__(self, files: RecordingFiles, decoder: MediaDecoder, *, window: int = WINDOW) -> None:
        self._files = files
        self._decoder = decoder
        self._window = window
        self._lock = threading.Lock()
        self._held: WeakValueDictionary[MeetingId, RecordedSound] = WeakValueDictionary()

    def of(self, ctx: StepContext) -> Sound:
        """The recording of the job's meeting: mono int16 at 16 kHz.

        Raises:
            NoRecording, KeyDestroyed, BlobMissing: there is nothing to open.
            MediaRefused: it cannot be decoded, although it could once.
        """
        with self._lock:
            sound = self._held.get(ctx.meeting_id)
            if sound is None:
                audio_s = ctx.job.audio_s
                length = None if audio_s is None else round(audio_s * SAMPLE_RATE)
                sound = RecordedSound(partial(self._decode, ctx), length=length, window=self._window)
                if sound.is_short:
                    # Now, because later the step whose context this is may be over while the other one still reads.
                    sound.hold(partial(ctx.progress, 0.0))
                    self._held[ctx.meeting_id] = sound
            return sound

    def _decode(self, ctx: StepContext) -> Generator[Samples]:
        with ctx.transaction() as tx:
            source = self._files.source(tx, ctx.meeting_id)
        with source:
            yield from self._decoder.decode(source)
