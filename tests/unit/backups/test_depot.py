"""The folder of backups: recordings copied once and whole, sets that are there or not, and no room."""

import hashlib
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from appliance.backups.depot import SPARE_BYTES, SUMS, Depot
from appliance.backups.errors import BackupBusy, DepotFull, DepotMissing, SetDamaged, SetUnreadable

FIRST, SECOND = "ab/0000-ab", "cd/0000-cd"


@pytest.fixture
def depot(tmp_path: Path) -> Depot:
    """An empty one."""
    (tmp_path / "depot").mkdir()
    made = Depot(tmp_path / "depot")
    made.prepare()
    return made


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Stored recordings of an appliance."""
    folder = tmp_path / "stored"
    for name in (FIRST, SECOND):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(name.encode() * 1000)
    return folder


def test_recordings_are_copied_once_and_hashed(depot: Depot, source: Path) -> None:
    """A second pass copies nothing; the ledger is what sha256sum checks."""
    assert depot.copy_blobs(source).count == 2
    assert depot.copy_blobs(source).count == 0
    assert depot.sums()[FIRST] == hashlib.sha256(FIRST.encode() * 1000).hexdigest()
    done = subprocess.run(["sha256sum", "--check", "--strict", SUMS], cwd=depot.blobs, capture_output=True, check=False)
    assert done.returncode == 0


def test_a_copy_that_was_broken_off_is_made_again(depot: Depot, source: Path) -> None:
    """A file without its line, a line without its end, a file that is too short."""
    depot.copy_blobs(source)
    (depot.blobs / SECOND).chmod(0o600)
    (depot.blobs / SECOND).write_bytes(b"half")
    lines = (depot.blobs / SUMS).read_bytes()
    (depot.blobs / SUMS).write_bytes(lines[: lines.index(b"\n") + 20])
    assert depot.copy_blobs(source).count == 1
    assert list(depot.damaged_blobs(depot.sums())) == []


def test_damage_is_named(depot: Depot, source: Path) -> None:
    """One changed byte, and one file that is gone."""
    depot.copy_blobs(source)
    (depot.blobs / FIRST).chmod(0o600)
    (depot.blobs / FIRST).write_bytes(b"x" * 10_000)
    (depot.blobs / SECOND).unlink()
    faults = list(depot.damaged_blobs(depot.sums()))
    assert any(FIRST in fault for fault in faults)
    assert any(SECOND in fault and "missing" in fault for fault in faults)


def test_what_no_set_lists_goes(depot: Depot, source: Path) -> None:
    """With its line in the ledger."""
    depot.copy_blobs(source)
    assert depot.forget_blobs([FIRST]).count == 1
    assert set(depot.sums()) == {FIRST}
    assert not (depot.blobs / SECOND).exists()


def test_a_set_is_there_whole_or_not_at_all(depot: Depot) -> None:
    """What broke off has no name that counts."""
    with pytest.raises(FileNotFoundError), depot.new_set("20261123T013000Z") as folder:
        (folder / "none" / "backup.json").write_text("{}")
    assert depot.set_ids() == []
    with depot.new_set("20261123T013000Z") as folder:
        (folder / "backup.json").write_text("{}")
    assert depot.set_ids() == ["20261123T013000Z"]
    depot.remove_set("20261123T013000Z")
    assert depot.set_ids() == []


def test_a_file_of_a_set_has_its_limit(depot: Depot) -> None:
    """A description that somebody blew up is not read into memory."""
    with depot.new_set("20261123T013000Z") as folder:
        (folder / "backup.json").write_bytes(b" " * 100)
    with pytest.raises(SetDamaged):
        depot.read("20261123T013000Z", "backup.json", limit=99)
    with pytest.raises(SetDamaged):
        depot.read("20261123T013000Z", "blobs.sha256", limit=99)


def test_a_ledger_of_another_form_is_refused(depot: Depot) -> None:
    """A path that leads out of the folder is never followed."""
    (depot.blobs / SUMS).write_text("a" * 64 + "  ../../etc/shadow\n")
    with pytest.raises(SetUnreadable):
        depot.sums()


def test_one_at_a_time(depot: Depot) -> None:
    """Whoever comes second is told."""
    with depot.alone(), pytest.raises(BackupBusy), Depot(depot.folder).alone():
        pass
    with depot.alone():
        pass


def test_a_backup_waits_for_a_pass_that_came_before_it(depot: Depot) -> None:
    """The timers of both strike in the same second."""
    with ThreadPoolExecutor(1) as other, depot.alone():
        waiting = other.submit(_alone_for_a_moment, Depot(depot.folder))
        with pytest.raises(TimeoutError):
            waiting.result(0.5)
    assert waiting.result(5)


def _alone_for_a_moment(depot: Depot) -> bool:
    with depot.alone(patience_s=30):
        return True


def test_the_disk_has_to_be_mounted(depot: Depot) -> None:
    """An empty folder on the disk of the data is no place for backups."""
    with pytest.raises(DepotMissing):
        depot.require_mounted()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Depot]:
    """One on a file system of its own with little room."""
    folder = tmp_path / "small"
    folder.mkdir()
    size = SPARE_BYTES + (8 << 20)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("mounting needs root")
    made = Depot(folder)
    made.prepare()
    yield made
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_full_disk_leaves_nothing_half_copied(small: Depot, source: Path) -> None:
    """The error says how much is free; what was copied whole stays."""
    big = source / "ef/0000-ef"
    big.parent.mkdir()
    big.write_bytes(bytes(16 << 20))
    with pytest.raises(DepotFull, match="free"):
        small.copy_blobs(source)
    assert {path.name for path in small.blobs.rglob("*") if path.is_file()} == {"0000-ab", "0000-cd", SUMS}
