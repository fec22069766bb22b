"""Packages of the distribution that came with the appliance: removed as far as nobody else needs them."""

import os
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

Run = Callable[[Sequence[str]], str]
STAY = frozenset({"sudo"})
"""Whoever administers the machine may have no other way to be root; the package refuses to go for that reason."""
_REMOVED = re.compile(r"^(?:Purg|Remv) (\S+)", re.MULTILINE)


def run(command: Sequence[str]) -> str:
    """What a program of the distribution prints.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=environment, stdin=subprocess.DEVNULL
    )
    return done.stdout


def ours(before: Path, *, run: Run = run) -> Sequence[str]:
    """Packages that are installed now and were not before the appliance was; none where nobody wrote that down."""
    if not before.is_file():
        return ()
    known = set(before.read_text(encoding="utf-8").split())
    listed = run(["dpkg-query", "--show", "--showformat", "${db:Status-Abbrev} ${Package}\\n"])
    installed = {line.split()[1] for line in listed.splitlines() if line.startswith("i")}
    return sorted(installed - known - STAY)


def removable(packages: Sequence[str], *, run: Run = run) -> Sequence[str]:
    """Those that can go without taking along anything that somebody installed since: apt itself says what would go.

    A package whose removal would take a foreign one along stays, and so does what it needs.
    """
    left = list(packages)
    while left:
        foreign = _would_go(left, run) - set(packages)
        if not foreign:
            return left
        needed = {package for package in left if _would_go([package], run) & foreign}
        left = [package for package in left if package not in needed] if needed else []
    return ()


def purge(packages: Sequence[str], *, run: Run = run) -> str:
    """Remove them with their configuration; what apt said when it did not get to its end, empty when it did.

    A package that refuses holds no data: it is told, and stops nothing.
    """
    if not packages:
        return ""
    try:
        run(["apt-get", "--quiet", "--yes", "purge", *packages])
    except subprocess.CalledProcessError as error:
        return str(error.stderr).strip()[-300:] or "apt-get failed"
    return ""


def _would_go(packages: Sequence[str], run: Run) -> set[str]:
    printed = run(["apt-get", "--simulate", "--quiet", "purge", *packages])
    return {name.partition(":")[0] for name in _REMOVED.findall(printed)}
