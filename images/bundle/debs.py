"""The distribution's packages: the closure that a bare system lacks, fetched and checked by apt itself.

apt runs in a folder of its own, with the system's keyring and nothing else of this machine, and believes in a package
status that we write: that of a system which has the packages every installation has. It needs no root.
"""

import hashlib
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.kernel.errors import Unavailable
from appliance.releases.model import Target

DATA = Path(__file__).with_name("debs.toml")
MACHINE = Path(__file__).parents[1] / "machine" / "packages.toml"
INDEX_NAME = "Packages"
WANTED_NAME = "wanted"
"""Names for install.sh, one a line; the rest of the closure follows."""
SYSTEM_NAME = "system"
"""What a machine has that a release does not bring, as of the day when it was made: where updates begin to count."""
_OF_SYSTEM = ("Package", "Source", "Version", "Architecture", "Multi-Arch", "Provides")
_INSTALLED = "Status: install ok installed"


class AptFailed(Unavailable):
    code = "bundle.apt_failed"
    message = "apt could not {task}: {reason}"
    hint = "A bundle is made on Debian with a network. Try again, or give the packages of an earlier one: DEBS=FOLDER"


@dataclass(frozen=True, slots=True)
class Deb:
    """One package as apt would install it."""

    name: str
    version: str
    source: str
    record: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """The data file: which system, from where, and which packages for which reason."""

    target: Target
    suites: tuple[tuple[str, str], ...]
    keyring: Path
    packages: dict[str, str]
    cluster: dict[str, str]

    @classmethod
    def load(cls) -> "Wanted":
        data = tomllib.loads(DATA.read_text(encoding="utf-8"))
        system = data["system"]
        target = Target(**{key: system[key] for key in ("os", "os_version", "arch", "python")})
        suites = tuple((suite["uri"], suite["suite"]) for suite in system["suites"])
        return cls(target, suites, Path(system["keyring"]), data["packages"], data["cluster"])


