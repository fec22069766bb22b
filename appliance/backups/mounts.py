"""Mounted disks and shares, asked by a process of their own: one that hangs keeps that waiting, and nobody else."""

import errno
import os
import pwd
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

PATIENCE_S = 10.0
"""A share that did not answer for so long is taken for one that hangs; a disk that spins up takes less."""
REMOTE = ("nfs", "cifs", "smb", "fuse", "9p", "ceph", "gluster", "afs")
_MOUNTS = Path("/proc/self/mountinfo")
_PROBE = """
import errno, os, sys, tempfile
path, is_written = sys.argv[1], sys.argv[2] == "1"
mount = path
while mount != "/" and not os.path.ismount(mount):
    mount = os.path.dirname(mount)
if mount == "/":
    sys.exit("unmounted")
while not os.path.exists(path):
    path = os.path.dirname(path)
try:
    os.listdir(path)
    if is_written:
        with tempfile.NamedTemporaryFile(dir=path, prefix=".hangjegyzet-probe-") as file:
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
except OSError as failure:
    sys.exit(errno.errorcode.get(failure.errno, "EIO"))
"""
_NO_ROOM = frozenset({"ENOSPC", "EDQUOT"})


def complaint(folder: Path, *, is_written: bool) -> str:
    """Why that place on a mounted disk or share cannot be used; empty when it can, also when it is full.

    Args:
        is_written: whether it is to be written to, or read alone.
    """
    command = [sys.executable, "-I", "-S", "-c", _PROBE, str(folder), "1" if is_written else "0"]
    asked = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        _, said = asked.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        asked.kill()
        # What waits for a dead server may not even die; nobody waits for it.
        with suppress(subprocess.TimeoutExpired):
            asked.wait(1)
        return f"{folder} does not answer within {PATIENCE_S:.0f} s; mend the way to it, or: umount --lazy {folder}"
    return "" if asked.returncode == 0 else in_words(folder, said.decode("utf-8", "replace").strip())


def in_words(folder: Path, found: str) -> str:
    """What a probe found, with what to do; empty for a place that is full, which whoever writes tells."""
    ours = pwd.getpwuid(os.geteuid())
    match found.splitlines()[-1] if found else "":
        case "unmounted":
            return f"{folder} is not on a disk or share that is mounted"
        case word if word in _NO_ROOM:
            return ""
        case "EACCES" | "EPERM":
            return (
                f"{folder} refuses the account {ours.pw_name} (number {ours.pw_uid}): on an NFS server root_squash and"
                f" all_squash hand files to somebody else, so let the folder belong to that number there; mount an SMB"
                f" share with uid={ours.pw_uid}"
            )
        case "EROFS":
            return f"{folder} is mounted read-only, or was missing when this process began"
        case "ESTALE":
            return f"{folder} is stale, its server forgot it: unmount it, and mount it again"
        case word:
            return f"{folder} cannot be used: {os.strerror(getattr(errno, word, errno.EIO))}"


def answers(folder: Path) -> bool:
    """Whether it can be looked at without waiting long; only of shares anything is asked."""
    return not is_share(folder) or "does not answer" not in complaint(folder, is_written=False)


def is_share(folder: Path, *, mounts: Path = _MOUNTS) -> bool:
    """Whether it lies on another machine, as the kernel's list of mounts has it; the place itself is not touched."""
    best, kind = -1, ""
    for line in mounts.read_text("utf-8", "replace").splitlines():
        before, _, after = line.partition(" - ")
        point = before.split()[4].replace("\\040", " ")
        if len(point) >= best and folder.is_relative_to(point):
            best, kind = len(point), after.split()[0]
    return kind.startswith(REMOTE)
