"""Room on the file systems that the appliance writes to."""

import os
from collections.abc import Iterable
from pathlib import Path

from appliance.backups.mounts import answers
from appliance.health.model import Check, Evidence, Finding, Severity
from appliance.kernel.units import GIB, format_bytes

LITTLE = 0.15
TOO_LITTLE = 0.05
TOO_LITTLE_BYTES = 2 * GIB
"""Below this, PostgreSQL may not be able to write its log, however large the disk is."""


def disk(folders: Iterable[Path]) -> Check:
    """Whether the fullest of the file systems under ``folders`` has room."""
    return Check("disk", "Disk space", lambda: _look(tuple(folders)))


def _look(folders: tuple[Path, ...]) -> Finding:
    # A share that hangs would hold every other check; that it does is told by the check of backups.
    looked_at = [folder for folder in reversed(folders) if answers(folder) and folder.exists()]
    by_device = {folder.stat().st_dev: folder for folder in looked_at}
    free = {folder: os.statvfs(folder) for folder in by_device.values()}
    shares = {folder: space.f_bavail / max(space.f_blocks, 1) for folder, space in free.items()}
    worst = min(shares, key=lambda folder: shares[folder])
    left = free[worst].f_bavail * free[worst].f_frsize
    evidence: dict[str, Evidence] = {
        str(folder): format_bytes(space.f_bavail * space.f_frsize) for folder, space in sorted(free.items())
    }
    summary = f"{worst} has {format_bytes(left)} free ({shares[worst]:.0%})."
    remedy = "Delete meetings that are no longer needed, or give the machine more space."
    if shares[worst] < TOO_LITTLE or left < TOO_LITTLE_BYTES:
        return Finding(Severity.CRITICAL, summary, evidence, remedy)
    if shares[worst] < LITTLE:
        return Finding(Severity.WARNING, summary, evidence, remedy)
    return Finding(Severity.OK, summary, evidence)
