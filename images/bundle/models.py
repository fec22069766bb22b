"""Signed packs of models: ``python -m images.bundle.models [NAME …]``; ``make models-pack`` calls it.

Each installed pack becomes an archive of its own, ``hangjegyzet-models-NAME.tar``, in parts where it is larger than FAT
allows. ``hangjegyzet models import`` checks who signed it, then imports it like any other.
"""

import argparse
import os
import shutil
import sys
from pathlib import Path

import msgspec

from appliance.kernel.errors import HangJegyzetError
from appliance.kernel.units import format_bytes
from appliance.models.location import starter_path
from appliance.models.manifest import write_manifest
from appliance.models.model import MANIFEST_NAME, InstalledPack, Pack
from appliance.models.service import ModelRegistry
from images.bundle.checkout import ROOT
from images.bundle.sealing import PART_BYTES, Signer, hash_files, put_keys, seal, write_archive
from images.release_keys.development import ensure_development_keys
from images.release_keys.passphrase import passphrase_for

MTIME = 1_577_836_800
"""2020-01-01: a pack is its content, whenever it is made."""


def main() -> int:
    """Make the packs; 0 when they lie in the folder."""
    parser = argparse.ArgumentParser(description="Make signed packs of installed models.")
    parser.add_argument("names", nargs="*", help="packs; none means all that are installed")
    parser.add_argument("--models", type=Path, default=starter_path(), help="models folder (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="where to (default: %(default)s)")
    parser.add_argument("--keys", type=Path, help="folder of the ceremony; unset: throw-away keys of this machine")
    options = parser.parse_args()
    keys = options.keys or ensure_development_keys()
    registry = ModelRegistry(options.models)
    try:
        signer = Signer.of(keys, passphrase_for(keys))
        packs = [registry.get(name) for name in options.names] or registry.list()
        for pack in packs:
            for path in make_pack(pack, options.out, signer):
                sys.stdout.write(f"{path}  {format_bytes(path.stat().st_size)}\n")
    except HangJegyzetError as error:
        sys.stderr.write(f"error: {error}\n{error.remedy}\n")
        return 1
    return 0


def make_pack(pack: InstalledPack, out: Path, signer: Signer, *, part_bytes: int = PART_BYTES) -> list[Path]:
    """Write the signed archive of one pack; its files are the archive, or its parts."""
    top = f"hangjegyzet-models-{pack.name}"
    folder = out / f".{top}.partial"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        for file in pack.pack.shipped:
            _link(pack.path / file.path, folder / file.path)
        (folder / MANIFEST_NAME).write_bytes(write_manifest(as_shipped(pack.pack)))
        put_keys(folder, signer)
        seal(folder, hash_files(folder), signer)
        return write_archive(folder, out / f"{top}.tar", top=top, mtime=MTIME, part_bytes=part_bytes)
    finally:
        shutil.rmtree(folder)


def as_shipped(pack: Pack) -> Pack:
    """The pack as it was before an installation made the files that nobody ships."""
    files = (
        file if file.derived_from is None else msgspec.structs.replace(file, sha256=None, size_bytes=None)
        for file in pack.files
    )
    return msgspec.structs.replace(pack, files=tuple(files))


def _link(source: Path, target: Path) -> None:
    """Gigabytes need not be copied to be read once."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


if __name__ == "__main__":
    sys.exit(main())
