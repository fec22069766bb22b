"""The disk image of a bundle: made once, opened without being changed."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.appliance.machines import ROOT, Stick, made_once

SECTOR = 512
MACHINE = ROOT / "images" / "machine"


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition of an image file."""

    image: Path
    label: str
    kind: str
    start: int
    size: int

    @property
    def filesystem(self) -> str:
        """What kind of file system is in it; empty when none is."""
        command = ["blkid", "--probe", "--offset", str(self.start), "--size", str(self.size)]
        done = subprocess.run(
            [*command, "--output", "value", "--match-tag", "TYPE", self.image],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.strip()

    def read(self, path: str) -> bytes:
        """A file of a FAT partition."""
        return subprocess.run(
            ["mtype", "-i", f"{self.image}@@{self.start}", f"::{path}"], capture_output=True, check=True
        ).stdout


def made(stick: Stick, kind: str) -> Path:
    """The image or the medium with that bundle; made again where the room that makes it changed."""
    sources = [path for path in sorted(MACHINE.rglob("*")) if path.is_file() and path.suffix != ".pyc"]
    digest = subprocess.run(["sha256sum", *sources], capture_output=True, check=True).stdout
    key = subprocess.run(
        ["sha256sum"], input=digest + stick.sha256.encode() + kind.encode(), capture_output=True, check=True
    )
    with made_once(f"machine-{kind}", key.stdout.decode()[:12]) as (folder, partial):
        if partial is not None:
            _make(stick, kind, partial)
    return next(folder.glob("*/hangjegyzet-*.qcow2" if kind == "disk" else "*/hangjegyzet-*.iso"))


def made_disk(stick: Stick) -> Path:
    """The disk image."""
    return made(stick, "disk")


def second_making(stick: Stick, folder: Path) -> str:
    """The checksums of the disk image when it is made again."""
    _make(stick, "disk", folder)
    (sums,) = folder.glob("*/SHA256SUMS")
    return sums.read_text()


def partitions(image: Path) -> Mapping[str, Partition]:
    """The partitions by their names, in their order."""
    told = subprocess.run(["sfdisk", "--json", image], capture_output=True, check=True).stdout
    found = (
        Partition(image, one["name"], one["type"], one["start"] * SECTOR, one["size"] * SECTOR)
        for one in json.loads(told)["partitiontable"]["partitions"]
    )
    return {one.label: one for one in found}


def as_raw(image: Path, target: Path) -> Path:
    """The disk as a file that programs of the host can read."""
    subprocess.run(["qemu-img", "convert", "-O", "raw", image, target], check=True)
    return target


@contextmanager
def mounted(image: Path, folder: Path) -> Iterator[Path]:
    """A copy of the image, its root A mounted with /var and the backups in their places, as its fstab does."""
    copy, root = folder / "disk.raw", folder / "root"
    as_raw(image, copy)
    root.mkdir()
    places = {"hj-a": root, "hj-var": root / "var", "hj-backups": root / "var/backups/hangjegyzet"}
    found = partitions(copy)
    try:
        for label, place in places.items():
            part = found[label]
            device = subprocess.run(
                ["losetup", "--find", "--show", "--offset", str(part.start), "--sizelimit", str(part.size), copy],
                capture_output=True, text=True, check=True,
            ).stdout.strip()  # fmt: skip
            try:
                # As the first start does, which a container may not do to a mounted one.
                subprocess.run(["e2fsck", "-fp", device], check=True, capture_output=True)
                subprocess.run(["resize2fs", device], check=True, capture_output=True)
                # A mounted file system holds its loop device, which goes when it is unmounted.
                subprocess.run(["mount", device, place], check=True)
            finally:
                subprocess.run(["losetup", "--detach", device], check=True)
        yield root
    finally:
        subprocess.run(["umount", "--recursive", root], check=False, stderr=subprocess.DEVNULL)


def _make(stick: Stick, kind: str, folder: Path) -> None:
    command = [sys.executable, "-m", "images.machine", kind, "--bundle", stick.archive, "--out", folder]
    subprocess.run(command, cwd=ROOT, check=True, stdout=sys.stderr, env={**os.environ, "TMPDIR": "/var/tmp"})
