"""The Debian inside: made by mmdebstrap, kept for a day, and dressed with what makes it a machine of ours."""

import hashlib
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from images.machine.filesystems import ImageToolFailed, run

HERE = Path(__file__).parent
TREE = HERE / "tree"
PACKAGES = HERE / "packages.toml"
ENABLED = (
    "systemd-networkd.service",
    "systemd-resolved.service",
    "ssh.service",
    "hangjegyzet-first-boot.service",
    "hangjegyzet-install-disk.service",
    "hangjegyzet-grow-root.service",
    "hangjegyzet-slot.service",
    "hangjegyzet-slot-emergency.service",
)
DISABLED = ("systemd-networkd-wait-online.service",)
"""A machine without a cable starts all the same."""
SYSIMAGE = ("dpkg", "apt", "pam", "ucf")
"""State below /var/lib that belongs to a root and not to the machine (tree/etc/fstab says the same)."""
MOUNT_POINTS = ("boot/efi", "etc/hangjegyzet", "opt", "var", "usr/lib/sysimage")
LEFTOVERS = (
    "etc/hostname", "etc/resolv.conf.dpkg-*", "etc/ssh/ssh_host_*", "var/cache/apt/*.bin", "var/cache/debconf/*-old",
    "var/cache/ldconfig/aux-cache", "var/lib/dbus/machine-id", "var/lib/systemd/random-seed", "var/log/*.log",
    "var/log/apt/*", "root/.*_history", "run/*", "tmp/*", "*.old",
)  # fmt: skip
_WORK_BYTES = 6 << 30


@dataclass(frozen=True, slots=True)
class Wanted:
    """The data file: names, without the reasons."""

    suite: str
    bare: tuple[str, ...]
    machine: tuple[str, ...]
    boot: tuple[str, ...]

    @classmethod
    def load(cls) -> "Wanted":
        data = tomllib.loads(PACKAGES.read_text(encoding="utf-8"))
        return cls(data["system"]["suite"], *(tuple(data[part]) for part in ("bare", "machine", "boot")))


def debian(cache: Path) -> Path:
    """The archive of a fresh Debian with a kernel, from this machine's own package sources: one a day.

    Its files carry no time after the day's beginning, so that the same packages make the same archive.
    """
    wanted = Wanted.load()
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    packages = ",".join((*wanted.bare, *wanted.machine))
    name = hashlib.sha256(f"{wanted.suite} {packages}".encode()).hexdigest()[:12]
    archive = cache / f"{wanted.suite}-{name}-{midnight:%Y%m%d}.tar"
    if not archive.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        for old in cache.glob(f"{wanted.suite}-{name}-*.tar"):
            old.unlink()
        partial = archive.with_suffix(".partial")
        run(
            "mmdebstrap", "--variant=minbase", "--format=tar", f"--include={packages}", wanted.suite, partial,
            environment={"SOURCE_DATE_EPOCH": str(int(midnight.timestamp()))},
        )  # fmt: skip
        partial.rename(archive)
    return archive


def boot_programs(cache: Path) -> dict[str, bytes]:
    """What the firmware starts, and what that starts, by their paths on the boot partition.

    The signed menu looks for its settings in the folder that its maker built into it.
    """
    folder = cache / "boot"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    done = subprocess.run(
        ["apt-get", "download", "-o", "APT::Sandbox::User=root", *Wanted.load().boot],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise ImageToolFailed(program="apt-get download", reason=done.stderr.strip())
    for package in folder.glob("*.deb"):
        run("dpkg-deb", "-x", package, folder)
    return {
        "EFI/BOOT/BOOTX64.EFI": (folder / "usr/lib/shim/shimx64.efi.signed").read_bytes(),
        "EFI/BOOT/grubx64.efi": (folder / "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed").read_bytes(),
    }


@contextmanager
def unpacked(archive: Path, work: Path) -> Iterator[Path]:
    """The archive's content with our files over it, on a tmpfs: there the order of names is that of their making."""
    memory = work / "memory"
    memory.mkdir()
    run("mount", "-t", "tmpfs", "-o", f"size={_WORK_BYTES},mode=0700", "hangjegyzet-root", memory)
    try:
        folder = memory / "root"
        folder.mkdir(mode=0o755)
        # A folder's entries are told in the opposite order of their making, which is thus the archive's.
        run("tar", "--extract", "--numeric-owner", "--xattrs", "--xattrs-include=*", "--file", archive, "-C", folder)
        _dress(folder)
        yield folder
    finally:
        run("umount", "--lazy", memory)


def settle_times(*folders: Path, epoch: int) -> None:
    """Let nothing in these folders be younger than ``epoch``."""
    touch = ("touch", "--no-dereference", f"--date=@{epoch}")
    run("find", *folders, "-newermt", f"@{epoch}", "-exec", *touch, "{}", "+")


def _dress(root: Path) -> None:
    for pattern in LEFTOVERS:
        for path in sorted(root.glob(pattern)):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    (root / "etc/machine-id").write_text("")
    (root / "etc/hostname").write_text("hangjegyzet\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n")
    for name in MOUNT_POINTS:
        (root / name).mkdir(parents=True, exist_ok=True)
    for source in sorted(TREE.rglob("*")):
        target = root / source.relative_to(TREE)
        if source.is_dir():
            target.mkdir(exist_ok=True)
        else:
            shutil.copyfile(source, target)
            target.chmod(0o755 if source.read_bytes().startswith(b"#!") else 0o644)
    (root / "usr/local/sbin/hangjegyzet-slot").symlink_to("/usr/lib/hangjegyzet-machine/slot")
    run("systemctl", f"--root={root}", "enable", *ENABLED)
    run("systemctl", f"--root={root}", "disable", *DISABLED)


def split(root: Path) -> Path:
    """Part what the two roots share from the root: the tree of /var, beside it; the root keeps what is its own."""
    var = root.with_name("var")
    for name in SYSIMAGE:
        (root / "var/lib" / name).rename(root / "usr/lib/sysimage" / name)
        (root / "var/lib" / name).mkdir()
    (root / "var").rename(var)
    (root / "var").mkdir()
    return var
