"""The distribution's packages when they change by themselves: apt works out what, dpkg does it, the way back is kept.

apt sees one source: the folder of packages in the checked copy of the bundle, by the index that was signed with it. No
list of this machine's counts, and nothing is fetched.
"""

import fcntl
import os
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import structlog

from appliance.adapters.upgrades.repacking import ADMIN, read_installed, repack
from appliance.adapters.upgrades.shelf import PATH
from appliance.kernel.durable import sync_folder
from appliance.upgrades.errors import PackagesFailed
from appliance.upgrades.model import Change

log = structlog.get_logger()

LIMIT_S = 3600.0
LOCK_WAIT_S = 300.0
SHOWN_CHARACTERS = 2000
ROOT = Path("/")

_ENTRY = re.compile(r"^Inst (\S+) (?:\[(\S+)\] )?\((\S+) ", re.MULTILINE)
_REMOVED = re.compile(r"^(?:Remv|Purg) (\S+)", re.MULTILINE)
_KEPT_BACK = re.compile(r"^The following packages have been kept back:\n((?:  .*\n)+)", re.MULTILINE)
_QUIET = {
    "DEBIAN_FRONTEND": "noninteractive",
    "DEBCONF_NONINTERACTIVE_SEEN": "true",
    "UCF_FORCE_CONFFOLD": "1",
    "NEEDRESTART_SUSPEND": "1",
    "APT_LISTCHANGES_FRONTEND": "none",
}
_TRANSITION = ("downgrade", "confdef", "confold", "depends", "breaks", "conflicts", "overwrite")
"""What dpkg may do on the way from one whole set of packages to another, where no order satisfies both at each step."""


