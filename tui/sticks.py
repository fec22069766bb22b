"""What lies on sticks and disks that somebody plugged in: bundles and packs of models, as they describe themselves.

A look, for choosing from: nothing is believed here. What is chosen is checked by the verb that takes it.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from appliance.kernel.errors import HangJegyzetError
from appliance.models.manifest import MAX_MANIFEST_BYTES as MAX_PACK_BYTES
from appliance.models.manifest import read_manifest as read_pack
from appliance.models.model import MANIFEST_NAME as PACK_NAME
from appliance.models.model import Pack
from appliance.releases.contents import FIRST_PART, claims_signature, open_contents, read_limited
from appliance.releases.model import Manifest
from appliance.releases.verification import MANIFEST_NAME, MAX_MANIFEST_BYTES, read_manifest

PLACES: Final = ("/media", "/mnt", "/run/media")
"""Where a system, or a person, mounts what was plugged in."""
MOST_ENTRIES: Final = 400
"""Of a folder, that many are looked at: a stick may hold anything."""
MOST_FOUND: Final = 50
DEPTH: Final = 2
_MODELS: Final = "hangjegyzet-models-"
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Found:
    """Something that could be taken.

    Args:
        bytes: on the stick; of an unpacked folder nothing is added up.
        manifest: what it says it is; of a bundle.
        pack: the same, of a pack; nothing where it does not say.
        fault: why it cannot be read; empty where it can.
    """

    path: Path
    bytes: int | None
    manifest: Manifest | None = None
    pack: Pack | None = None
    fault: str = ""


def plugged_in(table: Path = Path("/proc/self/mounts"), places: Sequence[str] = PLACES) -> Sequence[Path]:
    """Mounted file systems below ``places``, in the order in which they were mounted."""
    try:
        lines = table.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ()
    mounted = (_unescaped(line.split(" ")[1]) for line in lines if line.count(" ") > 1)
    return tuple(dict.fromkeys(Path(where) for where in mounted if any(_below(where, place) for place in places)))


def bundles(sticks: Sequence[Path]) -> Sequence[Found]:
    """Bundles on ``sticks``: archives, first parts, unpacked folders."""
    return _looked_at(sticks, _is_bundle, _bundle)


def packs(sticks: Sequence[Path]) -> Sequence[Found]:
    """Packs of models on ``sticks``: archives, first parts, folders, files of weights."""
    return _looked_at(sticks, _is_pack, _pack)


def signatures(sticks: Sequence[Path]) -> Sequence[Path]:
    """Files that ``ssh-keygen -Y sign`` may have written."""
    return tuple(islice((one for one in _entries(sticks) if one.suffix == ".sig" and one.is_file()), MOST_FOUND))


def _looked_at(
    sticks: Sequence[Path], wanted: Callable[[Path], bool], look: Callable[[Path], Found]
) -> Sequence[Found]:
    found: list[Found] = []
    for path in _entries(sticks):
        try:
            if wanted(path):
                found.append(look(path))
        except OSError as error:  # pulled out, or a scratch on it: the others may be whole
            found.append(Found(path, None, fault=error.strerror or str(error)))
        if len(found) >= MOST_FOUND:
            break
    return tuple(found)


def _entries(sticks: Sequence[Path]) -> Iterator[Path]:
    level = list(sticks)
    for _depth in range(DEPTH):
        below: list[Path] = []
        for folder in level:
            yield folder
            below += _children(folder)
        yield from (path for path in below if not path.is_dir())
        level = [path for path in below if path.is_dir() and not path.is_symlink()]
    yield from level


def _children(folder: Path) -> Sequence[Path]:
    try:
        return sorted(islice((path for path in folder.iterdir() if not path.name.startswith(".")), MOST_ENTRIES))
    except OSError:
        return ()


def _is_bundle(path: Path) -> bool:
    if path.is_dir():
        return (path / MANIFEST_NAME).is_file() and claims_signature(path)
    return _is_archive(path) and not path.name.startswith(_MODELS) and claims_signature(path)


def _bundle(path: Path) -> Found:
    try:
        with open_contents(path) as contents:
            size = sum(contents.sizes().values())
            manifest = read_manifest(read_limited(contents, MANIFEST_NAME, MAX_MANIFEST_BYTES), source=contents.label)
    except HangJegyzetError as error:
        return Found(path, None, fault=str(error))
    return Found(path, size, manifest=manifest)


def _is_pack(path: Path) -> bool:
    if path.is_dir():
        return (path / PACK_NAME).is_file()
    return path.suffix == ".gguf" or (_is_archive(path) and path.name.startswith(_MODELS))


def _pack(path: Path) -> Found:
    size = None if path.is_dir() else path.stat().st_size
    if not claims_signature(path):
        return Found(path, size)
    try:
        with open_contents(path) as contents:
            size = sum(contents.sizes().values())
            pack = read_pack(read_limited(contents, PACK_NAME, MAX_PACK_BYTES), source=contents.label)
    except HangJegyzetError as error:
        return Found(path, size, fault=str(error))
    return Found(path, size, pack=pack)


def _is_archive(path: Path) -> bool:
    return path.name.endswith((".tar", f".tar{FIRST_PART}")) and path.is_file()


def _below(where: str, place: str) -> bool:
    return where == place or where.startswith(f"{place}/")


def _unescaped(text: str) -> str:
    """A name as the kernel's table writes it: blanks and the like as ``\\040``."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)), text)
