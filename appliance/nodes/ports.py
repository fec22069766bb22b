"""What a worker on another machine needs from the main box."""

from typing import Protocol

from appliance.kernel.ids import MeetingId


class MainBox(Protocol):
    """The way to the main box."""

    def meeting_key(self, meeting_id: MeetingId) -> bytes:
        """The key of a meeting of which a step is under way here.

        Raises:
            MainBoxRefuses: none is, or this machine was removed.
            KeyDestroyed: the meeting was deleted.
            DoorUnavailable: the main box does not answer.
        """
        ...

    def is_draining(self) -> bool:
        """Whether this machine is to take no new steps.

        Raises:
            MainBoxRefuses: it was removed.
            DoorUnavailable: the main box does not answer.
        """
        ...
