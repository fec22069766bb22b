"""Make a machine in one file: ``python -m images.machine disk|iso``; ``make image`` and ``make iso`` call it.

::

    python -m images.machine disk|iso [--bundle FILE] [--packs FILE…] [--root-from FILE] [--out FOLDER] [--keys FOLDER]

The same bundle and the same Debian make the same bytes. Debian comes from the distribution as it is today; with
``--root-from`` it is that of an earlier image. It needs root, because files of other owners are written.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

import msgspec

from appliance.kernel.errors import HangJegyzetError
from appliance.kernel.units import format_bytes
from appliance.releases.model import Manifest
from appliance.releases.verification import MANIFEST_NAME
from images.bundle.checkout import ROOT
from images.bundle.sealing import Signer, hash_files, put_keys, seal
from images.machine.disk import Load, make_filesystems, write_disk
from images.machine.iso import write_iso
from images.machine.root import boot_programs, debian, unpacked
from images.release_keys.development import ensure_development_keys
from images.release_keys.passphrase import passphrase_for

CACHE = Path.home() / ".cache" / "hangjegyzet" / "machine"
KINDS = ("disk", "iso")


def main() -> int:
    """Make it; 0 when it lies in the folder."""
    options = _options()
    began = time.monotonic()
    if os.geteuid() != 0:
        sys.stderr.write("error: files of other owners are written: run this as root\n")
        return 3
    try:
        signer = Signer.of(options.keys, passphrase_for(options.keys))
        with tempfile.TemporaryDirectory(prefix="hangjegyzet-machine-", dir=options.work) as work:
            folder = make(Path(work), options, signer)
    except HangJegyzetError as error:
        sys.stderr.write(f"error: {error}\n{error.remedy}\n")
        return 1
    for path in sorted(folder.iterdir()):
        if path.is_file():
            sys.stdout.write(f"{path}  {format_bytes(path.stat().st_size)}\n")
    _say(f"done in {time.monotonic() - began:.0f} s")
    return 0


def make(work: Path, options: argparse.Namespace, signer: Signer) -> Path:
    """The folder with the image or the medium, its checksum, and the signature."""
    bundle = _unpacked_bundle(options.bundle or _built_bundle(work), work / "bundle")
    manifest = msgspec.json.decode((bundle / MANIFEST_NAME).read_bytes(), type=Manifest)
    epoch = int(datetime.fromisoformat(manifest.built_at).timestamp())
    _say("Debian")
    archive = options.root_from or debian(CACHE)
    boot = boot_programs(CACHE)
    name = f"hangjegyzet-{manifest.version}-{manifest.target.os}{manifest.target.os_version}-{manifest.target.arch}"
    out = options.out / f"{name}-{options.kind}"
    out.mkdir(parents=True, exist_ok=True)
    load = Load(bundle, root_keys=_fingerprint(bundle), packs=tuple(options.packs))
    with unpacked(archive, work) as root:
        _say("file systems")
        filesystems = make_filesystems(root, work / "filesystems", boot=boot, load=load, epoch=epoch)
        if options.kind == "disk":
            _say("disk")
            write_disk(out / f"{name}.qcow2", filesystems, work)
        else:
            _say("medium")
            write_iso(out / f"{name}.iso", root, filesystems, boot=boot, work=work, epoch=epoch)
    if not (out / "keys").is_dir():
        put_keys(out, signer)
    for stale in ("SHA256SUMS", "SHA256SUMS.sig"):
        (out / stale).unlink(missing_ok=True)
    seal(out, hash_files(out), signer)
    return Path(out)


def _built_bundle(work: Path) -> Path:
    _say("bundle")
    command = [sys.executable, "-m", "images.bundle", "--out", str(work / "built")]
    subprocess.run(command, cwd=ROOT, check=True, stdout=sys.stderr)
    (archive,) = (work / "built").glob("*.tar")
    return archive


def _unpacked_bundle(archive: Path, folder: Path) -> Path:
    folder.mkdir()
    subprocess.run(["tar", "--extract", "--file", archive, "--directory", folder, "--no-same-owner"], check=True)
    (inside,) = folder.iterdir()
    return inside


def _fingerprint(bundle: Path) -> str:
    """As install.sh computes it and the printed sheet shows it."""
    return hashlib.sha256(
        b"".join((bundle / f"keys/root-{number}.pem").read_bytes() for number in (1, 2, 3))
    ).hexdigest()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Make a machine in one file.")
    parser.add_argument("kind", choices=KINDS, help="a disk image, or a medium that writes one onto a disk")
    parser.add_argument("--bundle", type=Path, help="unset: the bundle of the present commit, built now")
    parser.add_argument("--packs", type=Path, nargs="*", default=(), help="signed model packs to bring along")
    parser.add_argument("--root-from", type=Path, help="archive of an earlier Debian; unset: today's")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="where to (default: %(default)s)")
    parser.add_argument("--keys", type=Path, help="folder of the ceremony; unset: throw-away keys of this machine")
    parser.add_argument("--work", type=Path, help="folder for what is made in between; unset: the system's")
    options = parser.parse_args()
    if options.keys is None:
        options.keys = ensure_development_keys()
        _say(f"signing with throw-away keys: {options.keys}")
    return options


def _say(text: str) -> None:
    sys.stderr.write(f"==> {text}\n")


if __name__ == "__main__":
    sys.exit(main())
