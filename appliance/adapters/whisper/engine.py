"""``SpeechToText`` by faster-whisper: Whisper in CTranslate2, Silero's voice detector in onnxruntime."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import structlog
from faster_whisper import BatchedInferencePipeline, WhisperModel
from faster_whisper.vad import get_vad_model

from appliance.adapters.allocator import FreedMemory
from appliance.adapters.whisper.device import Device, no_room_after_all, weights_bytes
from appliance.meetings.ports import Samples
from appliance.transcripts.errors import UnknownLanguage
from appliance.transcripts.model import Word
from appliance.transcripts.ports import Decoded, Hints, Voice

SAMPLE_RATE = 16_000
VOICE_SAMPLES = 512
BEAM = 5
UNSPACED = frozenset({"zh", "ja", "th", "lo", "my", "yue"})
"""Languages written without spaces, in which every piece is a word of its own."""

logging.getLogger("faster_whisper").setLevel(logging.ERROR)
log = structlog.get_logger()


class WhisperSpeech:
    """Hears words; loaded once per process, used by one thread at a time.

    Args:
        path: folder of a Whisper model converted for CTranslate2.
        model: what the record calls the weights.
        device: where and in which precision to compute.
        batch: clips decoded together.

    Raises:
        NotEnoughMemory: somebody took the GPU's memory after it was measured.
    """

    name = "faster-whisper"
    longest_clip_s = 28.0

    def __init__(self, path: Path, *, model: str, device: Device, batch: int = 4) -> None:
        self.model = model
        self.batch = batch
        self.device = device
        try:
            self._whisper = WhisperModel(
                str(path),
                device=device.kind,
                compute_type=device.compute_type,
                cpu_threads=device.threads,
                local_files_only=True,
            )
        except RuntimeError as error:
            if refusal := no_room_after_all(error, weights_bytes(path), device):
                raise refusal from error
            raise
        self._pipeline = BatchedInferencePipeline(self._whisper)  # type: ignore[no-untyped-call]  # the package has no types
        self._voice = get_vad_model()
        self._freed = FreedMemory()

    def voice(self, audio: Samples) -> Voice:
        """How likely somebody speaks; see ``transcripts.ports.SpeechToText``."""
        if not len(audio):
            return np.zeros(0, dtype=np.float32)
        padded = np.pad(_float(audio), (0, -len(audio) % VOICE_SAMPLES))
        return np.asarray(self._voice(padded), dtype=np.float32).reshape(-1)

    def languages(self, clip: Samples) -> Mapping[str, float]:
        """Probability of each language in one clip."""
        if not self._whisper.model.is_multilingual:
            return {"en": 1.0}
        _, _, probabilities = self._whisper.detect_language(_float(clip))
        return dict(probabilities)

    def decode(self, clips: Sequence[Samples], hints: Hints) -> list[Decoded]:
        """The words of each clip, all decoded together with beam search."""
        ends = np.cumsum([len(clip) for clip in clips]) / SAMPLE_RATE
        starts = [0.0, *ends[:-1]]
        segments, _ = self._pipeline.transcribe(
            _float(np.concatenate(clips)),
            clip_timestamps=[{"start": start, "end": end} for start, end in zip(starts, ends, strict=True)],
            batch_size=len(clips),
            **self._options(hints),
        )
        found: list[list[Any]] = [[] for _ in clips]
        for segment in segments:
            at = int(np.searchsorted(ends, segment.seek / 100 + 0.02, side="right"))
            found[min(at, len(clips) - 1)].append(segment)
        self._freed.give_back()
        spaced = hints.language not in UNSPACED
        return [
            _decoded(parts, offset_s=float(start), spaced=spaced) for parts, start in zip(found, starts, strict=True)
        ]

    def decode_carefully(self, clip: Samples, hints: Hints) -> Decoded:
        """The words of one clip by sequential decoding, with rising temperature while the result is poor."""
        segments, _ = self._whisper.transcribe(
            _float(clip), condition_on_previous_text=False, vad_filter=False, **self._options(hints)
        )
        return _decoded(list(segments), offset_s=0.0, spaced=hints.language not in UNSPACED)

    def _options(self, hints: Hints) -> dict[str, Any]:
        if hints.language not in self._whisper.supported_languages:
            raise UnknownLanguage(language=hints.language)
        return {
            "language": hints.language,
            "task": "transcribe",
            "beam_size": BEAM,
            "word_timestamps": True,
            "hotwords": self._hotwords(hints.vocabulary),
        }

    def _hotwords(self, vocabulary: Sequence[str]) -> str | None:
        """The vocabulary as a prompt: as many whole words, in order, as fit. The library would cut within one."""
        most = self._whisper.max_length // 2 - 1
        kept = list(vocabulary)
        while kept and len(self._whisper.hf_tokenizer.encode(" " + ", ".join(kept), add_special_tokens=False)) > most:
            kept.pop()
        if len(kept) < len(vocabulary):
            log.warning("vocabulary_shortened", words=len(vocabulary), kept=len(kept))
        return ", ".join(kept) or None


def _float(audio: Samples) -> npt.NDArray[np.float32]:
    return audio.astype(np.float32) / 32_768.0


def _decoded(segments: Sequence[Any], *, offset_s: float, spaced: bool) -> Decoded:
    """Segments of one clip as one decoding; doubts are weighed by tokens."""
    if not segments:
        return Decoded((), logprob=0.0, no_speech=1.0)
    tokens = [max(1, len(segment.tokens)) for segment in segments]
    return Decoded(
        tuple(_words([word for segment in segments for word in segment.words or ()], offset_s, spaced=spaced)),
        logprob=float(np.average([segment.avg_logprob for segment in segments], weights=tokens)),
        no_speech=float(np.average([segment.no_speech_prob for segment in segments], weights=tokens)),
    )


def _words(found: Sequence[Any], offset_s: float, *, spaced: bool) -> list[Word]:
    """Words as people write them: what the engine writes without a space before it ("12" ",000") belongs together."""
    words: list[Word] = []
    for piece in found:
        text, start_s, end_s = piece.word.strip(), float(piece.start) - offset_s, float(piece.end) - offset_s
        probability = float(piece.probability)
        if not text:
            continue
        if spaced and words and not piece.word[0].isspace():
            before = words.pop()
            text, probability = before.text + text, min(before.probability, probability)
            start_s = before.start_s
        words.append(
            Word(
                start_s=round(max(0.0, start_s), 3),
                end_s=round(max(0.0, end_s), 3),
                text=text,
                probability=round(probability, 4),
            )
        )
    return words
