"""The installer: the same root as a live system, with the disk's file systems inside it."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from images.machine.disk import ESP_SETTINGS, HERE, STATE, Filesystems, write_layout
from images.machine.filesystems import run, write_fat

LABEL = "HJ_INSTALL"
INSIDE = Path("/usr/lib/hangjegyzet-machine/images")
_BOOT_BYTES = 40 << 20


def write_iso(
    target: Path, root: Path, filesystems: Filesystems, *, boot: Mapping[str, bytes], work: Path, epoch: int
) -> None:
    """Make the medium; ``root`` is the tree whose parts lie in ``filesystems``, split as they were made from it."""
    medium = work / "medium"
    (medium / "live").mkdir(parents=True)
    for name in ("vmlinuz", "initrd.img"):
        shutil.copyfile(root / (root / name).readlink(), medium / "live" / name)
    _as_live_system(root, filesystems)
    environment = {"SOURCE_DATE_EPOCH": str(epoch)}
    run(
        "mksquashfs", root, medium / "live/filesystem.squashfs", "-comp", "zstd", "-Xcompression-level", "5",
        "-noappend", "-quiet", "-no-progress", environment=environment,
    )  # fmt: skip
    menu = (HERE / "grub-medium.cfg").read_bytes()
    # From a stick the menu is read from the boot partition, from a drive out of the medium's own file system.
    (medium / ESP_SETTINGS).mkdir(parents=True)
    (medium / ESP_SETTINGS / "grub.cfg").write_bytes(menu)
    esp = work / "medium-esp.img"
    files = {**boot, f"{ESP_SETTINGS}/grub.cfg": menu}
    write_fat(esp, label="hj-medium", epoch=epoch, size_bytes=_BOOT_BYTES, files=files)
    target.unlink(missing_ok=True)
    run(
        "xorriso", "-as", "mkisofs", "-quiet", "-iso-level", "3", "-r", "-V", LABEL, "-partition_offset", "16",
        "-append_partition", "2", "0xef", esp, "-appended_part_as_gpt", "-e", "--interval:appended_partition_2:all::",
        "-no-emul-boot", "-o", target, medium, environment=environment,
    )  # fmt: skip


def _as_live_system(root: Path, filesystems: Filesystems) -> None:
    """Undo the split, leave out what only a written disk has, and put the file systems in."""
    var = root.with_name("var")
    shutil.rmtree(var / STATE)
    (root / "var").rmdir()
    var.rename(root / "var")
    (root / "etc/fstab").write_text("")
    images = root / INSIDE.relative_to("/")
    images.mkdir()
    for name in filesystems.written:
        run("cp", "--sparse=always", filesystems.path(name), images / f"{name}.img")
    write_layout(images / "layout", filesystems, seen_at=INSIDE)
