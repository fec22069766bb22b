"""Whose meetings somebody sees; and who has been listening to what, told once in a while."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from datetime import datetime, timedelta

from appliance.identity.errors import NotAllowed
from appliance.identity.permissions import Permission, allows
from appliance.kernel.actor import Actor
from appliance.kernel.ids import UserId

ACCESS_WINDOW = timedelta(minutes=15)
"""A player asks for hundreds of ranges; one event per listener, meeting and quarter of an hour tells as much."""

_REMEMBERED = 10_000


def reader_of(actor: Actor) -> UserId | None:
    """Whose meetings ``actor`` sees; None is everybody's.

    Raises:
        NotAllowed: it is nobody who could own one.
    """
    if allows(actor, Permission.MEETING_READ_ALL):
        return None
    if actor.user_id is None:
        raise NotAllowed(permission=Permission.MEETING_READ_ALL.value)
    return actor.user_id


class AccessWindow:
    """Says whether an access is worth an audit event of its own.

    Remembered per process: after a restart, or through a second process, an access is recorded once more rather than
    once too few.
    """

    def __init__(self, window: timedelta = ACCESS_WINDOW, *, remembered: int = _REMEMBERED) -> None:
        self._window = window
        self._remembered = remembered
        self._last: OrderedDict[Hashable, datetime] = OrderedDict()
        self._lock = threading.Lock()

    def is_open(self, access: Hashable, *, at: datetime) -> bool:
        """Whether ``access`` was recorded within the window before ``at``."""
        with self._lock:
            last = self._last.get(access)
        return last is not None and at - last < self._window

    def enter(self, access: Hashable, *, at: datetime) -> None:
        """Remember that ``access`` was recorded at ``at``: call it once the record is committed."""
        with self._lock:
            self._last[access] = at
            self._last.move_to_end(access)
            while len(self._last) > self._remembered:
                self._last.popitem(last=False)
