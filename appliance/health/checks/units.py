"""The appliance's processes, as systemd sees them."""

import subprocess
from collections.abc import Callable, Mapping, Sequence

from appliance.health.model import Check, Finding, Severity

OURS = (
    "hangjegyzet-web.service",
    "hangjegyzet-worker@speech.service",
    "hangjegyzet-worker@language.service",
    "hangjegyzet-worker@general.service",
)
MANY_RESTARTS = 3

Show = Callable[[str], Mapping[str, str]]


def units(names: Sequence[str] = OURS, show: Show | None = None) -> Check:
    """Whether all units run, and have not been restarted again and again."""
    look = show or _systemctl_show
    return Check("units", "Processes", lambda: _look(names, look), fix=lambda: _start(names))


def _look(names: Sequence[str], show: Show) -> Finding:
    found = {name: show(name) for name in names}
    states = {name: shown.get("ActiveState", "unknown") for name, shown in found.items()}
    down = [name for name, state in states.items() if state != "active"]
    restless = [name for name, shown in found.items() if int(shown.get("NRestarts") or 0) >= MANY_RESTARTS]
    if down:
        remedy = f"Read why: journalctl -u {down[0]}. Then: hangjegyzet health --fix units"
        return Finding(Severity.CRITICAL, f"Not running: {', '.join(down)}.", states, remedy)
    if restless:
        remedy = f"Read why: journalctl -u {restless[0]}"
        return Finding(Severity.WARNING, f"Started again and again: {', '.join(restless)}.", states, remedy)
    return Finding(Severity.OK, f"All {len(names)} run.", states)


def _systemctl_show(name: str) -> Mapping[str, str]:
    command = ["systemctl", "show", "--property=ActiveState,NRestarts", name]
    shown = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=10, stdin=subprocess.DEVNULL
    ).stdout
    return dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)


def _start(names: Sequence[str]) -> str:
    subprocess.run(
        ["systemctl", "reset-failed", *names], capture_output=True, check=False, timeout=10, stdin=subprocess.DEVNULL
    )
    subprocess.run(
        ["systemctl", "start", *names], capture_output=True, check=True, timeout=120, stdin=subprocess.DEVNULL
    )
    return "The processes were started."
