"""What boxes are made of: a bundle on a stick, model packs on another, and a machine on which both were installed.

Making them takes minutes, so each is made once and kept in the cache: the bundle for what a commit ships (tests are not
shipped), the installed machine for each bundle. ``BUNDLE=file`` takes a bundle that was built before.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from appliance.models.location import starter_path
from appliance.models.model import PackKind, Role
from tests.appliance.box import CACHE, SECOND_DISK, Box
from tests.factories.packs import starter_pack

ROOT = Path(__file__).parents[2]
URL = "https://localhost"
STICK, MODELS = "/media/usb", "/media/models"
INSTALL_LIMIT_S = 1800.0
JOB_LIMIT_S = 1500.0
KEPT = 3
"""Bundles and installed machines that stay in the cache."""

took: dict[str, float] = {}
"""Seconds by what took them; printed as a table at the end."""
rates: dict[str, float] = {}
"""Megabytes in a second by what moved them; printed with them."""


@dataclass(frozen=True, slots=True)
class Stick:
    """A bundle, as one archive and unpacked."""

    archive: Path
    folder: Path

    @property
    def fingerprint(self) -> str:
        """What the printed sheet says about the root keys."""
        keys = (self.folder / f"keys/root-{number}.pem" for number in (1, 2, 3))
        return hashlib.sha256(b"".join(key.read_bytes() for key in keys)).hexdigest()

    @property
    def sha256(self) -> str:
        """Hash of what was signed: the same bundle, the same hash."""
        return hashlib.sha256((self.folder / "manifest.json").read_bytes()).hexdigest()


def stick_of(archive: Path, folder: Path) -> Stick:
    """Unpack a bundle into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["tar", "--extract", "--file", archive, "--directory", folder], check=True)
    (inside,) = folder.iterdir()
    return Stick(archive, inside)


@cache
def this_commit() -> Stick:
    """The bundle of the present commit, or the one that ``BUNDLE`` names."""
    if given := os.environ.get("BUNDLE"):
        archive = Path(given).resolve()
        key = f"{hashlib.sha256(str(archive).encode()).hexdigest()[:12]}-{archive.stat().st_mtime_ns}"
    else:
        archive = None
        key = _content()
    with made_once("bundles", key) as (folder, partial):
        if partial is not None:
            if archive is None:
                command = [sys.executable, "-m", "images.bundle", "--out", str(partial)]
                subprocess.run(command, cwd=ROOT, check=True, stdout=sys.stderr)
                (built,) = partial.glob("*.tar")
            else:
                built = partial / archive.name
                shutil.copyfile(archive, built)
            stick_of(built, partial / "unpacked")
    (built,) = folder.glob("*.tar")
    (inside,) = (folder / "unpacked").iterdir()
    return Stick(built, inside)


