"""Whether this machine is fit for security updates of its system, strictly: what fails later costs a night."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from appliance.adapters.upgrades.doors import systemctl
from appliance.adapters.upgrades.system_packages import DpkgSystem
from appliance.backups.restore import JOURNAL
from appliance.kernel.clock import Clock
from appliance.kernel.units import format_bytes
from appliance.releases.model import instant
from appliance.upgrades.ports import UpdatesOffer

SYSTEM = Path("/usr")
"""Where packages of the distribution put most of what they bring."""
RESTORING = Path("/var/lib/hangjegyzet-restore") / JOURNAL
AT_WORK = ("hangjegyzet-backup.service", "hangjegyzet-follow.service", "hangjegyzet-drill.service")
SPARE_BYTES = 256 << 20


class MachineUpdateFitness:
    """This machine's fitness.

    Args:
        common: what is in the way of upgrades too: health, waiting settings, backups that have stopped.
        kept: where the packages of before are kept.
    """

    def __init__(self, common: Callable[[], Sequence[str]], system: DpkgSystem, *, kept: Path, clock: Clock) -> None:
        self._common = common
        self._system = system
        self._kept = kept
        self._clock = clock

    def findings(self, offer: UpdatesOffer) -> Sequence[str]:
        """What has to be mended first, one sentence each; nothing when it is ready."""
        return [*self._common(), *self._system.complaints(), *self._others(), *self._room(offer), *self._time(offer)]

    def _others(self) -> Iterator[str]:
        if RESTORING.exists():
            yield "A restore was begun and is not at its end: hangjegyzet restore run goes on with it."
        for unit in AT_WORK:
            if systemctl("show", "--property=ActiveState", "--value", unit).strip() in {"active", "activating"}:
                yield f"{unit} is at work; wait until it has ended."

    def _room(self, offer: UpdatesOffer) -> Iterator[str]:
        taken = self._system.unpacked_bytes()
        kept = sum(taken.get(package.name, 0) for package in offer.manifest.packages)
        yield from lacking(self._kept, kept + SPARE_BYTES)
        # Until a package is in, its files lie there twice.
        yield from lacking(SYSTEM, offer.manifest.disk_bytes + SPARE_BYTES)

    def _time(self, offer: UpdatesOffer) -> Iterator[str]:
        if self._clock.now() < (built := instant(offer.manifest.built_at)):
            yield f"The clock is wrong: these updates were built later than now, at {built:%Y-%m-%d %H:%M} UTC."


def lacking(folder: Path, needed_bytes: int) -> Iterator[str]:
    """Says so where a folder, or what will hold it, has less room than is needed."""
    while not folder.exists():
        folder = folder.parent
    if (free := shutil.disk_usage(folder).free) < needed_bytes:
        yield f"{folder} has {format_bytes(free)} free; {format_bytes(needed_bytes)} are needed."
