"""The language engine's wheel: built by ``make setup`` for the CPU, or here for NVIDIA's cards; kept by its flags."""

import hashlib
import os
import shutil
import subprocess
import tempfile
import tomllib
from pathlib import Path

from appliance.kernel.errors import Unavailable
from images.bundle.checkout import ROOT
from images.bundle.wheels import PIP, UV, locked_version

_PACKAGE = "llama-cpp-python"
CUDA_ARCHITECTURES = "75-virtual;80-real;86-real;89-real;90-real;90-virtual"
"""Turing to Hopper; newer cards compile the last one at the first start."""


class ToolkitMissing(Unavailable):
    code = "bundle.cuda_missing"
    message = "This machine has no complete CUDA toolkit: {part} is missing."
    hint = "Install NVIDIA's CUDA toolkit with cuBLAS, or make the bundle without CUDA=1."


class EngineNotBuilt(Unavailable):
    code = "bundle.engine_not_built"
    message = "The language engine could not be built; the end of {log} says why."
    hint = "Look at the log. Without CUDA=1 the bundle holds the engine for the CPU."


def cached_engine(*, cuda: bool = False) -> Path:
    """Where the built wheel is kept; the same place as in images/setup.sh."""
    flags = "".join(f"{name}={value}\n" for name, value in engine_flags(cuda=cuda).items())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    digest = hashlib.sha256(flags.encode()).hexdigest()[:12]
    return cache / "hangjegyzet" / "wheels" / f"{_PACKAGE}-{locked_version(_PACKAGE)}-{digest}"


def engine_flags(*, cuda: bool) -> dict[str, str]:
    """The environment of the build, from pyproject.toml.

    The engine for cards needs CUDA's runtime and cuBLAS on the machine that runs it, as the speech engine does.
    """
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["uv"]
    flags: dict[str, str] = dict(tool["extra-build-variables"][_PACKAGE])
    if cuda:
        flags["CMAKE_ARGS"] += f" -DGGML_CUDA=ON -DCMAKE_CUDA_ARCHITECTURES={CUDA_ARCHITECTURES}"
    return flags


def build_cuda_engine() -> Path:
    """Build the wheel for NVIDIA's cards, once; the folder that holds it.

    Raises:
        ToolkitMissing, EngineNotBuilt
    """
    folder = cached_engine(cuda=True)
    if any(folder.glob("*.whl")):
        return folder
    require_toolkit(Path(os.environ.get("CUDA_HOME") or "/usr/local/cuda"))
    work = Path(tempfile.mkdtemp(prefix="hangjegyzet-cuda-"))
    export = [str(UV), "export", "--quiet", "--frozen", "--no-emit-project", "--no-header", "--no-annotate"]
    locked = subprocess.run(export, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    (work / "requirement.txt").write_text(_lines_about(_PACKAGE, locked), encoding="utf-8")
    command = [
        *PIP,
        "wheel",
        "--verbose",
        "--no-deps",
        "--require-hashes",
        "--requirement",
        "requirement.txt",
        "--wheel-dir",
        ".",
    ]
    with (work / "log").open("wb") as log:
        flags = {**os.environ, **engine_flags(cuda=True)}
        done = subprocess.run(command, cwd=work, stdout=log, stderr=subprocess.STDOUT, env=flags, check=False)
    if done.returncode != 0:
        raise EngineNotBuilt(log=work / "log")
    folder.mkdir(parents=True)
    for wheel in work.glob("*.whl"):
        shutil.move(wheel, folder / wheel.name)
    shutil.rmtree(work)
    return folder


def require_toolkit(home: Path) -> None:
    """Find out in a second what the build would find out in the middle.

    Raises:
        ToolkitMissing: the compiler, or cuBLAS, which the CUDA back end computes with.
    """
    if shutil.which("nvcc") is None:
        raise ToolkitMissing(part="nvcc")
    if not (home / "include" / "cublas_v2.h").is_file():
        raise ToolkitMissing(part=f"cuBLAS in {home}")


def _lines_about(package: str, locked: str) -> str:
    entries = locked.replace("\\\n", " ").splitlines()
    return "".join(f"{entry}\n" for entry in entries if entry.startswith(f"{package}=="))
