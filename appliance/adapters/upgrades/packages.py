"""The distribution's packages: asked of dpkg, installed by the bundle's own script."""

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import structlog

from appliance.adapters.upgrades.shelf import PATH, run_script
from appliance.upgrades.errors import PackagesFailed

log = structlog.get_logger()

_INSTALLED = "install ok installed"
_CHANGE = re.compile(r"^(?:Inst|Remv) (\S+)", re.MULTILINE)


class Dpkg:
    """Packages of this machine."""

    def installed(self) -> Mapping[str, str]:
        """Version by name."""
        listed = _run("dpkg-query", "--show", "--showformat=${Package}\\t${Version}\\t${Status}\\n")
        rows = (line.split("\t") for line in listed.splitlines())
        return {name: version for name, version, state in rows if state == _INSTALLED}

    def rehearse(self, folder: Path) -> Sequence[str]:
        """Names of the packages that installing from a bundle would change.

        Raises:
            PackagesFailed: they do not fit together on this machine.
        """
        return _CHANGE.findall(run_script(folder, "--packages-simulate", PackagesFailed))

    def install(self, folder: Path) -> None:
        """Install what the bundle wants; a run that was cut off is taken up by the next.

        Raises:
            PackagesFailed
        """
        run_script(folder, "--packages", PackagesFailed)


def _run(*command: str) -> str:
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={"PATH": PATH, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"},
        check=False,
    )
    if done.returncode != 0:
        raise PackagesFailed(reason=done.stderr.strip()[-2000:])
    return done.stdout
