"""The Python packages: what the lock file names, by its hashes, for the target's Python, and the appliance itself."""

import hashlib
import os
import re
import shutil
import subprocess
import zipfile
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

from appliance.kernel.errors import Unavailable
from images.bundle.checkout import ROOT, Checkout
from images.bundle.media_wheel import without_gpl

REQUIREMENTS_NAME = "requirements.txt"
BUILD_TOOLS = Path(__file__).with_name("build-tools.txt")
UV = ROOT / ".tools" / "uv" / "bin" / "uv"
PIP = (str(ROOT / ".tools" / "uv" / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check")
_BUILT_HERE = "llama-cpp-python"
_MEDIA = "av"
LONGEST_NAME = 100
"""Of a file in the archive, without its folders."""


class WheelsFailed(Unavailable):
    code = "bundle.wheels_failed"
    message = "The Python packages could not be {task}: {reason}"
    hint = "A bundle is made with the target's Python 3.11, after make setup, with the package index in reach."


class LanguageEngineMissing(Unavailable):
    code = "bundle.language_engine_missing"
    message = "There is no built llama-cpp-python {version} in {folder}."
    hint = "make setup builds it for the CPU, make bundle CUDA=1 for NVIDIA's cards."


def collect_wheels(folder: Path, *, checkout: Checkout, source: Path, cache: Path, engine: Path) -> None:
    """Put the wheels and ``requirements.txt`` into ``folder``.

    Args:
        source: the exported project.
        cache: keeps what was fetched, by the lock file's content.
        engine: the wheel of llama-cpp-python that was built on this machine.
    """
    if (found := _run("chosen", [PIP[0], "-c", "import sys; print(*sys.version_info[:2], sep='.')"]).strip()) != "3.11":
        raise WheelsFailed(task="chosen", reason=f"this is Python {found}")
    folder.mkdir(parents=True)
    for wheel in _fetched(source, cache):
        if wheel.name.startswith(f"{_MEDIA}-"):
            without_gpl(wheel, folder)
        else:
            shutil.copyfile(wheel, folder / name_for_archive(wheel.name))
    shutil.copyfile(engine, folder / engine.name)
    build_own_wheel(source, folder, epoch=checkout.epoch)
    (folder / REQUIREMENTS_NAME).write_text(requirements(folder), encoding="ascii")


def name_for_archive(name: str) -> str:
    """A wheel's name, with the widest of its platforms alone where all of them would not fit into the archive.

    A wheel for several platforms says so in its name; pip takes it by any one of them, and by the hash of its content.
    """
    if len(name) <= LONGEST_NAME:
        return name
    *first, platforms = name.removesuffix(".whl").split("-")
    return "-".join([*first, platforms.split(".")[0]]) + ".whl"


def requirements(folder: Path) -> str:
    """A line for every wheel in ``folder``, with its hash."""
    lines = []
    for wheel in sorted(folder.glob("*.whl")):
        fields = wheel_metadata(wheel)
        lines.append(f"{canonical(fields['Name'])}=={fields['Version']} --hash=sha256:{_sha256(wheel)}\n")
    return "".join(sorted(lines))


def wheel_metadata(wheel: Path) -> Message:
    """What the package in a wheel says about itself."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if re.match(r"[^/]+\.dist-info/METADATA\Z", name))
        return HeaderParser().parsestr(archive.read(name).decode("utf-8"))


def canonical(name: str) -> str:
    """A package's name as the index writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def engine_wheel(folder: Path) -> Path:
    """The wheel of llama-cpp-python in a folder of built ones.

    Raises:
        LanguageEngineMissing
    """
    found = sorted(folder.glob("llama_cpp_python-*.whl"))
    if not found:
        raise LanguageEngineMissing(version=locked_version(_BUILT_HERE), folder=folder)
    return found[-1]


def locked_version(name: str) -> str:
    """The version of a package in the lock file."""
    match = re.search(rf'^name = "{name}"\nversion = "(.+)"$', (ROOT / "uv.lock").read_text(), flags=re.MULTILINE)
    if match is None:
        raise WheelsFailed(task="chosen", reason=f"uv.lock names no {name}")
    return match[1]


def build_own_wheel(source: Path, folder: Path, *, epoch: int) -> Path:
    """Build the appliance's wheel from the exported project, with the portal's browser code inside."""
    shutil.copytree(ROOT / "web" / "static" / "vendor", source / "web" / "static" / "vendor", dirs_exist_ok=True)
    out = folder.parent / "own-wheel"
    command = [
        str(UV), "build", "--quiet", "--wheel", "--build-constraints", str(BUILD_TOOLS), "--out-dir", str(out),
        "--no-create-gitignore", str(source),
    ]  # fmt: skip
    _run("built", command, SOURCE_DATE_EPOCH=str(epoch))
    (built,) = out.glob("*.whl")
    shutil.move(built, folder / built.name)
    out.rmdir()
    return folder / built.name


def _fetched(source: Path, cache: Path) -> list[Path]:
    """The wheels of the lock file's runtime packages, in a folder that is complete or not there."""
    command = [
        str(UV), "export", "--quiet", "--frozen", "--no-dev", "--no-emit-project", "--no-header", "--no-annotate",
        "--no-emit-package", _BUILT_HERE, "--project", str(source),
    ]  # fmt: skip
    locked = _run("listed", command)
    folder = cache / "wheels" / hashlib.sha256(locked.encode()).hexdigest()[:16]
    if not folder.is_dir():
        fetching = folder.with_name(f"{folder.name}.fetching")
        fetching.mkdir(parents=True, exist_ok=True)
        (fetching / "locked.txt").write_text(locked, encoding="utf-8")
        where = ["--requirement", str(fetching / "locked.txt"), "--dest", str(fetching)]
        _run("fetched", [*PIP, "download", "--no-deps", "--require-hashes", "--only-binary", ":all:", *where])
        fetching.rename(folder)
    return sorted(folder.glob("*.whl"))


def _run(task: str, command: list[str], **environment: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, check=False)
    if done.returncode != 0:
        raise WheelsFailed(task=task, reason=done.stderr.strip()[-800:])
    return done.stdout


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