def _content() -> str:
    """A name for what a bundle of the present commit holds: a commit that changes tests alone gets the same."""
    listed = subprocess.run(["git", "ls-tree", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    shipped = [line for line in listed.splitlines() if not line.endswith("\ttests")]
    return hashlib.sha256("\n".join(shipped).encode()).hexdigest()[:12]


@cache
def models_stick() -> Path:
    """A folder with the starter packs."""
    for kind, role in (
        (PackKind.SPEECH, None),
        (PackKind.SPEAKERS, Role.TURNS),
        (PackKind.SPEAKERS, Role.VOICES),
        (PackKind.LANGUAGE, None),
    ):
        starter_pack(kind, role)
    return starter_path() / "packs"


def media_with(stick: Stick) -> Mapping[str, Path]:
    """The two sticks in their sockets."""
    return {STICK: stick.folder, MODELS: models_stick()}


def install(box: Box, stick: Stick) -> str:
    """Run install.sh on a bare box; what it said."""
    return box.run(f"{STICK}/install.sh", "--trust", stick.fingerprint, timeout_s=INSTALL_LIMIT_S).stdout


def one_time_code(said: str) -> str:
    """The first administrator's code from what install.sh said."""
    return said.split("One-time code")[1].split()[0]


def import_models(box: Box) -> None:
    """Import every pack of the models' stick."""
    for pack in sorted(models_stick().iterdir()):
        box.run("hangjegyzet", "models", "import", f"{MODELS}/{pack.name}")


@cache
def installed_root(stick: Stick) -> Path:
    """The disk of a machine that is ready for use: installed, with models and a first administrator, switched off.

    The administrator is the one of ``tests.appliance.visit``. Boxes stand on it; it is never booted again.
    """
    packs = ",".join(sorted(pack.name for pack in models_stick().iterdir()))
    key = hashlib.sha256(f"{stick.sha256} {packs}".encode()).hexdigest()[:12]
    with made_once("installed", key) as (folder, partial):
        if partial is not None:
            with Box.new("hj-ready", partial, media=media_with(stick)) as box:
                code = one_time_code(install(box, stick))
                import_models(box)
                visit(box, "--code", code)
                box.power_off()
                subprocess.run(["cp", "--archive", str(box.root), str(partial / "root")], check=True)
                subprocess.run(["cp", "--archive", str(box.backups), str(partial / SECOND_DISK)], check=True)
    return folder / "root"


def visit(box: Box, *arguments: str | Path, url: str = URL) -> dict[str, Any]:
    """What a visitor on the box's wire sees."""
    certificate = box.root / "var/lib/hangjegyzet/tls/portal.pem"
    command = box.in_its_network(sys.executable, "-m", "tests.appliance.visit", url, certificate, *arguments)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=JOB_LIMIT_S, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def finding(box: Box, check: str) -> dict[str, Any]:
    """What one health check of the box says."""
    report = json.loads(box.run("hangjegyzet", "health", check, "--json", check=False, timeout_s=600).stdout)
    (found,) = report["checks"]
    return dict(found)


def complaints(box: Box) -> dict[str, str]:
    """What the box's health is not content with."""
    report = json.loads(box.run("hangjegyzet", "health", "--json", check=False, timeout_s=600).stdout)
    return {check["id"]: check["summary"] for check in report["checks"] if check["severity"] != "ok"}


def step(box: Box, job: str, name: str) -> str:
    """The state of a job's step, as the box's own command tells it."""
    shown = json.loads(box.run("hangjegyzet", "job", "show", job, "--json").stdout)
    return next(str(one["state"]) for one in shown["steps"] if one["name"] == name)


def newest_meeting(box: Box) -> str:
    """The id of the meeting that was sent last."""
    return str(json.loads(box.run("hangjegyzet", "meeting", "list", "--json").stdout)["meetings"][0]["id"])


@contextmanager
def made_once(kind: str, key: str) -> Iterator[tuple[Path, Path | None]]:
    """The folder of that key, and while it is not there yet a folder to make it in, renamed when the block ends.

    The newest ``KEPT`` of a kind stay, and those that another run holds; this run holds its own until it ends.
    """
    kinds = CACHE / kind
    kinds.mkdir(parents=True, exist_ok=True)
    hold = (kinds / f"{key}.lock").open("w")
    _held.append(hold)
    folder = kinds / key
    # Another run may hold it for long; only who makes it needs it alone.
    fcntl.flock(hold, fcntl.LOCK_SH)
    if not folder.is_dir():
        fcntl.flock(hold, fcntl.LOCK_EX)
    if folder.is_dir():
        folder.touch()
        yield folder, None
    else:
        partial = kinds / f"{key}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        try:
            yield folder, partial
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        partial.rename(folder)
    fcntl.flock(hold, fcntl.LOCK_SH)
    _forget_old(kinds)


_held: list[Any] = []


def _forget_old(kinds: Path) -> None:
    folders = sorted(
        (one for one in kinds.iterdir() if one.is_dir() and one.suffix != ".partial"),
        key=lambda one: one.stat().st_mtime,
        reverse=True,
    )
    for folder in folders[KEPT:]:
        lock = folder.with_name(f"{folder.name}.lock")
        with lock.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            shutil.rmtree(folder, ignore_errors=True)
            lock.unlink()
