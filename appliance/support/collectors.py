"""What is read from the system: programs with fixed arguments and files by name, each within its limits."""

import json
import os
import platform
import re
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from appliance.kernel.units import KIB, MIB, format_bytes
from appliance.support.journal import safe_lines
from appliance.support.model import Collector
from appliance.support.redaction import Redactor

PROGRAM_LIMIT_S = 20
OUTPUT_LIMIT = 16 * MIB
JOURNAL_LINES = 5000
UNITS = ("hangjegyzet*", "postgresql@*", "nftables.service")
PROPERTIES = (
    "Id,ActiveState,SubState,Result,UnitFileState,NRestarts,ExecMainStatus,ExecMainCode,ExecMainStartTimestamp,"
    "ActiveEnterTimestamp,InactiveEnterTimestamp,MemoryCurrent,MemoryPeak,TasksCurrent,CPUUsageNSec"
)
PACKAGES = (
    "postgresql*",
    "nftables",
    "systemd",
    "openssl",
    "openssh-client",
    "linux-image*",
    "python3",
    "age",
    "pgbackrest",
)
GPU_FIELDS = "name,driver_version,memory.total,memory.used,temperature.gpu,utilization.gpu"
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9.+-]{1,80} [0-9][0-9A-Za-z.+:~-]{0,80} ii ?")
_STATE_BYTES = 256 * KIB


def run(command: Sequence[str]) -> bytes:
    """What a program prints; nothing when it is not there or fails."""
    try:
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
        ) as it:
            watched = it.communicate(timeout=PROGRAM_LIMIT_S)[0]
    except FileNotFoundError:
        return b""
    except subprocess.TimeoutExpired:
        it.kill()
        return b""
    return watched[-OUTPUT_LIMIT:]


def system_collectors(folders: Sequence[Path], states: Sequence[Path]) -> tuple[Collector, ...]:
    """Collectors of what the system knows.

    Args:
        folders: whose file systems are measured.
        states: files of JSON in which our own programs note how far they are; a folder stands for its ``*.json``.
    """
    return (
        Collector("system.txt", "Versions of the system", _system),
        Collector("units.txt", "States of the processes", _units),
        Collector("journal.txt", "Events of the processes, without words", _journal, max_bytes=2 * MIB, max_s=60),
        Collector("firewall.json", "The firewall's rules", _firewall),
        Collector("room.txt", "Disk, memory, load", lambda redactor: _room(redactor, folders)),
        Collector("gpu.txt", "Graphics cards", _gpu),
        Collector(
            "states.json", "How far upgrades, backups and drills are", lambda redactor: _states(redactor, states)
        ),
    )


def _system(redactor: Redactor) -> str:
    release = Path("/etc/os-release")
    named = dict(line.split("=", 1) for line in _text(release).splitlines() if "=" in line)
    lines = [
        f"system {named.get('PRETTY_NAME', '?')}",
        f"kernel {platform.release()}",
        f"python {platform.python_version()}",
        f"processor {_processor()} x {os.cpu_count()}",
    ]
    listed = run(["dpkg-query", "--show", "--showformat", "${Package} ${Version} ${db:Status-Abbrev}\n", *PACKAGES])
    packages = [line for line in listed.decode("ascii", "replace").splitlines() if _PACKAGE.fullmatch(line)]
    return "\n".join([*(redactor.line(line) for line in lines), *packages]) + "\n"


def _units(redactor: Redactor) -> str:
    command = ["systemctl", "show", "--no-pager", f"--property={PROPERTIES}", *UNITS]
    return "\n".join(redactor.sentence(line) for line in run(command).decode("utf-8", "replace").splitlines()) + "\n"


def _journal(redactor: Redactor) -> str:
    chosen = [f"--unit={unit}" for unit in UNITS if not unit.startswith("postgresql")]
    command = ["journalctl", "--no-pager", "--output=json", f"--lines={JOURNAL_LINES}", *chosen]
    return "\n".join(safe_lines(run(command).splitlines(), redactor)) + "\n"


def _firewall(redactor: Redactor) -> str:
    listed = run(["nft", "--json", "list", "table", "inet", "hangjegyzet"])
    return _as_json(redactor.value(json.loads(listed or b"{}")))


def _room(redactor: Redactor, folders: Iterable[Path]) -> str:
    lines = []
    for folder in folders:
        if folder.exists():
            space = os.statvfs(folder)
            free, whole = (format_bytes(count * space.f_frsize) for count in (space.f_bavail, space.f_blocks))
            lines.append(f"{folder} {free} of {whole} free, {space.f_favail} inodes")
    lines += _text(Path("/proc/meminfo")).splitlines()
    lines.append("load " + " ".join(f"{load:.2f}" for load in os.getloadavg()))
    lines.append("up " + _text(Path("/proc/uptime")).split(" ")[0])
    return "\n".join(redactor.line(line) for line in lines) + "\n"


def _gpu(redactor: Redactor) -> str:
    listed = run(["nvidia-smi", f"--query-gpu={GPU_FIELDS}", "--format=csv"]).decode("utf-8", "replace")
    return "\n".join(redactor.sentence(line) for line in listed.splitlines()) + "\n" if listed else "none\n"


def _states(redactor: Redactor, states: Sequence[Path]) -> str:
    files = [file for path in states for file in (sorted(path.glob("*.json")) if path.is_dir() else [path])]
    return _as_json({redactor.sentence(str(file)): _state(redactor, file) for file in files if file.is_file()})


def _state(redactor: Redactor, file: Path) -> Any:
    if file.stat().st_size > _STATE_BYTES:
        return "too long"
    try:
        return redactor.value(json.loads(file.read_bytes()))
    except (ValueError, RecursionError):
        return "no JSON"


def _processor() -> str:
    lines = _text(Path("/proc/cpuinfo")).splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "?")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _as_json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
