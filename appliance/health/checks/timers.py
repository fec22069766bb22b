"""What the machine does by the clock: whether it was done, and went well."""

import subprocess
from collections.abc import Callable, Mapping, Sequence

from appliance.health.model import Check, Evidence, Finding, Severity

Show = Callable[[str], Mapping[str, str]]


def timers(names: Callable[[], Sequence[str]], show: Show | None = None) -> Check:
    """Whether each of our timers waits for its next time, and what it started last did not fail.

    Args:
        names: gives the timers that this machine has.
    """
    look = show or _systemctl_show
    return Check("timers", "What runs by the clock", lambda: _look(names(), look), fix=lambda: _start(names(), look))


def our_timers() -> Sequence[str]:
    """Those that systemd knows here."""
    command = [
        "systemctl",
        "list-unit-files",
        "--type=timer",
        "--state=enabled",
        "--plain",
        "--no-legend",
        "hangjegyzet*",
    ]
    # It fails where there is none.
    listed = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=10, stdin=subprocess.DEVNULL
    ).stdout
    return sorted(line.split()[0] for line in listed.splitlines() if line.split())


def _look(names: Sequence[str], show: Show) -> Finding:
    results = {name: show(name.replace(".timer", ".service")).get("Result", "unknown") for name in names}
    resting = [name for name in names if show(name).get("ActiveState") != "active"]
    failed = [name for name, result in results.items() if result != "success"]
    evidence: dict[str, Evidence] = {name: "stopped" if name in resting else result for name, result in results.items()}
    if not names:
        return Finding(
            Severity.WARNING, "Nothing runs by the clock here.", evidence, "Put it in order: hangjegyzet apply"
        )
    if resting:
        return Finding(
            Severity.CRITICAL,
            f"Stopped: {', '.join(resting)}.",
            evidence,
            "Start them: hangjegyzet health --fix timers",
        )
    if failed:
        service = failed[0].replace(".timer", ".service")
        return Finding(
            Severity.WARNING,
            f"Failed when it ran last: {', '.join(failed)}.",
            evidence,
            f"Read why: journalctl -u {service}",
        )
    return Finding(Severity.OK, f"All {len(names)} wait for their time.", evidence)


def _systemctl_show(name: str) -> Mapping[str, str]:
    command = ["systemctl", "show", "--property=ActiveState,Result", name]
    shown = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=10, stdin=subprocess.DEVNULL
    ).stdout
    return dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)


def _start(names: Sequence[str], show: Show) -> str:
    resting = [name for name in names if show(name).get("ActiveState") != "active"]
    if resting:
        subprocess.run(
            ["systemctl", "start", *resting], capture_output=True, check=True, timeout=60, stdin=subprocess.DEVNULL
        )
    return f"Started: {', '.join(resting) or 'nothing was stopped'}."
