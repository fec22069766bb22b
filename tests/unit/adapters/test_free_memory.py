"""What a process may still take, on machines that are made of files."""

from pathlib import Path

import pytest

from appliance.adapters.free_memory import free_memory_bytes
from appliance.kernel.units import GIB


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A machine with 8 GiB free, and a process in a service of a slice."""
    folder = tmp_path / "proc"
    (folder / "self").mkdir(parents=True)
    (folder / "meminfo").write_text("MemTotal: 9000000 kB\nMemAvailable: 8388608 kB\n")
    (folder / "self" / "cgroup").write_text("0::/system.slice/hangjegyzet-worker@speech.service\n")
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Its control groups, without a limit."""
    groups = tmp_path / "cgroup"
    (groups / "system.slice" / "hangjegyzet-worker@speech.service").mkdir(parents=True)
    return groups


def limit(group: Path, *, most: int | str, used: int = 0, cached: int = 0) -> None:
    """Give a group a limit, of which so much is taken, part of it by file pages."""
    (group / "memory.max").write_text(f"{most}\n")
    (group / "memory.current").write_text(f"{used}\n")
    (group / "memory.stat").write_text(f"anon 1\ninactive_file {cached}\n")


def test_without_a_limit_the_machine_is_what_counts(proc: Path, root: Path) -> None:
    """A limit that says "max" is none."""
    assert free_memory_bytes(proc, root) == 8 * GIB
    limit(root / "system.slice", most="max", used=GIB)
    assert free_memory_bytes(proc, root) == 8 * GIB


def test_the_limit_of_the_service_counts_and_file_pages_do_not(proc: Path, root: Path) -> None:
    """MemoryMax of a unit stands on its own group, not on the root."""
    limit(root / "system.slice" / "hangjegyzet-worker@speech.service", most=3 * GIB, used=2 * GIB, cached=GIB)
    assert free_memory_bytes(proc, root) == 2 * GIB


def test_the_tightest_of_all_groups_counts(proc: Path, root: Path) -> None:
    """A slice that is nearly full leaves its services no more than that; one that is over leaves nothing."""
    limit(root / "system.slice" / "hangjegyzet-worker@speech.service", most=6 * GIB)
    limit(root / "system.slice", most=5 * GIB, used=4 * GIB)
    assert free_memory_bytes(proc, root) == GIB
    limit(root / "system.slice", most=5 * GIB, used=6 * GIB)
    assert free_memory_bytes(proc, root) == 0


def test_a_container_sees_its_own_group_as_the_root(proc: Path, root: Path) -> None:
    """There the limit stands where the tree begins."""
    (proc / "self" / "cgroup").write_text("0::/\n")
    limit(root, most=2 * GIB, used=GIB)
    assert free_memory_bytes(proc, root) == GIB


def test_version_1_and_no_control_groups_leave_the_machine(proc: Path, tmp_path: Path) -> None:
    """Nothing to ask is no limit."""
    (proc / "self" / "cgroup").write_text("9:name=systemd:/\n8:pids:/\n")
    assert free_memory_bytes(proc, tmp_path / "nothing") == 8 * GIB


def test_this_machine_has_an_answer() -> None:
    """The real files can be read."""
    assert free_memory_bytes() > 0
