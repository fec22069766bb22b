"""What the room needs from the machine."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from appliance.egress.model import Attempt, Confinement, Network, Probe, Rules


class Firewall(Protocol):
    """The kernel's rules."""

    def rules(self) -> Rules | None:
        """As they are now; None when our table is not loaded."""
        ...


class Askers(Protocol):
    """Those who might send something: root, the accounts, and each process in a sandbox like its own."""

    def confinements(self) -> Sequence[Confinement]:
        """What each of our units may reach."""
        ...

    def attempt(self, probes: Sequence[Probe], *, everybody: bool) -> Sequence[Attempt]:
        """Make all probes, as root alone or as everybody; all at once.

        Raises:
            ProbeFailed: they could not be made.
        """
        ...

    def filter_enforced(self) -> bool | None:
        """Whether systemd's filter of addresses stops what it should; None when that cannot be tried."""
        ...


class Wire(Protocol):
    """The machine's way out."""

    def network(self) -> Network:
        """How it is attached."""
        ...

    def watch(self, addresses: Sequence[str]) -> AbstractContextManager[Callable[[], int | None]]:
        """Count outgoing packets to these addresses until the block ends; None when nobody may watch."""
        ...
