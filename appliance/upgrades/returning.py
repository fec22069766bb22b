"""Whether a machine may go back to the release it had, once people have worked with the new one. Pure."""

from datetime import datetime, timedelta

from appliance.upgrades.errors import NoWayBack
from appliance.upgrades.model import Ending, Kind, Record

WINDOW = timedelta(days=14)
"""Time enough to find a fault that the gate did not; later the way on is a newer release."""


def require_way_back(last: Record | None, *, current: str, previous: str | None, now: datetime) -> tuple[str, str]:
    """The release to go back to and the schema's revision there: the last upgrade's, while it only added to the schema.

    Args:
        last: the notes of the last upgrade that ended.
        current, previous: the releases on this machine.

    Raises:
        NoWayBack: with the reason.
    """
    if last is None or last.kind is not Kind.UPGRADE or last.ending is not Ending.DONE or last.new != current:
        raise NoWayBack(reason="the last thing that was done here is not an upgrade to the release that it has")
    if previous != last.old:
        raise NoWayBack(reason=f"release {last.old} is not there any more")
    if last.ended_at is None or now - last.ended_at > WINDOW:
        raise NoWayBack(reason=f"the upgrade is more than {WINDOW.days} days old")
    if last.rehearsal is None or not last.rehearsal.expands_only:
        gone = ", ".join(last.rehearsal.contracts) if last.rehearsal else "nobody knows what"
        raise NoWayBack(reason=f"the upgrade took away {gone}, which {last.old} needs")
    return last.old, last.rehearsal.before
