"""The distribution's PostgreSQL cluster as systemd runs it: found, stopped, started."""

import subprocess
from pathlib import Path

from appliance.backups.errors import ServerWontStart

CLUSTER = "hangjegyzet"
CONFIGURATIONS = Path("/etc/postgresql")
CLUSTERS = Path("/var/lib/postgresql")
SOCKET_DIR = Path("/run/postgresql")
STOP_LIMIT_S = 300


class DebianCluster:
    """One cluster of ``postgresql-common``, named ``hangjegyzet``.

    Raises:
        ServerWontStart: this machine has none.
    """

    def __init__(self) -> None:
        versions = sorted(int(path.parent.name) for path in CONFIGURATIONS.glob(f"*/{CLUSTER}"))
        if not versions:
            raise ServerWontStart(reason=f"there is no cluster {CLUSTER} on this machine")
        self.version = versions[-1]
        self._unit = f"postgresql@{self.version}-{CLUSTER}.service"

    @property
    def files(self) -> Path:
        """As the protocol says."""
        return CLUSTERS / str(self.version) / CLUSTER

    @property
    def socket_dir(self) -> Path:
        """As the protocol says."""
        return SOCKET_DIR

    def stop(self) -> None:
        """As the protocol says; a failed unit counts as stopped."""
        done = subprocess.run(
            ["systemctl", "stop", self._unit],
            capture_output=True,
            text=True,
            timeout=STOP_LIMIT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode != 0 or self._state("ActiveState") not in {"inactive", "failed"}:
            raise ServerWontStart(reason=f"{self._unit} would not stop: {done.stderr.strip()}")

    def start(self) -> None:
        """As the protocol says."""
        subprocess.run(
            ["systemctl", "reset-failed", self._unit],
            capture_output=True,
            timeout=30,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        subprocess.run(
            ["systemctl", "start", "--no-block", self._unit],
            capture_output=True,
            timeout=30,
            check=True,
            stdin=subprocess.DEVNULL,
        )

    def complaint(self) -> str:
        """As the protocol says."""
        if self._state("ActiveState") != "failed":
            return ""
        log = Path(f"/var/log/postgresql/postgresql-{self.version}-{CLUSTER}.log")
        try:
            lines = log.read_bytes()[-8192:].decode("utf-8", "replace").splitlines()
        except OSError:
            lines = []
        said = [line for line in lines if "FATAL" in line or "PANIC" in line]
        return said[-1] if said else f"the unit {self._unit} failed"

    def _state(self, name: str) -> str:
        command = ["systemctl", "show", "--value", f"--property={name}", self._unit]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=30, check=False, stdin=subprocess.DEVNULL
        ).stdout.strip()
