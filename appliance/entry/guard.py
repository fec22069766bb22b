"""Before anything of the appliance starts: is the clock right, is the release the one that it should be, is it silent?

The guard is closed: what it cannot look at it does not let pass. It mends what it can by itself (it loads the rules of
the firewall), says why it refuses in the journal, on the console's login screen and in health, and looks again whenever
somebody starts the appliance.
"""

import subprocess
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import structlog

from appliance.audit.model import AuditName
from appliance.entry.clock_marks import ClockMarks, built_at
from appliance.entry.egress import load_rules, open_egress
from appliance.entry.machine import installed_release
from appliance.entry.machine_trail import record_act
from appliance.entry.trail_times import newest_event
from appliance.health.checks.clock import Marks, clock
from appliance.health.checks.egress import egress
from appliance.health.checks.guard import GuardState
from appliance.health.checks.release import Running, release
from appliance.health.errors import GuardRefuses
from appliance.health.model import Check, Examined, Severity
from appliance.health.service import HealthService
from appliance.kernel.clock import Clock, SystemClock
from appliance.kernel.errors import HangJegyzetError
from appliance.releases.policy import HIGH_WATER_MARK_PATH, HighWaterMark
from appliance.settings import Settings

STATE_FILE = Path("/run/hangjegyzet-guard/state.json")
ISSUE_FILE = Path("/run/issue.d/50-hangjegyzet.issue")
"""What a login screen shows above its prompt (agetty(8))."""
ALLOWED_SEQ_FILE = HIGH_WATER_MARK_PATH.with_name("allowed_seq")
"""The number of an older release that two people took this machine back to; the downgrade writes it."""
PROCESSES = "hangjegyzet.target"
UNIT = "hangjegyzet-guard.service"
MAX_STATE_BYTES = 1 << 16

log = structlog.get_logger()


class _State(msgspec.Struct):
    at: datetime
    refusals: tuple[tuple[str, str], ...]


def clock_marks(settings: Settings, marks: ClockMarks | None = None) -> Marks:
    """Every moment that has passed for certain; what cannot be asked now is left out."""
    marks = marks or ClockMarks()
    passed: dict[str, datetime | None] = {"the time seen last": marks.seen(), "the release was built": _built()}
    try:
        passed["the newest event of the trail"] = newest_event(settings)
    except HangJegyzetError:
        log.info("guard_without_trail")
    return Marks({name: at for name, at in passed.items() if at is not None}, marks.disbelieved())


def running_release() -> Running:
    """The release that this process runs from, and what this machine has had.

    Raises:
        HighWaterMarkDamaged: the file with the newest release's number holds something else.
    """
    manifest = _manifest()
    return Running(
        version=str(manifest.get("version", "")),
        seq=int(manifest.get("release_seq", 0)),
        high_seq=HighWaterMark().read(),
        allowed_seq=HighWaterMark(ALLOWED_SEQ_FILE).read(),
    )


def guard_checks(settings: Settings, now: Clock) -> Sequence[Check]:
    """What has to be in order before the appliance starts."""
    return (
        clock(now, lambda: clock_marks(settings)),
        release(running_release),
        egress(lambda: open_egress().examine(everybody=False), load_rules),
    )


def keep_watch(settings: Settings) -> Sequence[Examined]:
    """Look, mend what can be mended, and leave word; returns what is in the way of a start."""
    now = SystemClock()
    service = HealthService(guard_checks(settings, now), now)
    if service.examine("egress").severity is not Severity.OK:
        _try_to_mend(service)
    refusals = [one for one in service.examine().examined if not _passes(one)]
    if not refusals:
        ClockMarks().note(now.now())
    leave_word(now.now(), refusals)
    for one in refusals:
        log.error("guard_refuses", check=one.check.id, finding=one.finding.summary)
    return refusals


def guard_state(path: Path = STATE_FILE) -> GuardState | None:
    """What the guard said when it looked last; None when it has not since the machine was started."""
    try:
        with path.open("rb") as file:
            state = msgspec.json.decode(file.read(MAX_STATE_BYTES), type=_State)
    except (OSError, msgspec.MsgspecError):
        return None
    return GuardState(state.at, state.refusals)


def leave_word(
    at: datetime, refusals: Sequence[Examined], *, state_file: Path = STATE_FILE, issue_file: Path = ISSUE_FILE
) -> None:
    """Write down for health what was decided, and for whoever comes to the console why nothing runs."""
    told = tuple((one.check.id, one.finding.summary) for one in refusals)
    state_file.parent.mkdir(parents=True, exist_ok=True)
    state_file.write_bytes(msgspec.json.encode(_State(at, told)))
    issue_file.parent.mkdir(parents=True, exist_ok=True)
    if not refusals:
        issue_file.unlink(missing_ok=True)
        return
    lines = ["", "HangJegyzet is stopped. / A HangJegyzet nem indult el.", ""]
    for one in refusals:
        lines += [f"  {one.check.title}: {one.finding.summary}", f"    {one.finding.remedy}"]
    lines += ["", "  Then / utána: hangjegyzet health --fix guard", ""]
    # agetty reads backslashes as commands.
    issue_file.write_text("\n".join(lines).replace("\\", "\\\\") + "\n", encoding="utf-8")


def start_processes() -> None:
    """Let the guard look again, and start everything.

    Raises:
        GuardRefuses: it found something that is not in order.
    """
    subprocess.run(
        ["systemctl", "reset-failed", UNIT], capture_output=True, check=False, timeout=20, stdin=subprocess.DEVNULL
    )
    looked = subprocess.run(
        ["systemctl", "restart", UNIT], capture_output=True, check=False, timeout=120, stdin=subprocess.DEVNULL
    )
    if looked.returncode != 0:
        state = guard_state()
        told = " ".join(reason for _, reason in state.refusals) if state else ""
        raise GuardRefuses(reasons=told or f"see journalctl -u {UNIT}")
    subprocess.run(
        ["systemctl", "start", PROCESSES], capture_output=True, check=True, timeout=120, stdin=subprocess.DEVNULL
    )


def accept_clock(settings: Settings, *, reason: str) -> Marks:
    """Take the clock for right and every later mark for wrong; the trail keeps who said so, and why.

    Raises:
        DatabaseUnavailable: it could not be put into the trail, so nothing was accepted.
    """
    marks, now = clock_marks(settings), SystemClock().now()
    newest = max(marks.passed.values(), default=now)
    record_act(
        settings,
        AuditName.CLOCK_ACCEPTED,
        subject_type="clock",
        detail={"reason": reason, "newest_mark": newest.isoformat(), "now": now.isoformat()},
    )
    if newest > now:
        ClockMarks().disbelieve(after=now, until=newest)
    return clock_marks(settings)


def _try_to_mend(service: HealthService) -> None:
    """Load the rules; what comes of it, the second look tells."""
    try:
        service.fix("egress")
    except HangJegyzetError as error:
        log.warning("guard_could_not_mend", error=error.code)


def _passes(one: Examined) -> bool:
    """What cannot be looked at does not pass."""
    return one.finding.severity in (Severity.OK, Severity.WARNING)


def _built() -> datetime | None:
    text = _manifest().get("built_at")
    return built_at(text) if isinstance(text, str) else None


def _manifest() -> dict[str, Any]:
    path = installed_release().path / "manifest.json"
    try:
        found = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.MsgspecError):
        return {}
    return found if isinstance(found, dict) else {}
