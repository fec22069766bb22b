"""The server's process: who it is, whether it lives, how it starts and ends."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from appliance.adapters.postgres.account import ServerAccount
from appliance.adapters.postgres.binaries import Binaries
from appliance.adapters.postgres.cluster import ENVIRONMENT
from appliance.adapters.postgres.layout import Layout
from appliance.database.errors import ServerDidNotStart, ServerDidNotStop
from appliance.kernel.units import MIB

POLL_S = 0.02
START_LIMIT_S = 300.0
"""Recovery after a crash reads the log since the last checkpoint (512 MB at most); slow disks need minutes for it."""
ORPHANS_LIMIT_S = 10.0
STOP_LIMIT_S = 60.0
LOG_LIMIT_BYTES = 16 * MIB


@dataclass(frozen=True, slots=True)
class Postmaster:
    """The running main process of a cluster."""

    pid: int
    ready: bool


def find_postmaster(layout: Layout) -> Postmaster | None:
    """The live server of this cluster; a number that the system has given to somebody else since does not count."""
    try:
        lines = layout.pid_file.read_text().splitlines()
        pid = int(lines[0])
    except (OSError, ValueError, IndexError):
        return None
    if not _is_server_of(pid, layout.cluster):
        return None
    return Postmaster(pid, ready=len(lines) > 7 and lines[7].strip() == "ready")


def spawn(layout: Layout, binaries: Binaries, account: ServerAccount) -> subprocess.Popen[bytes]:
    """Start the server in a session of its own, so that Ctrl-C in the terminal reaches us and not it."""
    _disarm_stale_pid_file(layout)
    end_orphans(layout.cluster)
    _trim(layout.log)
    with layout.log.open("ab") as output:
        return subprocess.Popen(
            [binaries.program("postgres"), "-D", str(layout.cluster)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=ENVIRONMENT,
            umask=0o077,
            start_new_session=True,
            **account.subprocess_options(),
        )


def wait_until_ready(layout: Layout, process: subprocess.Popen[bytes] | None) -> Postmaster:
    """Wait for a server that is starting, as long as it lives.

    Raises:
        ServerDidNotStart: it ended, or took longer than any recovery.
    """
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        found = find_postmaster(layout)
        if found is not None and found.ready:
            return found
        if process is not None and process.poll() is not None:
            raise ServerDidNotStart(reason=last_words(layout.log), log=layout.log)
        if process is None and found is None:
            raise ServerDidNotStart(reason="it ended while we waited for it", log=layout.log)
        time.sleep(POLL_S)
    raise ServerDidNotStart(reason=f"not ready after {START_LIMIT_S:.0f} seconds", log=layout.log)


def stop(layout: Layout, process: subprocess.Popen[bytes] | None) -> None:
    """End the server: first the fast way (rolls back and writes a checkpoint), then without a checkpoint.

    Raises:
        ServerDidNotStop: it outlived both.
    """
    found = find_postmaster(layout)
    if found is None:
        return
    for sign, patience_s in ((signal.SIGINT, STOP_LIMIT_S), (signal.SIGQUIT, STOP_LIMIT_S / 4)):
        try:
            os.kill(found.pid, sign)
        except ProcessLookupError:
            return
        if _wait(lambda: _ended(found.pid, process), patience_s):
            return
    raise ServerDidNotStop(pid=found.pid, seconds=int(STOP_LIMIT_S * 5 / 4), log=layout.log)


def end_orphans(cluster: Path) -> None:
    """End what is left of a server whose main process was killed: it holds the shared memory that the next one needs.

    Backends notice the death by themselves unless they are in the middle of a long computation.
    """
    for sign in (signal.SIGQUIT, signal.SIGKILL):
        orphans = _processes_in(cluster)
        if not orphans:
            return
        for pid in orphans:
            _signal(pid, sign)
        _wait(partial(_all_ended, orphans), ORPHANS_LIMIT_S)


def is_alive(pid: int) -> bool:
    """Whether the process exists and is not merely waiting to be collected by its parent."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state not in ("Z", "X")


def last_words(log: Path) -> str:
    """The server's last complaint, without time and process number."""
    try:
        tail = log.read_bytes()[-8192:].decode("utf-8", "replace").splitlines()
    except OSError:
        return "it left no log"
    complaints = [line for line in tail if "FATAL" in line or "PANIC" in line or "ERROR" in line]
    line = (complaints or tail or ["it left no log"])[-1]
    return line[line.find(next((word for word in ("FATAL", "PANIC", "ERROR") if word in line), "")) :].strip()


def _is_server_of(pid: int, cluster: Path) -> bool:
    """By its arguments: the working folder of another user's process can't be read in every container."""
    if not is_alive(pid):
        return False
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return arguments[0].endswith(b"postgres") and os.fsencode(cluster) in arguments


def _disarm_stale_pid_file(layout: Layout) -> None:
    """Let the server see by itself that its predecessor is dead, even if another process has that number now.

    It takes a file that names its own parent for stale, and still looks whether the predecessor's shared memory is in
    use; deleting the file would skip that check.
    """
    try:
        content = layout.pid_file.read_text()
    except FileNotFoundError:
        return
    with layout.pid_file.open("r+") as file:
        file.write("\n".join([str(os.getpid()), *content.splitlines()[1:]]) + "\n")
        file.truncate()


def _processes_in(cluster: Path) -> list[int]:
    """Server processes whose working folder is the cluster; those that may not be looked at are left alone."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            same_folder = (entry / "cwd").readlink() == cluster
            program = (entry / "comm").read_text().strip()
        except OSError:
            continue
        if same_folder and program.startswith("postgres"):
            found.append(int(entry.name))
    return found


def _ended(pid: int, process: subprocess.Popen[bytes] | None) -> bool:
    if process is not None and process.pid == pid:
        return process.poll() is not None
    return not is_alive(pid)


def _all_ended(pids: list[int]) -> bool:
    return not any(is_alive(pid) for pid in pids)


def _wait(condition: Callable[[], bool], limit_s: float) -> bool:
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def _signal(pid: int, sign: signal.Signals) -> None:
    try:
        os.kill(pid, sign)
    except ProcessLookupError:
        return


def _trim(log: Path) -> None:
    """Keep the last log and this one, so that it never fills the disk."""
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(".log.1"))