class Apt:
    """apt with a root of its own."""

    def __init__(self, folder: Path, wanted: Wanted, *, source: Path | None = None) -> None:
        """Args: ``source`` is a folder with packages and their index that stands for the distribution's archive."""
        self._folder = folder
        self._wanted = wanted
        for name in ("lists/partial", "cache/archives/partial", "pool", "parts"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        archive = [f"deb [signed-by={wanted.keyring}] {uri} {suite} main\n" for uri, suite in wanted.suites]
        sources = archive if source is None else [f"deb [trusted=yes] file:{source} ./\n"]
        (folder / "sources.list").write_text("".join(sources), encoding="utf-8")

    def update(self) -> None:
        """Fetch the distribution's signed lists."""
        self._run("fetch the lists of packages", ["apt-get", "update"], installed=())

    def closure(self, packages: Iterable[str], *, installed: Sequence[Deb]) -> tuple[Deb, ...]:
        """What apt would install, in its order, on a system that has ``installed``."""
        command = ["apt-get", "install", "--simulate", "--no-install-recommends", *packages]
        out = self._run("work out what is needed", command, installed=installed)
        return self._chosen(out)

    def upgrade(self, installed: Sequence[Deb]) -> tuple[Deb, ...]:
        """What is newer in the archive than ``installed``, and what that needs besides; nothing is taken away for it.

        Raises:
            AptFailed: something newer cannot come without taking another thing away.
        """
        command = ["apt-get", "upgrade", "--with-new-pkgs", "--simulate", "--no-install-recommends"]
        out = self._run("work out what is newer", command, installed=installed)
        if left := re.search(r"^The following packages have been kept back:\n((?:  .*\n)+)", out, flags=re.MULTILINE):
            raise AptFailed(task="bring these up to date without taking others away", reason=left[1].strip())
        # apt takes one of the same version for another where its description is shorter, as ours are.
        there = {(deb.name, deb.version) for deb in installed}
        return tuple(deb for deb in self._chosen(out) if (deb.name, deb.version) not in there)

    def download(self, debs: Sequence[Deb]) -> tuple[Path, ...]:
        """The packages' files; apt compares them with the signed lists."""
        names = [f"{deb.name}={deb.version}" for deb in debs]
        self._run("fetch packages", ["apt-get", "download", *names], installed=(), cwd=self._folder / "pool")
        return tuple(self._folder / "pool" / _file_name(deb, self._wanted.target.arch) for deb in debs)

    def _chosen(self, out: str) -> tuple[Deb, ...]:
        chosen = re.findall(r"^Inst (\S+) (?:\[\S+\] )?\((\S+) ", out, flags=re.MULTILINE)
        if not chosen:
            return ()
        names = [f"{name}={version}" for name, version in chosen]
        return tuple(read_debs(self._run("describe packages", ["apt-cache", "show", *names], installed=())))

    def _run(self, task: str, command: Sequence[str], *, installed: Sequence[Deb], cwd: Path | None = None) -> str:
        status = self._folder / "status"
        status.write_text("".join(f"{_as_installed(deb)}\n\n" for deb in installed), encoding="utf-8")
        done = subprocess.run(
            [command[0], *self._options(status), *command[1:]],
            capture_output=True,
            text=True,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
            cwd=cwd,
            check=False,
        )
        if done.returncode != 0:
            raise AptFailed(task=task, reason=done.stderr.strip()[-800:])
        return done.stdout

    def _options(self, status: Path) -> list[str]:
        arch = self._wanted.target.arch
        options = {
            "Dir::State": self._folder,
            "Dir::State::lists": self._folder / "lists",
            "Dir::State::status": status,
            "Dir::Cache": self._folder / "cache",
            "Dir::Etc::sourcelist": self._folder / "sources.list",
            "Dir::Etc::sourceparts": self._folder / "parts",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": self._folder / "parts",
            "APT::Architecture": arch,
            "APT::Architectures": arch,
            "APT::Sandbox::User": "",
            "APT::Get::Assume-Yes": "true",
            "Acquire::Languages": "none",
            "Debug::NoLocking": "true",
        }
        return [word for key, value in options.items() for word in ("-o", f"{key}={value}")]


def read_debs(text: str) -> Iterator[Deb]:
    """The packages that an index, or dpkg's status, describes."""
    for record in re.split(r"\n\n+", text.strip()):
        fields: dict[str, str] = dict(re.findall(r"^([A-Za-z-]+): (.*)$", record, flags=re.MULTILINE))
        if "Package" in fields and "Version" in fields and " ok config-files" not in fields.get("Status", ""):
            source = fields.get("Source", fields["Package"]).partition(" ")[0]
            yield Deb(fields["Package"], fields["Version"], source, record)


def closure(apt: Apt, wanted: Wanted) -> tuple[Deb, ...]:
    """The wanted packages and all that they need which a bare system lacks, by name.

    Packages that a bare system has are added where another package from the same source is shipped: the distribution
    builds these for one another, and the machine may have an older point release of them.
    """
    bare = apt.closure(["?essential", "?priority(required)", "apt"], installed=())
    needed = apt.closure(wanted.packages, installed=bare)
    sources = {deb.source for deb in needed}
    siblings = {deb.name: deb for deb in bare if deb.source in sources}
    everything = {**siblings, **{deb.name: deb for deb in needed}}
    return tuple(everything[name] for name in sorted(everything))


def cluster_closure(apt: Apt, wanted: Wanted) -> tuple[Deb, ...]:
    """What members of a cluster need besides, on a machine that has the wanted packages."""
    bare = apt.closure(["?essential", "?priority(required)", "apt"], installed=())
    box = {deb.name: deb for deb in (*bare, *apt.closure(wanted.packages, installed=bare))}
    return apt.closure(wanted.cluster, installed=tuple(box.values()))


def system(apt: Apt) -> tuple[Deb, ...]:
    """What a machine has besides: a bare system, its kernel, and what our images add."""
    told = tomllib.loads(MACHINE.read_text(encoding="utf-8"))
    return apt.closure(["?essential", "?priority(required)", "apt", *told["bare"], *told["machine"]], installed=())


def collect_debs(folder: Path, cluster_folder: Path, cache: Path) -> tuple[Deb, ...]:
    """Put the packages and their index into ``folder``, and those of a cluster's members into ``cluster_folder``."""
    wanted = Wanted.load()
    apt = Apt(cache / "apt", wanted)
    apt.update()
    debs, cluster_debs = closure(apt, wanted), cluster_closure(apt, wanted)
    chosen = ((folder, debs, wanted.packages), (cluster_folder, cluster_debs, wanted.cluster))
    for target, packages, names in chosen:
        target.mkdir(parents=True)
        for path in apt.download(packages):
            shutil.copyfile(path, target / path.name)
        write_index(target, names)
    write_system(folder, system(apt))
    return debs


def write_index(folder: Path, wanted: Iterable[str]) -> None:
    """The index that apt reads, of every package in ``folder``, and the names of those that were wanted.

    Raises:
        AptFailed: one of them is no package.
    """
    entries = (_entry(path) for path in sorted(folder.glob("*.deb")))
    (folder / INDEX_NAME).write_text("".join(f"{entry}\n\n" for entry in entries), encoding="utf-8")
    (folder / WANTED_NAME).write_text("".join(f"{name}\n" for name in sorted(wanted)), encoding="ascii")


def write_system(folder: Path, debs: Sequence[Deb]) -> None:
    """The list of what a machine has that is not in ``folder``."""
    kept = re.compile(rf"^(?:{'|'.join(_OF_SYSTEM)}): .*$", flags=re.MULTILINE)
    records = ("\n".join(kept.findall(deb.record)) for deb in sorted(debs, key=lambda deb: deb.name))
    (folder / SYSTEM_NAME).write_text("".join(f"{record}\n\n" for record in records), encoding="utf-8")


def _entry(path: Path) -> str:
    done = subprocess.run(["dpkg-deb", "--field", str(path)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AptFailed(task=f"read {path.name}", reason=done.stderr.strip())
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    return f"{done.stdout.rstrip()}\nFilename: ./{path.name}\nSize: {path.stat().st_size}\nSHA256: {sha256}"


def _as_installed(deb: Deb) -> str:
    lines = (
        line
        for line in deb.record.splitlines()
        if not line.startswith(("Filename:", "Size:", "SHA256:", "MD5sum:", "Status:"))
    )
    first, *rest = lines
    return "\n".join([first, _INSTALLED, *rest])


def _file_name(deb: Deb, arch: str) -> str:
    built_for = re.search(r"^Architecture: (\S+)$", deb.record, flags=re.MULTILINE)
    return f"{deb.name}_{deb.version.replace(':', '%3a')}_{built_for[1] if built_for else arch}.deb"
