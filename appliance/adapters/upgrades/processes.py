"""Which services have what loaded: from ``/proc/*/maps``, as needrestart does.

A library that dpkg has replaced lives on in the processes that loaded it; the kernel marks its name there as deleted.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import structlog

from appliance.adapters.upgrades.doors import systemctl
from appliance.adapters.upgrades.repacking import ADMIN
from appliance.upgrades.ports import Renewed

log = structlog.get_logger()

PROC = Path("/proc")
DRIVERS = ("hangjegyzet-upgrade.", "hangjegyzet-upgrade-resume.", "hangjegyzet-maintenance.")
"""They drive, or stand in for the portal: they end by themselves."""
UNDER_PEOPLE = (
    "dbus.", "dbus-broker.", "systemd-logind.", "getty@", "serial-getty@", "console-getty.", "container-getty@",
    "autovt@", "user@", "hangjegyzet-console",
)  # fmt: skip
"""Started again, they would take sessions and whoever sits at the display along."""
_MANAGER = "init.scope"
_MANAGER_NAME = "systemd"
_MERGED = re.compile(r"^/(bin|sbin|lib|lib32|lib64|libx32)/")
_LOADED = re.compile(r"^/(?:usr|bin|sbin|lib|lib32|lib64|libx32)/")
_GONE = " (deleted)"
_UNIT = re.compile(r"/([^/\n]+\.(?:service|scope))(?:/|$)", re.MULTILINE)


class LinuxProcesses:
    """What runs on this machine.

    Args:
        root: where dpkg's lists of files lie.
    """

    def __init__(self, *, proc: Path = PROC, root: Path = Path("/")) -> None:
        self._proc = proc
        self._info = root / ADMIN / "info"

    def users_of(self, packages: Sequence[str]) -> Sequence[str]:
        """Services that have something of these packages loaded."""
        files = {file for package in packages for file in self._files_of(package)}
        return sorted(unit for unit, loaded in self._loaded().items() if _is_service(unit) and loaded & files)

    def stale(self) -> Sequence[str]:
        """Services, and the manager itself as ``systemd``, that run what is no longer on the disk."""
        found = {unit for unit, loaded in self._loaded().items() if any(path.endswith(_GONE) for path in loaded)}
        manager = [_MANAGER_NAME] if _MANAGER in found else []
        return [*manager, *sorted(filter(_is_service, found))]

    def renew(self, expected: Sequence[str]) -> Renewed:
        """Start services again that still run what is no longer on the disk; the manager runs itself again.

        Args:
            expected: services that shall run afterwards, also when they have stopped meanwhile.

        Raises:
            CommandFailed: one of them does not start.
        """
        systemctl("daemon-reload")
        stale = self.stale()
        left = [unit for unit in stale if unit.startswith(UNDER_PEOPLE)]
        restarted = [unit for unit in stale if unit not in left]
        for unit in restarted:
            if unit == _MANAGER_NAME:
                systemctl("daemon-reexec")
            else:
                systemctl("restart", unit)
        for unit in expected:
            if unit not in restarted and unit not in left and _has_stopped(unit):
                systemctl("reset-failed", unit, check=False)
                systemctl("start", unit)
                restarted.append(unit)
        log.info("services_renewed", restarted=restarted, left=left)
        return Renewed(restarted, left)

    def _loaded(self) -> Mapping[str, set[str]]:
        """Files with code of each unit's processes, as the kernel names them, ``/usr`` first."""
        found: dict[str, set[str]] = {}
        for process in self._proc.iterdir():
            if process.name.isdigit() and (unit := _unit_of(process)):
                found.setdefault(unit, set()).update(_files_in(process))
        return found

    def _files_of(self, package: str) -> Iterator[str]:
        name = package.partition(":")[0]
        for path in (self._info / f"{package}.list", *self._info.glob(f"{name}:*.list"), self._info / f"{name}.list"):
            if path.is_file():
                listed = path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
                yield from (_merged(file) for file in listed)
                return


def _is_service(unit: str) -> bool:
    return unit.endswith(".service") and not unit.startswith(DRIVERS)


def _has_stopped(unit: str) -> bool:
    """Whether it is one that runs all the time, and does not."""
    told = dict(
        line.partition("=")[::2] for line in systemctl("show", "--property=Type,ActiveState", unit).splitlines()
    )
    return told.get("Type") != "oneshot" and told.get("ActiveState") in {"inactive", "failed", "deactivating"}


def _unit_of(process: Path) -> str:
    """The service, or the scope, that a process belongs to; empty for the kernel's own and for what has just ended."""
    try:
        group = (process / "cgroup").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ""
    units = _UNIT.findall(group)
    return units[-1] if units else ""


def _files_in(process: Path) -> Iterable[str]:
    try:
        maps = (process / "maps").read_text(encoding="utf-8", errors="surrogateescape")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return
    for line in maps.splitlines():
        fields = line.split(maxsplit=5)
        if len(fields) == 6 and _LOADED.match(fields[5]) and "x" in fields[1]:
            yield _merged(fields[5])


def _merged(path: str) -> str:
    """Where it lies on a system whose ``/lib`` is ``/usr/lib``."""
    return f"/usr{path}" if _MERGED.match(path) else path
