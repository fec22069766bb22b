"""Changes that can cut somebody off are undone unless they are confirmed: what is noted before, and when it is over.

The note is on disk before anything changes, so that neither the death of whoever applies nor a reboot forgets it. Time
is counted by the kernel's clock since boot, which nobody sets; after a reboot the time is over.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from appliance.configuration.model import Change
from appliance.kernel.durable import sync_folder, write_durably

PATIENCE_S = 60.0
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_MODE = 0o600
_ADDRESSES = ("web.host", "web.port")


def cuts_off(changes: Iterable[Change]) -> tuple[str, ...]:
    """The settings among them that decide who reaches the machine, and where."""
    return tuple(
        change.key for change in changes if change.key in _ADDRESSES or change.key.startswith(("firewall.", "network."))
    )


class Unconfirmed(msgspec.Struct, frozen=True):
    """A change that nobody confirmed yet.

    Args:
        keys: the settings that decide who reaches the machine.
        previous: the text of the configuration before.
        boot: the boot in which the time counts.
        until_s: seconds since that boot after which it is undone; None while it is still being applied.
    """

    keys: tuple[str, ...]
    previous: str
    boot: str
    until_s: float | None = None


@dataclass(frozen=True, slots=True)
class Boot:
    """This boot: its identity, and how long it lasts."""

    id: str
    age_s: float


def this_boot() -> Boot:
    """As the kernel tells it."""
    return Boot(_BOOT_ID.read_text(encoding="ascii").strip(), time.clock_gettime(time.CLOCK_BOOTTIME))


class ConfirmationNote:
    """The note, as one file.

    A file that cannot be read counts as a change of which nothing is known any more: the error is told, not ignored.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self) -> Unconfirmed | None:
        """What waits; None when nothing does."""
        try:
            data = self._file.read_bytes()
        except FileNotFoundError:
            return None
        return msgspec.json.decode(data, type=Unconfirmed)

    def write(self, unconfirmed: Unconfirmed) -> None:
        """On disk when this returns."""
        write_durably(self._file, msgspec.json.encode(unconfirmed), mode=_MODE)

    def remove(self) -> None:
        """Nothing waits any more."""
        self._file.unlink(missing_ok=True)
        sync_folder(self._file.parent)
