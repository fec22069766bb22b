"""The machine's gauges: file systems, memory, load, graphics processors, addresses, certificate."""

import json
import os
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from appliance.kernel.units import KIB, MIB
from appliance.settings import Settings
from appliance.vitals.model import Gpu, Place, Volume

PATIENCE_S: Final = 5.0
_GPU_FIELDS: Final = "name,memory.total,memory.used,utilization.gpu,temperature.gpu"


class MachineGauges:
    """This machine, as its kernel and its tools tell it.

    Args:
        folders: where the appliance writes; those on one file system count once, under the first of them.
    """

    def __init__(self, settings: Settings, folders: Sequence[Path]) -> None:
        self._settings = settings
        self._folders = tuple(folders)

    def place(self) -> Place:
        """The portal's address: the one that is set, else the machine's name, else its first address."""
        from cryptography import x509  # half the time of a glance is this import, and the rest does without
        from cryptography.hazmat.primitives import hashes

        name, interfaces = socket.gethostname(), _interfaces()
        file = self._settings.certificate_path
        try:
            certificate = x509.load_pem_x509_certificate(file.read_bytes())
        except (OSError, ValueError):
            return Place(name, self._address(name, interfaces), interfaces)
        fingerprint = certificate.fingerprint(hashes.SHA256()).hex(":").upper()
        return Place(name, self._address(name, interfaces), interfaces, fingerprint, certificate.not_valid_after_utc)

    def volumes(self) -> Sequence[Volume]:
        """Those of the folders that are there."""
        by_device = {folder.stat().st_dev: folder for folder in reversed(self._folders) if folder.exists()}
        found = []
        for folder in sorted(by_device.values()):
            space = os.statvfs(folder)
            found.append(Volume(str(folder), space.f_blocks * space.f_frsize, space.f_bavail * space.f_frsize))
        return found

    def gpus(self) -> Sequence[Gpu]:
        """What NVIDIA's driver says."""
        command = ["nvidia-smi", f"--query-gpu={_GPU_FIELDS}", "--format=csv,noheader,nounits"]
        try:
            told = subprocess.run(
                command, capture_output=True, text=True, check=True, timeout=PATIENCE_S, stdin=subprocess.DEVNULL
            ).stdout
        except (OSError, subprocess.SubprocessError):
            return ()
        return read_gpus(told)

    def memory(self) -> tuple[int, int]:
        """From ``/proc/meminfo``."""
        lines = (line.split() for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines())
        sizes = {words[0].rstrip(":"): int(words[1]) * KIB for words in lines}
        return sizes["MemTotal"], sizes["MemAvailable"]

    def up_and_load(self) -> tuple[float, float]:
        """From ``/proc/uptime`` and the five minutes' load."""
        up_s = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
        return up_s, os.getloadavg()[1] / (os.cpu_count() or 1)

    def _address(self, name: str, interfaces: Sequence[str]) -> str:
        if self._settings.web.public_url:
            return self._settings.web.public_url
        port = "" if self._settings.web.port == 443 else f":{self._settings.web.port}"
        first = next((_bare(one) for one in interfaces if ":" not in one), name)
        return f"https://{first}{port}"


def read_gpus(told: str) -> Sequence[Gpu]:
    """Lines of ``nvidia-smi --format=csv,noheader,nounits``; a figure that a card does not have is ``[N/A]``."""
    return [_gpu([field.strip() for field in line.split(",")]) for line in told.splitlines() if line.count(",") == 4]


def _gpu(fields: Sequence[str]) -> Gpu:
    name, total, used, busy, temperature = fields
    share = _number(busy)
    return Gpu(
        name,
        int((_number(total) or 0) * MIB),
        int((_number(used) or 0) * MIB),
        None if share is None else share / 100,
        _number(temperature),
    )


def _number(field: str) -> float | None:
    try:
        return float(field)
    except ValueError:
        return None


def _interfaces() -> tuple[str, ...]:
    """Every address that is not for the machine alone, as ``eth0 192.168.1.20/24``."""
    try:
        command = ["ip", "-json", "address", "show", "scope", "global", "up"]
        told = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=PATIENCE_S, stdin=subprocess.DEVNULL
        ).stdout
        return tuple(read_interfaces(json.loads(told or "[]")))
    except (OSError, subprocess.SubprocessError, ValueError):
        return ()


def read_interfaces(listing: Sequence[dict[str, Any]]) -> Sequence[str]:
    """What ``ip -json address`` lists: IPv4 before IPv6, interfaces in their order."""
    found = [
        (address["family"], f"{link['ifname']} {address['local']}/{address['prefixlen']}")
        for link in listing
        for address in link.get("addr_info", ())
        if "local" in address and link.get("ifname") != "lo"
    ]
    return [text for _, text in sorted(found, key=lambda one: one[0])]


def _bare(interface: str) -> str:
    """``192.168.1.20`` of ``eth0 192.168.1.20/24``."""
    return interface.split()[1].partition("/")[0]
