"""File systems made from a folder, the same bytes whenever and wherever they are made.

Nothing is mounted and no loop device is needed: ``mke2fs`` and ``mtools`` write into plain files. The folder should lie
on a tmpfs that was filled in a fixed order, because ``mke2fs`` takes names in the order in which the kernel tells them.
"""

import os
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from appliance.kernel.errors import Unavailable

_NAMESPACE = uuid.UUID("5e0b7c52-60a8-4a0e-9d35-5b1f3a0f6a10")
"""Identities are derived from it and the file system's label; any fixed one would do."""
_EXT4_SPARE = 1.35
"""Room for what ext4 itself takes, and for what the first start writes before the partition's whole size is used."""
_EXT4_LEAST_BYTES = 64 << 20
_EXT4_FEATURES = (
    "has_journal", "extent", "huge_file", "flex_bg", "metadata_csum", "64bit", "dir_nlink", "extra_isize",
    "sparse_super", "large_file", "filetype", "resize_inode", "dir_index", "ext_attr",
)  # fmt: skip
"""Named, so that no configuration of this machine decides; GRUB 2.06 can read each of them."""
_FIRST_INODE = 2
"""The root folder; the one before it is kept for bad blocks."""


class ImageToolFailed(Unavailable):
    code = "image.tool_failed"
    message = "{program} failed: {reason}"
    hint = "images/setup.sh --boxes installs what images are made with."


def derived_uuid(label: str) -> uuid.UUID:
    """The identity of the thing with that label: the same in every image."""
    return uuid.uuid5(_NAMESPACE, label)


def run(*command: str | Path, environment: Mapping[str, str] | None = None, given: str | None = None) -> str:
    """What the program printed.

    Raises:
        ImageToolFailed: it is missing, or ended with another code than 0.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, check=False, input=given, env={**os.environ, **(environment or {})}
        )
    except FileNotFoundError as error:
        raise ImageToolFailed(program=words[0], reason="it is not installed") from error
    if done.returncode != 0:
        raise ImageToolFailed(program=words[0], reason=(done.stderr or done.stdout).strip()[-2000:])
    return done.stdout


def write_ext4(target: Path, *, label: str, epoch: int, folder: Path | None = None) -> None:
    """An ext4 as small as its content, which grows to its partition at the first mount.

    Every inode gets the time ``epoch`` as its time of change and birth, which no program can set on a mounted one.
    """
    identity = str(derived_uuid(label))
    content = () if folder is None else ("-d", str(folder))
    size = _EXT4_LEAST_BYTES + (0 if folder is None else int(_bytes_below(folder) * _EXT4_SPARE))
    target.unlink(missing_ok=True)
    run(
        "mke2fs", "-q", "-F", "-t", "ext4", "-L", label, "-U", identity, "-m", "1", "-b", "4096", "-I", "256",
        "-N", str(max(8192, size // 16384)), "-O", ",".join(_EXT4_FEATURES), *content,
        "-E", f"hash_seed={identity},lazy_itable_init=0,lazy_journal_init=0", target, str(-(-size // 4096)),
        environment={"E2FSPROGS_FAKE_TIME": str(epoch), "MKE2FS_CONFIG": "/dev/null"},
    )  # fmt: skip
    _set_times(target, epoch)


def write_fat(target: Path, *, label: str, epoch: int, size_bytes: int, files: Mapping[str, bytes | Path]) -> None:
    """A FAT32 with these files; ``EFI/BOOT/BOOTX64.EFI`` and the like, folders included."""
    identity = derived_uuid(label).hex[:8]
    target.unlink(missing_ok=True)
    run(
        "mkfs.vfat", "-C", "-F", "32", "-n", label.upper(), "-i", identity, "--invariant", target, f"{size_bytes >> 10}"
    )
    environment = {"SOURCE_DATE_EPOCH": str(epoch), "TZ": "UTC", "MTOOLS_SKIP_CHECK": "1"}
    for name in _folders_of(files):
        run("mmd", "-i", target, f"::{name}", environment=environment)
    for name, content in sorted(files.items()):
        source = content
        if isinstance(source, bytes):
            source = target.with_suffix(".file")
            source.write_bytes(content if isinstance(content, bytes) else b"")
        os.utime(source, (epoch, epoch))
        run("mcopy", "-m", "-i", target, source, f"::{name}", environment=environment)
    target.with_suffix(".file").unlink(missing_ok=True)


def _folders_of(files: Mapping[str, object]) -> Sequence[str]:
    folders = {parent.as_posix() for name in files for parent in Path(name).parents if parent != Path()}
    return sorted(folders)


def _bytes_below(folder: Path) -> int:
    """As ext4 counts them: whole blocks, and one for each name."""
    found = (os.lstat(Path(where) / name) for where, folders, files in os.walk(folder) for name in (*folders, *files))
    return sum(4096 + -(-one.st_size // 4096) * 4096 for one in found)


def _set_times(image: Path, epoch: int) -> None:
    """Write the inodes' times into the image itself."""
    used = _used_inodes(image)
    commands = "".join(f"sif <{inode}> {time} @{epoch}\n" for inode in used for time in ("ctime", "crtime", "atime"))
    run("debugfs", "-w", "-f", "-", image, given=commands, environment={"E2FSPROGS_FAKE_TIME": str(epoch)})


def _used_inodes(image: Path) -> Sequence[int]:
    told = run("debugfs", "-R", "stats", image)
    count = next(int(line.split()[-1]) for line in told.splitlines() if line.startswith("Inode count"))
    free = next(int(line.split()[-1]) for line in told.splitlines() if line.startswith("Free inodes"))
    # A fresh file system gives inodes out in order.
    return range(_FIRST_INODE, count - free + 1)
