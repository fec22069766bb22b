"""What the room needs from the machine."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from appliance.vitals.model import CheckGlance, Gpu, Place, QueueGlance, Volume


class Gauges(Protocol):
    """Reads the machine; never waits for anything but the machine."""

    def place(self) -> Place:
        """Where it is found."""
        ...

    def volumes(self) -> Sequence[Volume]:
        """The file systems that the appliance writes to, without a trend."""
        ...

    def gpus(self) -> Sequence[Gpu]:
        """Its graphics processors; none where no driver answers."""
        ...

    def memory(self) -> tuple[int, int]:
        """All of it, and what can be used, in bytes."""
        ...

    def up_and_load(self) -> tuple[float, float]:
        """Seconds since it was started, and runnable processes per core."""
        ...


class Sources(Protocol):
    """What the rest of the house says about itself."""

    def checks(self) -> Sequence[CheckGlance]:
        """The last verdict of each check; none where nobody has looked yet."""
        ...

    def queue(self) -> QueueGlance | None:
        """How much waits; nothing where the database does not say."""
        ...

    def restore_proven_at(self) -> datetime | None:
        """When a restore was last proven."""
        ...
