"""``SpeakerTurns`` by segmentation, voice vectors and clustering."""

import io
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from appliance.adapters.diarizer.clustering import Seconds, Vectors, VoiceSamples, cluster
from appliance.adapters.diarizer.segmentation import (
    FRAME_STEP,
    FRAMES,
    SAMPLE_RATE,
    VOICES,
    WINDOW,
    Segmentation,
    window_starts,
)
from appliance.adapters.diarizer.timeline import Activity, lay_out
from appliance.adapters.diarizer.voices import DIMENSIONS, Voices
from appliance.meetings.ports import Samples, Sound
from appliance.speakers.model import ANY_NUMBER, SpeakerCount, Turn, numbered_by_appearance
from appliance.speakers.ports import Bookmark

BATCH = 4
"""Windows segmented together."""
SHORTEST_VOICE_S = 0.25
"""Speech below which a local voice gets no vector and no turn."""
ALONE_S = 0.8
"""With this much speech of its own, overlapped speech is left out of a voice's vector."""
SAVE_EVERY_S = 10.0
SAVE_SHARE = 1 / 32
"""A note is written again when it has grown by this much: after hours it holds megabytes."""
PACKED_BYTES = -(-FRAMES * VOICES // 8)


class Findings:
    """What was heard window by window; grows, and can be noted down and taken up again.

    Kept small, because it grows with the recording: eight frames of a voice to a byte, and vectors in half precision,
    which moves the distance of two voices by less than a thousandth. Twelve hours take 24 MB.
    """

    def __init__(self, windows: int) -> None:
        self.done = 0
        self.vectors = np.zeros((windows, VOICES, DIMENSIONS), dtype=np.float16)
        self.seconds = np.zeros((windows, VOICES), dtype=np.float64)
        self._activity = np.zeros((windows, PACKED_BYTES), dtype=np.uint8)

    def add(self, activity: Activity, seconds: Seconds, vectors: Vectors) -> None:
        """What was heard in the next window: (frames, voices), (voices), (voices, dimensions)."""
        self._activity[self.done] = np.packbits(activity)
        self.seconds[self.done], self.vectors[self.done] = seconds, vectors
        self.done += 1

    def activity(self, window: int) -> Activity:
        """Who of three local voices spoke in each frame of a window: (frames, voices)."""
        bits = np.unpackbits(self._activity[window], count=FRAMES * VOICES)
        return bits.reshape(FRAMES, VOICES).astype(np.bool_)

    def note(self) -> bytes:
        """Everything found so far, as bytes; a vector that is not there takes none."""
        file, heard = io.BytesIO(), self.seconds[: self.done]
        np.savez(
            file,
            windows=np.array([len(self.seconds), self.done]),
            activity=self._activity[: self.done],
            vectors=self.vectors[: self.done][heard > 0],
            seconds=heard,
        )
        return file.getvalue()

    def take_up(self, note: bytes) -> None:
        """Go on from a note; one that belongs to another recording or release is ignored."""
        try:
            with np.load(io.BytesIO(note), allow_pickle=False) as kept:
                self._take_up(kept)
        except (ValueError, KeyError, OSError, zipfile.BadZipFile):
            self.done = 0

    def _take_up(self, kept: Mapping[str, npt.NDArray[Any]]) -> None:
        windows, done = (int(number) for number in kept["windows"])
        activity, seconds, vectors = kept["activity"], kept["seconds"], kept["vectors"]
        if windows != len(self.seconds) or activity.shape != (done, PACKED_BYTES) or vectors.dtype != np.float16:
            return
        self._activity[:done], self.seconds[:done] = activity, seconds
        self.vectors[:done][seconds > 0] = vectors
        self.done = done

    def samples(self) -> tuple[VoiceSamples, npt.NDArray[np.int64]]:
        """All vectors in a row, and the (window, voice) that each belongs to."""
        places = np.argwhere(self.seconds > 0)
        windows, voices = places[:, 0], places[:, 1]
        return VoiceSamples(self.vectors[windows, voices], windows, self.seconds[windows, voices]), places


class OnnxSpeakerTurns:
    """Says who spoke when; loaded once per process, usable from several threads.

    Args:
        segmentation, voices: the two networks in ONNX.
        name: what the record calls them.
        threads: CPU threads.
    """

    def __init__(self, segmentation: Path, voices: Path, *, name: str = "onnx", threads: int = 1) -> None:
        self.name = name
        self._segmentation = Segmentation(segmentation, threads=threads)
        self._voices = Voices(voices, threads=threads)

    def turns(
        self,
        audio: Sound,
        *,
        count: SpeakerCount = ANY_NUMBER,
        progress: Callable[[float], None] = lambda _fraction: None,
        bookmark: Bookmark | None = None,
    ) -> tuple[Turn, ...]:
        """Every turn of every speaker; see ``speakers.ports.SpeakerTurns``."""
        if not len(audio):
            return ()
        findings = self._listen(audio, progress, bookmark)
        samples, places = findings.samples()
        people = np.full(findings.seconds.shape, -1, dtype=np.int64)
        people[places[:, 0], places[:, 1]] = cluster(samples, count)
        turns = lay_out(findings.activity, people, duration_s=len(audio) / SAMPLE_RATE)
        progress(1.0)
        return numbered_by_appearance(turns)

    def _listen(self, audio: Sound, progress: Callable[[float], None], bookmark: Bookmark | None) -> Findings:
        starts = window_starts(len(audio))
        findings = Findings(len(starts))
        if bookmark is not None and (note := bookmark.load()):
            findings.take_up(note)
        saved, saved_at = findings.done, time.monotonic()
        while findings.done < len(starts):
            self._hear_batch(audio, starts, findings)
            progress(0.99 * findings.done / len(starts))
            has_grown = findings.done - saved > saved * SAVE_SHARE
            if bookmark is not None and has_grown and time.monotonic() - saved_at > SAVE_EVERY_S:
                bookmark.save(findings.note())
                saved, saved_at = findings.done, time.monotonic()
        return findings

    def _hear_batch(self, audio: Sound, starts: list[int], findings: Findings) -> None:
        batch = starts[findings.done : findings.done + BATCH]
        windows = [audio[start : start + WINDOW] for start in batch]
        for window, activity in zip(windows, self._segmentation(windows), strict=True):
            seconds = np.zeros(VOICES)
            vectors = np.zeros((VOICES, DIMENSIONS), dtype=np.float32)
            for voice in range(VOICES):
                spoken_s, vector = self._vector(window, activity, voice)
                if vector is None:
                    activity[:, voice] = False
                else:
                    seconds[voice], vectors[voice] = spoken_s, vector
            findings.add(activity, seconds, vectors)

    def _vector(
        self, window: Samples, activity: npt.NDArray[np.bool_], voice: int
    ) -> tuple[float, npt.NDArray[np.float32] | None]:
        """Seconds of speech that a local voice's vector rests on, and the vector."""
        speaks = activity[:, voice]
        if speaks.sum() * FRAME_STEP < SHORTEST_VOICE_S * SAMPLE_RATE:
            return 0.0, None
        alone = speaks & (activity.sum(axis=1) == 1)
        chosen = alone if alone.sum() * FRAME_STEP >= ALONE_S * SAMPLE_RATE else speaks
        mask = np.repeat(chosen, FRAME_STEP)
        speech = window[: len(mask)][mask[: len(window)]]
        seconds = len(speech) / SAMPLE_RATE
        return seconds, self._voices(speech)