class DpkgSystem:
    """Packages of this machine, or of a system in a folder.

    Args:
        work: root's own folder for apt's lists and for what is kept; inside ``root``.
        root: the system.
    """

    def __init__(self, work: Path, *, root: Path = ROOT) -> None:
        self._work = work
        self._kept = work / "kept"
        self._root = root

    def installed(self) -> Mapping[str, str]:
        """Version by name of what is whole; ``name:arch`` where it is not of this machine's architecture."""
        return {name: version for name, (version, state) in self._listed().items() if state == "installed"}

    def complaints(self) -> Sequence[str]:
        """What keeps packages from changing now, a sentence each: half set up, broken, or somebody else at it."""
        found = [f"Package {name} is {state}." for name, (_, state) in self._listed().items() if state != "installed"]
        if found:
            return [*found, "Set them up first: dpkg --configure -a"]
        return ["Another program is changing packages."] if self._is_locked() else []

    def unpacked_bytes(self) -> Mapping[str, int]:
        """What each installed package takes on the disk, by name."""
        packages = read_installed(self._root)
        return {name: int(package.field("Installed-Size") or 0) << 10 for name, package in packages.items()}

    def plan(self, folder: Path) -> Sequence[Change]:
        """What a bundle would change here, by its own index alone, without doing it.

        Raises:
            PackagesFailed: something would have to go for it, or cannot come without what the bundle lacks.
        """
        self._update(folder)
        told = self._apt(folder, "--simulate", "--with-new-pkgs", "upgrade")
        if removed := _REMOVED.findall(told):
            raise PackagesFailed(reason=f"they would take away {', '.join(removed)}")
        if left := self._left_behind(told):
            raise PackagesFailed(reason=f"{', '.join(left)} needs packages that are neither here nor in the bundle")
        found = (Change(*entry) for entry in _ENTRY.findall(told))
        # apt may want to put in what is there already, where another build of the same version is in the bundle.
        return sorted((change for change in found if change.old != change.new), key=lambda change: change.name)

    def keep(self, changes: Sequence[Change]) -> None:
        """Make packages again of the versions that are installed, to go back to.

        Raises:
            PackagesFailed
        """
        self._kept.mkdir(parents=True, exist_ok=True, mode=0o700)
        packages = read_installed(self._root)
        for change in changes:
            if not change.old:
                continue
            package = packages.get(change.name)
            if package is None or package.field("Version") != change.old:
                raise PackagesFailed(reason=f"{change.name} {change.old} is not what is installed")
            try:
                repack(package, self._kept, root=self._root)
            except OSError as error:
                raise PackagesFailed(reason=f"{change.name} cannot be kept: {error.strerror}") from error
        sync_folder(self._kept)

    def install(self, folder: Path, changes: Sequence[Change]) -> None:
        """Bring the changes about; configuration that was edited here stays.

        Raises:
            PackagesFailed: they are not all there afterwards.
        """
        self._update(folder)
        self._apt(folder, "--with-new-pkgs", "upgrade")
        self._require({change.name: change.new for change in changes})

    def restore(self, changes: Sequence[Change]) -> None:
        """Go back to what was kept, from wherever it was cut off; what was new is taken away.

        Raises:
            PackagesFailed: they are not all there afterwards.
        """
        self._await_lock()
        # A killed run leaves packages half set up; that some cannot be is why this goes back.
        self._dpkg("--configure", "-a", check=False)
        there = self._listed()
        back = [one for one in changes if one.old and there.get(one.name) != (one.old, "installed")]
        files = [self._inside(self._file_of(change)) for change in back]
        if files:
            self._dpkg(*(f"--force-{what}" for what in _TRANSITION), "--install", *files)
        if gone := [change.name for change in changes if not change.old and change.name in there]:
            self._dpkg("--force-depends", "--purge", *gone)
        self._require({change.name: change.old for change in changes if change.old})
        log.info("packages_restored", packages=len(files), removed=len(gone))

    def _file_of(self, change: Change) -> Path:
        name, _, arch = change.name.partition(":")
        version = change.old.replace(":", "%3a")
        found = sorted(self._kept.glob(f"{name}_{version}_{arch or '*'}.deb"))
        if not found:
            raise PackagesFailed(reason=f"{change.name} {change.old} was not kept")
        return found[0]

    def _require(self, versions: Mapping[str, str]) -> None:
        there = self.installed()
        if wrong := sorted(name for name, version in versions.items() if there.get(name) != version):
            said = ", ".join(f"{name} is {there.get(name, 'not whole')}" for name in wrong[:10])
            raise PackagesFailed(reason=f"not everything is as it should be: {said}")

    def _left_behind(self, told: str) -> Sequence[str]:
        """What apt leaves back although nobody put it on hold."""
        match = _KEPT_BACK.search(told)
        left = match[1].split() if match else []
        held = set(self._run("apt-mark", "showhold").split()) if left else set()
        return [name for name in left if name not in held]

    def _listed(self) -> Mapping[str, tuple[str, str]]:
        """Version and state by name, of what was not merely removed."""
        shown = "${Package}\\t${Architecture}\\t${Version}\\t${db:Status-Status}\\n"
        own = self._run("dpkg", "--print-architecture").strip()
        found = {}
        for line in self._run("dpkg-query", "--show", f"--showformat={shown}").splitlines():
            name, arch, version, state = line.split("\t")
            if state not in {"config-files", "not-installed"}:
                # Waiting for a trigger is whole: dpkg serves it with the next call.
                whole = "installed" if state.startswith("triggers-") else state
                found[name if arch in {own, "all"} else f"{name}:{arch}"] = (version, whole)
        return found

    def _update(self, folder: Path) -> None:
        """Let apt read the bundle's index; lists of this machine stay as they are."""
        apt = self._work / "apt"
        for name in ("lists/partial", "cache/archives/partial", "parts"):
            (apt / name).mkdir(parents=True, exist_ok=True)
        (apt / "sources.list").write_text(f"deb [trusted=yes] file:{self._inside(folder)}/debs ./\n", encoding="utf-8")
        self._apt(folder, "update")

    def _apt(self, folder: Path, *words: str) -> str:
        apt = self._inside(self._work / "apt")
        options = {
            "Dir::Etc::sourcelist": f"{apt}/sources.list",
            "Dir::Etc::sourceparts": f"{apt}/parts",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": f"{apt}/parts",
            "Dir::State::lists": f"{apt}/lists",
            "Dir::Cache": f"{apt}/cache",
            "Acquire::Languages": "none",
            "APT::Sandbox::User": "root",
            "APT::Install-Recommends": "false",
            "APT::Get::AutomaticRemove": "false",
            "DPkg::Lock::Timeout": str(int(LOCK_WAIT_S)),
            "Dpkg::Options::": "--force-confdef",
        }
        settings = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
        settings += ["-o", "Dpkg::Options::=--force-confold"]
        log.info("apt", words=words, folder=str(folder))
        return self._run("apt-get", "--quiet", "--yes", *settings, *words)

    def _dpkg(self, *words: str, check: bool = True) -> None:
        self._run("dpkg", *words, check=check)

    def _run(self, *command: str, check: bool = True) -> str:
        """Run a program of the system; what it printed on stdout.

        Raises:
            PackagesFailed: it failed; with what it said last.
        """
        inside = () if self._root == ROOT else ("chroot", str(self._root))
        done = subprocess.run(
            [*inside, *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env={"PATH": PATH, "LC_ALL": "C.UTF-8", "HOME": "/root", **_QUIET},
            timeout=LIMIT_S,
            check=False,
            cwd="/",
        )
        if check and done.returncode != 0:
            said = f"{done.stdout[-SHOWN_CHARACTERS:]}\n{done.stderr[-SHOWN_CHARACTERS:]}".strip()
            raise PackagesFailed(reason=said or f"{command[0]} ended with {done.returncode}")
        return done.stdout

    def _inside(self, path: Path) -> str:
        """A path as programs of the system see it."""
        return f"/{path.relative_to(self._root)}"

    def _is_locked(self) -> bool:
        try:
            descriptor = os.open(self._root / ADMIN / "lock-frontend", os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(descriptor)
        return False

    def _await_lock(self) -> None:
        """A dpkg that outlived its killed driver is let come to its end."""
        deadline = time.monotonic() + LOCK_WAIT_S
        while self._is_locked() and time.monotonic() < deadline:
            time.sleep(0.5)
