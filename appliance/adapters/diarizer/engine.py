"""``SpeakerTurns`` by segmentation, voice vectors and clustering."""

import io
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from appliance.adapters.diarizer.clustering import VoiceSamples, cluster
from appliance.adapters.diarizer.segmentation import (
    FRAME_STEP,
    FRAMES,
    SAMPLE_RATE,
    VOICES,
    WINDOW,
    Segmentation,
    window_starts,
)
from appliance.adapters.diarizer.timeline import lay_out
from appliance.adapters.diarizer.voices import DIMENSIONS, Voices
from appliance.meetings.ports import Samples
from appliance.speakers.model import ANY_NUMBER, SpeakerCount, Turn, numbered_by_appearance
from appliance.speakers.ports import Bookmark

BATCH = 4
"""Windows segmented together."""
SHORTEST_VOICE_S = 0.25
"""Speech below which a local voice gets no vector and no turn."""
ALONE_S = 0.8
"""With this much speech of its own, overlapped speech is left out of a voice's vector."""
SAVE_EVERY_S = 10.0


class Findings:
    """What was heard window by window; grows, and can be noted down and taken up again."""

    def __init__(self, windows: int) -> None:
        self.done = 0
        self.activity = np.zeros((windows, FRAMES, VOICES), dtype=np.bool_)
        self.vectors = np.zeros((windows, VOICES, DIMENSIONS), dtype=np.float32)
        self.seconds = np.zeros((windows, VOICES), dtype=np.float64)

    def note(self) -> bytes:
        """Everything found so far, as bytes."""
        file = io.BytesIO()
        np.savez(
            file,
            windows=np.array([len(self.activity), self.done]),
            activity=np.packbits(self.activity[: self.done]),
            vectors=self.vectors[: self.done],
            seconds=self.seconds[: self.done],
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
        if windows != len(self.activity) or kept["vectors"].shape != (done, VOICES, DIMENSIONS):
            return
        bits = np.unpackbits(kept["activity"], count=done * FRAMES * VOICES)
        self.activity[:done] = bits.reshape(done, FRAMES, VOICES)
        self.vectors[:done], self.seconds[:done] = kept["vectors"], kept["seconds"]
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
        audio: Samples,
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

    def _listen(self, audio: Samples, progress: Callable[[float], None], bookmark: Bookmark | None) -> Findings:
        starts = window_starts(len(audio))
        findings = Findings(len(starts))
        if bookmark is not None and (note := bookmark.load()):
            findings.take_up(note)
        saved_at = time.monotonic()
        while findings.done < len(starts):
            self._hear_batch(audio, starts, findings)
            progress(0.99 * findings.done / len(starts))
            if bookmark is not None and time.monotonic() - saved_at > SAVE_EVERY_S:
                bookmark.save(findings.note())
                saved_at = time.monotonic()
        return findings

    def _hear_batch(self, audio: Samples, starts: list[int], findings: Findings) -> None:
        batch = starts[findings.done : findings.done + BATCH]
        windows = [audio[start : start + WINDOW] for start in batch]
        activity = self._segmentation(windows)
        for row, window in enumerate(windows):
            number = findings.done + row
            for voice in range(VOICES):
                seconds, vector = self._vector(window, activity[row], voice)
                if vector is None:
                    activity[row, :, voice] = False
                else:
                    findings.seconds[number, voice], findings.vectors[number, voice] = seconds, vector
            findings.activity[number] = activity[row]
        findings.done += len(batch)

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
