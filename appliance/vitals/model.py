"""What a display shows at a glance, and how long the space will last: plain values, pure functions."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from appliance.health.model import Severity

HISTORY_NEEDED: Final = timedelta(days=1)
"""A trend of less than a day says what happened that day, and nothing about the next."""
FAR: Final = timedelta(days=3650)
"""Whatever lasts ten years needs no date."""


class _Value(msgspec.Struct, frozen=True):
    pass


class Volume(_Value, frozen=True):
    """One file system that the appliance writes to; ``days_left`` is empty where nothing fills it, or too little is
    known."""

    path: str
    total_bytes: int
    free_bytes: int
    days_left: float | None = None
    has_history: bool = False
    """Whether enough was measured for ``days_left`` to mean that nothing fills it."""

    @property
    def used_share(self) -> float:
        """0 to 1."""
        return 1 - self.free_bytes / max(self.total_bytes, 1)


class Gpu(_Value, frozen=True):
    """One graphics processor, as its driver tells it."""

    name: str
    total_bytes: int
    used_bytes: int
    busy_share: float | None = None
    temperature_c: float | None = None


class CheckGlance(_Value, frozen=True):
    """A check's verdict without its words, which may name things that are nobody's business in front of the machine."""

    id: str
    title: str
    severity: Severity


class QueueGlance(_Value, frozen=True):
    """How much work waits, of nobody in particular."""

    waiting: int
    longest_wait_s: float
    given_up: int


class Place(_Value, frozen=True):
    """Where the portal is found, and by what it is recognised; ``fingerprint`` is empty until it has a certificate."""

    host_name: str
    address: str
    """What people type."""
    interfaces: tuple[str, ...]
    """Every address of the machine, as ``name address``."""
    fingerprint: str = ""
    certificate_until: datetime | None = None


class Glance(_Value, frozen=True, kw_only=True):
    """Everything that anybody may see who stands in front of the machine: no person, no meeting, no file."""

    at: datetime
    version: str
    place: Place
    up_s: float
    load: float
    """Runnable processes per core, over five minutes: 1.0 is a machine with nothing to spare."""
    memory_total_bytes: int
    memory_free_bytes: int
    checks: tuple[CheckGlance, ...]
    volumes: tuple[Volume, ...]
    gpus: tuple[Gpu, ...]
    queue: QueueGlance | None
    """Nothing while the database does not answer."""
    restore_proven_at: datetime | None = None
    """When a backup was last restored and compared."""

    @property
    def severity(self) -> Severity:
        """The worst verdict."""
        return max((check.severity for check in self.checks), key=lambda one: one.rank, default=Severity.UNKNOWN)


class Measurement(_Value, frozen=True):
    """Free bytes by file system at one moment."""

    at: datetime
    free_bytes: Mapping[str, int]


def days_left(history: Iterable[Measurement], path: str) -> float | None:
    """When ``path`` will be full if it goes on as in ``history``; nothing where it does not fill, or nobody knows.

    The slope is Theil's and Sen's: the median of the slopes between all pairs, which one deleted meeting or one large
    upload does not move (P. K. Sen, "Estimates of the regression coefficient based on Kendall's tau", 1968).
    """
    known = [(one.at.timestamp(), one.free_bytes[path]) for one in history if path in one.free_bytes]
    if not is_long_enough(known):
        return None
    slope = _median_slope(_thinned(known))
    if slope >= 0:
        return None
    days = known[-1][1] / -slope / 86400
    return days if days < FAR.days else None


def is_long_enough(known: Sequence[tuple[float, int]]) -> bool:
    """Whether measurements span what a trend needs."""
    return len(known) >= 3 and known[-1][0] - known[0][0] >= HISTORY_NEEDED.total_seconds()


def with_trend(volume: Volume, history: Sequence[Measurement]) -> Volume:
    """The volume, with what its history says about its future."""
    known = [(one.at.timestamp(), one.free_bytes[volume.path]) for one in history if volume.path in one.free_bytes]
    return msgspec.structs.replace(volume, days_left=days_left(history, volume.path), has_history=is_long_enough(known))


def _thinned(known: Sequence[tuple[float, int]], most: int = 120) -> Sequence[tuple[float, int]]:
    """Evenly chosen ones: the pairs grow with the square."""
    step = max(1, -(-len(known) // most))
    return known[::step]


def _median_slope(known: Sequence[tuple[float, int]]) -> float:
    slopes = sorted(
        (later[1] - earlier[1]) / (later[0] - earlier[0])
        for number, earlier in enumerate(known)
        for later in known[number + 1 :]
        if later[0] > earlier[0]
    )
    middle = len(slopes) // 2
    return slopes[middle] if len(slopes) % 2 else (slopes[middle - 1] + slopes[middle]) / 2
