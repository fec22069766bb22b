"""How long work will take, from what steps cost on this machine before: no history, no estimate. Pure rules."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

ENOUGH = 3
"""Runs of a step before its cost is believed."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What one step usually costs."""

    s_per_audio_s: float
    runs: int

    @property
    def is_learned(self) -> bool:
        """Whether there were enough runs to say so."""
        return self.runs >= ENOUGH


def learn(samples: Sequence[tuple[float, float]]) -> Pace | None:
    """The pace of a step from pairs of audio seconds and work seconds.

    The median, so that one run beside a heavy neighbour, or from a cold disk, does not spoil it.
    """
    ratios = [work_s / audio_s for audio_s, work_s in samples if audio_s > 0]
    return Pace(median(ratios), len(ratios)) if ratios else None


def step_eta_s(expected_s: float | None, *, progress: float, progress_from: float, elapsed_s: float) -> float | None:
    """Seconds of work left in a step.

    Args:
        expected_s: what the whole step usually takes with a recording of this length; nothing where not learned.
        progress: 0 to 1, now; ``progress_from`` where this attempt took it up.
        elapsed_s: seconds of this attempt.

    Trust moves from history to this very run as the run goes on.
    """
    if expected_s is None:
        return None
    left = 1.0 - progress
    achieved = progress - progress_from
    if achieved <= 0:
        return expected_s * left
    measured_s = elapsed_s / achieved
    return left * ((1 - progress) * expected_s + progress * measured_s)


def shares(expected_s: Mapping[str, float | None]) -> dict[str, float]:
    """Each step's part of the whole, adding up to 1; equal parts as long as one of them is unknown."""
    known = [value for value in expected_s.values() if value is not None]
    total = sum(known)
    if len(known) < len(expected_s) or total <= 0:
        return dict.fromkeys(expected_s, 1 / len(expected_s)) if expected_s else {}
    return {name: (value or 0.0) / total for name, value in expected_s.items()}


def longest_way_s(
    names: Sequence[str], needs: Callable[[str], Sequence[str]], left_s: Mapping[str, float | None]
) -> float | None:
    """Seconds until the last step is done when independent steps run side by side; nothing if one is unknown.

    Args:
        names: the steps in an order in which each comes after those that it needs.
    """
    ends: dict[str, float] = {}
    for name in names:
        left = left_s[name]
        if left is None:
            return None
        ends[name] = left + max((ends[need] for need in needs(name)), default=0.0)
    return max(ends.values(), default=0.0)
