"""Whether every recording is here, or some are still read from the backups that a restore came from."""

from collections.abc import Callable
from datetime import timedelta

from appliance.backups.copier import seen
from appliance.backups.outstanding import Standing
from appliance.health.model import Check, Evidence, Finding, Severity
from appliance.kernel.clock import Clock
from appliance.kernel.units import format_bytes

SILENT = timedelta(minutes=5)
"""The copying tells of itself every few seconds; after so long it hangs, or nobody is at it."""


def recordings(state: Callable[[], Standing | None], clock: Clock) -> Check:
    """How far the copying after a restore is; ``state`` gives None where nothing is outstanding."""
    return Check("recordings", "Recordings", lambda: _look(state(), clock))


def _look(standing: Standing | None, clock: Clock) -> Finding:
    if standing is None:
        return Finding(Severity.OK, "None is still to be copied from backups.")
    evidence: dict[str, Evidence] = {
        "left": standing.left,
        "of": standing.count,
        "size_left": format_bytes(standing.bytes_left),
        "from": standing.source,
        "told": standing.at.strftime("%Y-%m-%d %H:%M:%S UTC"),
        "damaged": ", ".join(standing.damaged[:5]) or None,
    }
    if standing.trouble:
        return Finding(
            Severity.CRITICAL,
            f"{standing.left} recordings cannot be heard. {standing.trouble}",
            evidence,
            f"Connect the disk of the backups again at {standing.source}; the copying goes on by itself. Elsewhere:"
            " hangjegyzet restore recordings --from FOLDER",
        )
    if clock.now() - standing.at > SILENT:
        return Finding(
            Severity.CRITICAL,
            f"Copying does not go on; {seen(standing)} are left.",
            evidence,
            f"Does {standing.source} answer? Then: systemctl restart hangjegyzet-recordings",
        )
    if standing.damaged and len(standing.damaged) == standing.left:
        return Finding(
            Severity.CRITICAL,
            f"{standing.left} recordings are damaged in the backups.",
            evidence,
            "Take them from another copy: hangjegyzet restore recordings --from FOLDER. Without one:"
            " hangjegyzet restore give-up",
        )
    return Finding(
        Severity.WARNING,
        f"Still copying: {seen(standing)}. They are read from the backups meanwhile.",
        evidence,
        f"Leave {standing.source} connected. See: hangjegyzet restore status",
    )
