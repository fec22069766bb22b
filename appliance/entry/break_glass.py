"""A root shell for when nothing else helps: two people asked, a reason, a time limit, a recording, and the trail."""

import os
import signal
import subprocess
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from appliance.approvals.model import Verb
from appliance.audit.model import AuditName, DetailValue, Outcome
from appliance.entry.approvals import require
from appliance.entry.machine_trail import record_act
from appliance.entry.operators import operator_name
from appliance.kernel.clock import SystemClock
from appliance.kernel.errors import NotFound, Unavailable
from appliance.settings import Settings

RECORDINGS = Path("/var/log/hangjegyzet-break-glass")
"""Root's own: what was typed and shown may hold anything."""
SHELL = "/bin/bash --login"
GRACE_S = 10


def break_glass(settings: Settings, *, reason: str, minutes: int) -> Path:
    """Open the shell, and record it to its end; where the recording lies.

    Raises:
        as ``appliance.entry.approvals.require``.
    """
    require(settings, Verb.BREAK_GLASS, {"reason": reason, "minutes": str(minutes)})
    at = SystemClock().now()
    recording = _recording(at)
    begun: dict[str, DetailValue] = {"reason": reason, "minutes": minutes, "recording": recording.name}
    _record(settings, AuditName.BREAK_GLASS_OPENED, begun)
    ended = "left"
    try:
        ended = _shell(recording, minutes)
    finally:
        took = (SystemClock().now() - at).total_seconds()
        recording.chmod(0o400)
        _record(
            settings,
            AuditName.BREAK_GLASS_CLOSED,
            {"recording": recording.name, "took_s": round(took), "bytes": recording.stat().st_size, "ended": ended},
        )
    return recording


def _recording(at: datetime) -> Path:
    RECORDINGS.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = RECORDINGS / f"{at:%Y%m%dT%H%M%SZ}-{operator_name()}.script"
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    return path


def _shell(recording: Path, minutes: int) -> str:
    """``script`` records what is typed and shown; at the end of the time everything inside is hung up, then killed."""
    timing = recording.with_suffix(".timing")
    command = ["script", "--quiet", "--flush", "--log-io", str(recording), "--log-timing", str(timing)]
    process = subprocess.Popen([*command, "--command", SHELL], stdin=None)
    try:
        process.wait(minutes * 60)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)
        if process.poll() is None:
            process.kill()
            process.wait()
        return "time over"
    finally:
        timing.chmod(0o400)
    return "left"


def _record(settings: Settings, name: AuditName, detail: dict[str, DetailValue]) -> None:
    """A database that is away is just what the shell is for; the approval reaches the trail later in any case."""
    with suppress(Unavailable, NotFound):
        record_act(settings, name, subject_type="shell", detail=detail, outcome=Outcome.OK)
