"""Wheels from the package index, fetched with its own client and kept until they are used up."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

# The carriers' wheels are data: the interpreter that they are tagged for need not be ours.
_PLATFORM = [
    "--implementation", "cp", "--python-version", "3.11", "--abi", "cp311", "--abi", "none",
    "--platform", "manylinux_2_28_x86_64", "--platform", "manylinux_2_24_x86_64", "--platform", "any",
]  # fmt: skip


class DownloadFailed(Exception):
    """The index could not give the wheel; what was fetched before is kept."""

    def __init__(self, requirement: str) -> None:
        super().__init__(
            f"{requirement} could not be fetched from the index. Run make setup again when the network is back: "
            "it goes on where it stopped. Without a network, put the wheel into a folder and set PIP_FIND_LINKS to it."
        )


class WheelCache:
    """A folder of fetched wheels.

    Args:
        folder: where they are kept between runs.
        python: an interpreter that has pip.
    """

    def __init__(self, folder: Path, python: Path) -> None:
        self._folder = folder
        self._python = python

    def get(self, requirement: str) -> Path:
        """The wheel of a pinned requirement, from the folder or from the index.

        Raises:
            DownloadFailed: the index has it not, or cannot be reached.
        """
        return self._find(requirement) or self._download(requirement)

    def discard(self, requirement: str) -> None:
        """Forget a wheel whose content has been taken out."""
        wheel = self._find(requirement)
        if wheel is not None:
            wheel.unlink()

    def _find(self, requirement: str) -> Path | None:
        name, version = requirement.split("==")
        stem = re.sub(r"[-_.]+", "_", name).lower()
        wheels = (wheel for wheel in self._folder.glob("*.whl") if wheel.name.lower().startswith(f"{stem}-{version}-"))
        return next((wheel for wheel in wheels if zipfile.is_zipfile(wheel)), None)

    def _download(self, requirement: str) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        command = [
            str(self._python), "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
            "--only-binary", ":all:", *_PLATFORM, "--dest", str(self._folder), requirement,
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, env={**os.environ, "PIP_NO_INPUT": "1"}, check=False)
        wheel = self._find(requirement)
        if done.returncode != 0 or wheel is None:
            sys.stderr.buffer.write(done.stderr)
            raise DownloadFailed(requirement)
        return wheel
