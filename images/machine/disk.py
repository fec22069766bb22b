"""The disk image: five partitions, written by systemd-repart from file systems that were made beforehand."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from images.machine.filesystems import derived_uuid, run, write_ext4, write_fat
from images.machine.root import settle_times, split

HERE = Path(__file__).parent
LAYOUT = HERE / "tree" / "usr" / "lib" / "repart.d"
STATE = "lib/hangjegyzet-machine"
ESP_BYTES = 256 << 20
TRIES = 3
_GRUBENV_BYTES = 1024
ESP_SETTINGS = "EFI/debian"
"""Where Debian's signed menu looks for its settings."""


@dataclass(frozen=True, slots=True)
class Filesystems:
    """One file per partition, named as its definition; the second root is empty."""

    folder: Path
    written: tuple[str, ...] = ("10-esp", "20-root-a", "40-backups", "50-var")

    def path(self, name: str) -> Path:
        """The image of that partition."""
        return self.folder / f"{name}.img"


@dataclass(frozen=True, slots=True)
class Load:
    """What the machine installs at its first start.

    Args:
        bundle: an unpacked bundle.
        root_keys: fingerprint of the root keys that it is signed under.
        packs: archives of models, which its install.sh imports.
    """

    bundle: Path
    root_keys: str
    packs: tuple[Path, ...] = ()


def make_filesystems(root: Path, folder: Path, *, boot: Mapping[str, bytes], load: Load, epoch: int) -> Filesystems:
    """Write what goes into the partitions; ``root`` is split in two and stays so."""
    made = Filesystems(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (root / "etc/fstab").chmod(0o644)
    var = split(root)
    _put_load(var, load)
    settle_times(root, var, epoch=epoch)
    write_fat(
        made.path("10-esp"),
        label="hj-esp",
        epoch=epoch,
        size_bytes=ESP_BYTES,
        files={
            **boot,
            f"{ESP_SETTINGS}/grub.cfg": (HERE / "grub-disk.cfg").read_bytes(),
            f"{ESP_SETTINGS}/grubenv": grub_environment({"order": "a b", "a_left": str(TRIES), "b_left": "0"}),
        },
    )
    write_ext4(made.path("20-root-a"), label="hj-a", epoch=epoch, folder=root)
    write_ext4(made.path("40-backups"), label="hj-backups", epoch=epoch)
    write_ext4(made.path("50-var"), label="hj-var", epoch=epoch, folder=var)
    return made


def write_layout(target: Path, filesystems: Filesystems, *, seen_at: Path) -> None:
    """Definitions for systemd-repart that also say where each partition's content is.

    Args:
        target: folder to write them into.
        filesystems: what there is.
        seen_at: the folder of the images as systemd-repart will see it.
    """
    target.mkdir(parents=True, exist_ok=True)
    for source in sorted(LAYOUT.glob("*.conf")):
        text = source.read_text(encoding="utf-8")
        if source.stem in filesystems.written:
            text += f"CopyBlocks={seen_at / filesystems.path(source.stem).name}\n"
        (target / source.name).write_text(text, encoding="utf-8")


def write_disk(target: Path, filesystems: Filesystems, work: Path) -> None:
    """Put the partitions together, as small as their definitions allow, and pack the disk as a qcow2."""
    layout, disk = work / "layout", work / "disk.raw"
    write_layout(layout, filesystems, seen_at=filesystems.folder)
    run(
        "systemd-repart", "--dry-run=no", "--empty=create", "--size=auto", f"--seed={derived_uuid('disk')}",
        f"--definitions={layout}", "--root=/", disk,
    )  # fmt: skip
    run("fallocate", "--dig-holes", disk)
    target.unlink(missing_ok=True)
    run("qemu-img", "convert", "-q", "-c", "-O", "qcow2", "-o", "compression_type=zstd", disk, target)


def grub_environment(values: Mapping[str, str]) -> bytes:
    """The block of variables that the boot menu reads and writes in place."""
    text = "# GRUB Environment Block\n" + "".join(f"{name}={value}\n" for name, value in values.items())
    return text.encode().ljust(_GRUBENV_BYTES, b"#")


def _put_load(var: Path, load: Load) -> None:
    state = var / STATE
    state.mkdir(mode=0o700)
    (state / "etc").mkdir()
    (var / "opt").mkdir(exist_ok=True)
    (var / "backups/hangjegyzet").mkdir(parents=True)
    shutil.copytree(load.bundle, state / "bundle")
    (state / "root-keys.sha256").write_text(f"{load.root_keys}\n", encoding="ascii")
    for pack in load.packs:
        shutil.copyfile(pack, state / pack.name)
