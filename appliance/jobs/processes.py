"""Which process a worker is, and whether that very process still lives; read from /proc."""

import os
import socket
from dataclasses import dataclass
from pathlib import Path

from appliance.jobs.model import Queue

_PROC = Path("/proc")
_START_TIME_FIELD = 22
"""``starttime`` in /proc/PID/stat, counted from 1 (proc(5))."""
_FIELDS_BEFORE_STATE = 2


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """One process on one boot of one machine; a process id alone is used again by others."""

    name: str
    node: str
    boot_id: str
    pid_space: str
    """The PID namespace: only inside it can the process id be looked up."""
    pid: int
    pid_started: int
    """Start of the process in clock ticks since boot."""

    def is_gone(self, seen_from: "WorkerProcess") -> bool:
        """Whether ``seen_from`` can tell for sure that this process has ended; ``False`` where it cannot see it."""
        if self.node != seen_from.node:
            return False
        if self.boot_id != seen_from.boot_id:
            return True
        if self.pid_space != seen_from.pid_space:
            return False
        ticks = _start_ticks(self.pid)
        return not _is_hidden(self.pid) if ticks is None else ticks != self.pid_started


def this_process(queue: Queue) -> WorkerProcess:
    """The process that runs this line, as a worker of ``queue``."""
    node, pid = f"{socket.gethostname()}/{_machine_id()}", os.getpid()
    started = _start_ticks(pid) or 0
    return WorkerProcess(
        name=f"{node}:{queue}:{pid}:{started}",
        node=node,
        boot_id=(_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip(),
        pid_space=(_PROC / "self/ns/pid").readlink().name,
        pid=pid,
        pid_started=started,
    )


def _machine_id() -> str:
    """The start of this installation's id (machine-id(5)); tells machines apart that are all called localhost."""
    try:
        return Path("/etc/machine-id").read_text(encoding="ascii").strip()[:8]
    except FileNotFoundError:
        return ""


def _is_hidden(pid: int) -> bool:
    """Whether a process runs that /proc does not show: systemd's ``ProtectProc=invisible`` hides those of others.

    What it is then cannot be told: the lease's own time decides.
    """
    if (_PROC / str(pid)).exists():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's: it runs
    return True


def _start_ticks(pid: int) -> int | None:
    """When a process started; nothing when it does not run (a zombie does not)."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()  # the command's name before it may hold spaces and brackets
    if fields[0] in {"Z", "X"}:
        return None
    return int(fields[_START_TIME_FIELD - _FIELDS_BEFORE_STATE - 1])
