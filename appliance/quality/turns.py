"""How well it is known who spoke when: diarization error rate, and words given to the right speaker.

DER = (missed speech + false alarm + confusion) / speech of the reference, under the one-to-one naming of speakers that
confuses least. The collar (seconds around each reference boundary that are not scored, on each side) and whether
overlapped speech is scored are part of the result (NIST RT-09 evaluation plan, section 6).
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment


@dataclass(frozen=True, slots=True)
class SpokenTurn:
    """Somebody speaks from one moment to another."""

    start_s: float
    end_s: float
    speaker: Hashable


@dataclass(frozen=True, slots=True)
class DiarizationError:
    """Seconds of each kind of error, and under which rules they were counted."""

    missed_s: float
    false_alarm_s: float
    confusion_s: float
    speech_s: float
    collar_s: float
    overlap_scored: bool

    @property
    def rate(self) -> float:
        """Wrong seconds per second of reference speech."""
        wrong_s = self.missed_s + self.false_alarm_s + self.confusion_s
        return wrong_s / self.speech_s if self.speech_s else float(wrong_s > 0)


def diarization_error(
    reference: Iterable[SpokenTurn],
    hypothesis: Iterable[SpokenTurn],
    *,
    collar_s: float = 0.0,
    score_overlap: bool = True,
) -> DiarizationError:
    """DER over exact boundaries, without a frame grid."""
    true, found = list(reference), list(hypothesis)
    edges = _edges(true, found, collar_s)
    lengths = np.diff(edges)
    middles = (edges[:-1] + edges[1:]) / 2
    real, heard = _activity(true, middles), _activity(found, middles)
    lengths = lengths * _scored(true, middles, collar_s, real, score_overlap=score_overlap)
    shared = (real * lengths) @ heard.T
    rows, columns = linear_sum_assignment(shared, maximize=True) if shared.size else ((), ())
    hits = sum((real[row] * heard[column] for row, column in zip(rows, columns, strict=True)), np.zeros(len(lengths)))
    speakers, voices = real.sum(axis=0), heard.sum(axis=0)
    return DiarizationError(
        missed_s=float(lengths @ np.maximum(speakers - voices, 0)),
        false_alarm_s=float(lengths @ np.maximum(voices - speakers, 0)),
        confusion_s=float(lengths @ (np.minimum(speakers, voices) - hits)),
        speech_s=float(lengths @ speakers),
        collar_s=collar_s,
        overlap_scored=score_overlap,
    )


def best_naming(reference: Iterable[SpokenTurn], hypothesis: Iterable[SpokenTurn]) -> dict[Hashable, Hashable]:
    """Which reference speaker each found speaker is, one to one, by the most shared time."""
    true, found = list(reference), list(hypothesis)
    edges = _edges(true, found, 0.0)
    middles = (edges[:-1] + edges[1:]) / 2
    shared = (_activity(true, middles) * np.diff(edges)) @ _activity(found, middles).T
    if not shared.size:
        return {}
    rows, columns = linear_sum_assignment(shared, maximize=True)
    names, labels = _speakers(true), _speakers(found)
    return {labels[column]: names[row] for row, column in zip(rows, columns, strict=True) if shared[row, column] > 0}


def word_speaker_accuracy(
    reference: Sequence[SpokenTurn], words: Sequence[tuple[float, float, Hashable]]
) -> tuple[float, int]:
    """Share of words given to who really spoke at their middle, and how many words that is.

    Words whose middle lies in no reference turn are not counted. ``words`` are (start, end, found speaker); a word
    without a speaker (None) counts as wrong. Found speakers are named by ``best_naming`` over the words.
    """
    spoken = [SpokenTurn(start, max(end, start + 0.01), who) for start, end, who in words if who is not None]
    naming = best_naming(reference, spoken)
    right = counted = 0
    for start, end, who in words:
        middle = (start + end) / 2
        if real := {turn.speaker for turn in reference if turn.start_s <= middle <= turn.end_s}:
            counted += 1
            right += naming.get(who) in real
    return (right / counted if counted else 0.0), counted


def read_rttm(text: str) -> list[SpokenTurn]:
    """The turns of an RTTM file."""
    rows = [line.split() for line in text.splitlines() if line.startswith("SPEAKER")]
    return [SpokenTurn(float(row[3]), float(row[3]) + float(row[4]), row[7]) for row in rows]


def _speakers(turns: Iterable[SpokenTurn]) -> list[Hashable]:
    return list(dict.fromkeys(turn.speaker for turn in turns))


def _edges(true: list[SpokenTurn], found: list[SpokenTurn], collar_s: float) -> npt.NDArray[np.float64]:
    marks = {moment for turn in true + found for moment in (turn.start_s, turn.end_s)}
    marks |= {moment + side for turn in true for moment in (turn.start_s, turn.end_s) for side in (-collar_s, collar_s)}
    return np.array(sorted(marks))


def _activity(turns: list[SpokenTurn], moments: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Rows of 0 and 1: does this speaker speak at that moment?"""
    speakers = _speakers(turns)
    active = np.zeros((len(speakers), len(moments)))
    for turn in turns:
        active[speakers.index(turn.speaker), (moments > turn.start_s) & (moments < turn.end_s)] = 1.0
    return active


def _scored(
    true: list[SpokenTurn],
    moments: npt.NDArray[np.float64],
    collar_s: float,
    real: npt.NDArray[np.float64],
    *,
    score_overlap: bool,
) -> npt.NDArray[np.float64]:
    scored = np.ones(len(moments))
    for turn in true:
        for edge in (turn.start_s, turn.end_s):
            scored[np.abs(moments - edge) < collar_s] = 0.0
    if not score_overlap:
        scored[real.sum(axis=0) > 1] = 0.0
    return scored
