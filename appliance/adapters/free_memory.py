"""How much memory this process may still take, before a model is loaded into it."""

from collections.abc import Iterator
from pathlib import Path


def free_memory_bytes(proc: Path = Path("/proc"), cgroups: Path = Path("/sys/fs/cgroup")) -> int:
    """The machine's free memory, or what the tightest of our control groups leaves when that is less.

    A service's limit (``MemoryMax``) stands on its own group, a slice's on one above it, and a container sees its own
    as the root. Control groups of version 1 are not asked.
    """
    available = 0
    for line in (proc / "meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            available = int(line.split()[1]) * 1024
    return min([available, *_left_by_groups(proc, cgroups)])


def _left_by_groups(proc: Path, cgroups: Path) -> Iterator[int]:
    for group in _groups(proc, cgroups):
        try:
            limit = (group / "memory.max").read_text().strip()
            if limit != "max":
                used = int((group / "memory.current").read_text()) - _page_cache_bytes(group)
                yield max(0, int(limit) - used)
        except OSError:
            continue  # the root has no limit, and neither has a group without the memory controller


def _groups(proc: Path, cgroups: Path) -> Iterator[Path]:
    """Our control group and all above it."""
    try:
        lines = (proc / "self" / "cgroup").read_text().splitlines()
    except OSError:
        lines = []
    inside = next((line.partition("::")[2].strip("/") for line in lines if line.startswith("0::")), "")
    group = cgroups / inside
    yield group
    while group != cgroups:
        group = group.parent
        yield group


def _page_cache_bytes(group: Path) -> int:
    """File pages that the kernel drops when a process needs the room."""
    for line in (group / "memory.stat").read_text().splitlines():
        if line.startswith("inactive_file "):
            return int(line.split()[1])
    return 0
