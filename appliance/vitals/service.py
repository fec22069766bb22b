"""Take one look at everything that the display shows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from appliance.kernel.clock import Clock
from appliance.vitals.model import Glance, Measurement, Place, with_trend
from appliance.vitals.ports import Gauges, Sources
from appliance.vitals.ring import Ring, publish

GLANCE_FILE: Final = Path("/run/hangjegyzet-vitals/glance.json")
"""Readable by everybody on the machine, because the display's process is nobody."""
RING_FILE: Final = Path("/var/lib/hangjegyzet-vitals/ring.json")


class VitalsService:
    """How the machine is, and how it has been.

    Args:
        version: of the release that runs.
        ring: where measurements are kept.
    """

    def __init__(self, *, gauges: Gauges, sources: Sources, ring: Ring, clock: Clock, version: str) -> None:
        self._gauges = gauges
        self._sources = sources
        self._ring = ring
        self._clock = clock
        self._version = version

    def look(self) -> Glance:
        """Everything, now; trends from what was measured before."""
        return self._glance(self._ring.read())

    def place(self) -> Place:
        """Where the machine is found, and nothing else: it costs little."""
        return self._gauges.place()

    def record(self, file: Path) -> Glance:
        """Look, keep the measurement if it is time for one, and publish the glance in ``file``."""
        free = {volume.path: volume.free_bytes for volume in self._gauges.volumes()}
        glance = self._glance(self._ring.add(Measurement(self._clock.now(), free)))
        publish(file, glance, mode=0o644)
        return glance

    def _glance(self, history: Sequence[Measurement]) -> Glance:
        total, available = self._gauges.memory()
        up_s, load = self._gauges.up_and_load()
        return Glance(
            at=self._clock.now(),
            version=self._version,
            place=self._gauges.place(),
            up_s=up_s,
            load=load,
            memory_total_bytes=total,
            memory_free_bytes=available,
            checks=tuple(self._sources.checks()),
            volumes=tuple(with_trend(volume, history) for volume in self._gauges.volumes()),
            gpus=tuple(self._gauges.gpus()),
            queue=self._sources.queue(),
            restore_proven_at=self._sources.restore_proven_at(),
        )


def published(file: Path = GLANCE_FILE) -> Glance | None:
    """What was published last; nothing where nobody has."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Glance)
    except (OSError, msgspec.MsgspecError):
        return None
