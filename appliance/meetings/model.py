"""Meetings and recordings: values and rules."""

from dataclasses import dataclass

SAMPLE_RATE = 16_000
"""Samples per second of every sound inside the appliance; what speech models are trained on."""


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What a file turned out to be, whatever its name says.

    ``duration_s`` is what the container declares, None when it declares nothing (live-recorded webm).
    """

    duration_s: float | None
    container: str
    codec: str
    channels: int
    sample_rate: int
    has_video: bool
