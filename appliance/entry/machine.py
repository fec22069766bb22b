"""What an operator does to the installed machine: its configuration, read, changed and applied."""

import os
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from appliance.adapters.ansible import AnsibleMachinery
from appliance.configuration.service import ConfigurationService
from appliance.settings import CONFIGURATION_FILE

STATE_DIR = Path("/var/lib/hangjegyzet-apply")
"""Root's own notes: not in the appliance's data, which its processes may write."""


@dataclass(frozen=True, slots=True)
class InstalledRelease:
    """The release that this process runs from."""

    path: Path
    version: str

    @property
    def playbooks(self) -> Path:
        """Its playbooks; beside the virtual environment, where the bundle put them."""
        return self.path / "ansible"


def configuration_file() -> Path:
    """This machine's configuration file."""
    return Path(os.environ.get("HANGJEGYZET_CONFIG", CONFIGURATION_FILE))


def open_configuration() -> ConfigurationService:
    """The service over this machine's file."""
    return ConfigurationService(configuration_file(), applied_file=STATE_DIR / "applied.toml")


def installed_release() -> InstalledRelease:
    """Where this process's own release lies: ``releases/<version>/venv/bin/python`` runs it."""
    return InstalledRelease(Path(sys.prefix).resolve().parent, version("hangjegyzet"))


def machinery(release: InstalledRelease, *, portal_port: int | None = None) -> AnsibleMachinery:
    """What brings the machine into the declared state."""
    return AnsibleMachinery(release.playbooks, portal_port=portal_port)
