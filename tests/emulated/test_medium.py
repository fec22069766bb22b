"""The installer on a machine with empty disks: what it refuses, what it writes, and that what it wrote starts."""

import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.appliance.disk_image import made, partitions
from tests.appliance.machines import Stick, took
from tests.emulated.machine import Emulated, empty_disk

START_S = 1200.0
GIB = 1 << 30
PASSPHRASE = "nineteen grey herons at dusk"
ANSWERS = {"language": "en", "keyboard": "us", "hostname": "box", "after": "poweroff"}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(5400)]


@pytest.fixture(scope="module")
def medium(stick: Stick) -> Path:
    """The installer with the present bundle inside."""
    return made(stick, "iso")


@pytest.fixture(scope="module")
def disks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """One that is large enough, and one that is not."""
    folder = tmp_path_factory.mktemp("disks")
    return empty_disk(folder / "large", 40 * GIB), empty_disk(folder / "small", 8 * GIB)


def is_empty(disk: Path) -> bool:
    """Whether nobody wrote anything to it."""
    return disk.stat().st_blocks == 0


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"disk": "/dev/vdb", "erase": "ERASE"}, r"/dev/vdb has 8 GiB; 30 GiB are needed\. Nothing was written"),
        ({"disk": "/dev/vda", "erase": "yes"}, r"Not confirmed; nothing was written"),
    ],
    ids=["a disk that is too small", "a word that was not typed"],
)
def test_what_it_refuses_stays_as_it_is(
    medium: Path, disks: tuple[Path, Path], tmp_path: Path, answers: Mapping[str, str], said: str
) -> None:
    """It says why, and not one byte of any disk is written."""
    with Emulated(tmp_path, disks=disks, medium=medium, answers=ANSWERS | answers) as machine:
        machine.read_until(said, timeout_s=START_S)
    assert all(map(is_empty, disks))


def test_it_writes_an_encrypted_machine_that_starts_by_its_tpm(
    medium: Path, disks: tuple[Path, Path], tmp_path: Path
) -> None:
    """Data and backups are under LUKS; started, its TPM opens them and it installs itself."""
    answers = ANSWERS | {"disk": "/dev/vda", "erase": "ERASE", "encryption": "yes", "passphrase": PASSPHRASE}
    began = time.monotonic()
    with Emulated(tmp_path, disks=disks, medium=medium, answers=answers, tpm=True, secure_boot=True) as machine:
        machine.read_until(r"==> writing to /dev/vda", timeout_s=START_S)
        took["emulated: medium to the first byte written"] = time.monotonic() - began
        machine.read_until(r"==> Written\.", timeout_s=START_S)
        machine.await_end(timeout_s=START_S)
    took["emulated: medium to a written disk"] = time.monotonic() - began
    parts = partitions(disks[0])
    assert list(parts) == ["hj-esp", "hj-a", "hj-b", "hj-backups", "hj-var"]
    assert {name: part.filesystem for name, part in parts.items()} == {
        "hj-esp": "vfat", "hj-a": "ext4", "hj-b": "", "hj-backups": "crypto_LUKS", "hj-var": "crypto_LUKS"
    }  # fmt: skip
    assert parts["hj-var"].size > parts["hj-backups"].size > 4 * GIB
    assert is_empty(disks[1])
    with Emulated(tmp_path, disks=disks[:1], tpm=True, secure_boot=True) as machine:
        machine.read_until(r"==> copying the bundle", timeout_s=START_S)


def test_without_its_tpm_it_asks_for_the_passphrase(disks: tuple[Path, Path], tmp_path: Path) -> None:
    """A disk in another machine opens to the passphrase alone."""
    with Emulated(tmp_path, disks=disks[:1]) as machine:
        machine.read_until(r"(?i)passphrase for disk", timeout_s=START_S)
        machine.type(f"{PASSPHRASE}\r")
        machine.read_until(r"==> copying the bundle", timeout_s=START_S)
