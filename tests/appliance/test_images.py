"""The disk image: what lies on it, and what becomes of it when it is started for the first time.

The image is opened and its two parts are booted as a box: the root, and beside it what both roots share. What needs
firmware, a boot menu or another root is tested in ``tests/emulated``.
"""

import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.appliance.box import Box
from tests.appliance.disk_image import Partition, as_raw, made_disk, mounted, partitions, second_making
from tests.appliance.machines import Stick, finding, took, visit

GIB = 1 << 30
PASSWORD = "a trial at the console"

pytestmark = [pytest.mark.slow, pytest.mark.thorough, pytest.mark.models, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def image(stick: Stick) -> Path:
    """The disk image with the present bundle inside."""
    started = time.monotonic()
    made = made_disk(stick)
    took["disk image (made, or found)"] = time.monotonic() - started
    return made


@pytest.fixture(scope="module")
def parts(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Partition]:
    return partitions(as_raw(image, tmp_path_factory.mktemp("disk") / "disk.raw"))


@pytest.fixture(scope="module")
def box(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """A machine made of the image: its root A with /var and the backups mounted, answers beside them, switched off."""
    folder = tmp_path_factory.mktemp("image")
    with mounted(image, folder) as root:
        hashed = subprocess.run(
            ["openssl", "passwd", "-6", "-stdin"], input=PASSWORD, capture_output=True, text=True, check=True
        ).stdout.strip()
        answers = {"language": "hu", "keyboard": "hu", "hostname": "irattar", "root_password_hash": hashed}
        (root / "var/lib/hangjegyzet-machine/answers").write_text("".join(f"{k}={v}\n" for k, v in answers.items()))
        machine = Box("hj-image", root)
        machine.backups = root / "var/backups/hangjegyzet"
        try:
            yield machine
        finally:
            if machine.is_on:
                machine.power_cut()


def test_the_disk_has_two_roots_and_one_var(parts: Mapping[str, Partition]) -> None:
    """Five partitions with their types, names and least sizes; the one that grows is the last."""
    assert [(one.label, one.kind) for one in parts.values()] == [
        ("hj-esp", "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"),
        ("hj-a", "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709"),
        ("hj-b", "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709"),
        ("hj-backups", "0FC63DAF-8483-4772-8E79-3D69D8477DE4"),
        ("hj-var", "4D21B016-B534-45C2-A9FB-5C16E091FD2D"),
    ]
    assert [one.size // (256 << 20) for one in parts.values()] == [1, 24, 24, 16, 48]
    assert {one.label: one.filesystem for one in parts.values()} == {
        "hj-esp": "vfat",
        "hj-a": "ext4",
        "hj-b": "",
        "hj-backups": "ext4",
        "hj-var": "ext4",
    }


def test_the_boot_partition_has_signed_programs_and_the_first_root_alone_to_try(
    parts: Mapping[str, Partition],
) -> None:
    """Firmware with Secure Boot takes the first program; the menu knows that the second root is empty."""
    esp = parts["hj-esp"]
    assert esp.read("EFI/BOOT/BOOTX64.EFI")[:2] == b"MZ"
    assert b"Debian" in esp.read("EFI/BOOT/grubx64.efi")
    environment = esp.read("EFI/debian/grubenv")
    assert len(environment) == 1024
    assert environment.decode().splitlines()[1:4] == ["order=a b", "a_left=3", "b_left=0"]
    assert "save_env a_left" in esp.read("EFI/debian/grub.cfg").decode()


def test_an_image_holds_no_secret_and_no_identity(box: Box) -> None:
    """Every machine makes its own: no host keys, no machine id, no password, no key of the appliance."""
    assert not list((box.root / "etc/ssh").glob("ssh_host_*"))
    assert (box.root / "etc/machine-id").read_text() == ""
    assert all(line.split(":")[1] in {"*", "!", "!*"} for line in (box.root / "etc/shadow").read_text().splitlines())
    assert not list((box.root / "var/lib/hangjegyzet-machine/etc").iterdir())
    assert not (box.root / "var/lib/systemd/random-seed").exists()


def test_its_first_start_makes_it_an_appliance(box: Box) -> None:
    """Nobody is asked what the answers say; address, fingerprint and code stand above the sign-in."""
    started = time.monotonic()
    box.boot(limit_s=1800)
    took["first start of the image, in a box"] = time.monotonic() - started
    assert box.run("systemctl", "is-active", "hangjegyzet-first-boot.service").stdout.strip() == "active", box.journal(
        "hangjegyzet-first-boot"
    )
    issue = box.run("cat", "/run/issue.d/50-hangjegyzet.issue").stdout
    assert "https://irattar" in issue
    code = issue.split("Egyszeri kód")[1].split()[0]
    assert box.run("hostname").stdout.strip() == "irattar"
    assert code not in box.journal("hangjegyzet-web") + box.journal("hangjegyzet-worker*")
    visit(box, "--code", code)


def test_what_the_machine_keeps_lies_where_both_roots_see_it(box: Box) -> None:
    """Releases, configuration, secrets and the database are on the shared partition; packages are the root's."""
    for path in ("/opt/hangjegyzet/current", "/etc/hangjegyzet/secrets", "/var/lib/postgresql", "/var/lib/hangjegyzet"):
        assert mount_of(box, path)["source"].startswith(mount_of(box, "/var")["source"].partition("[")[0]), path
    for path in ("/var/lib/dpkg", "/var/lib/apt", "/usr"):
        assert mount_of(box, path)["source"].startswith(mount_of(box, "/")["source"].partition("[")[0]), path
    assert mount_of(box, "/var/backups/hangjegyzet")["target"] == "/var/backups/hangjegyzet"
    assert box.run("dpkg", "--audit").stdout == ""
    assert box.run("systemctl", "--failed", "--plain", "--no-legend").stdout == ""


def test_the_next_start_is_an_ordinary_one(box: Box) -> None:
    """Nothing is installed again, the bundle and the answers are gone, and health is content but for the models."""
    box.power_off()
    box.boot()
    assert box.run("systemctl", "show", "-P", "ConditionResult", "hangjegyzet-first-boot").stdout.strip() == "no"
    assert box.run("ls", "/var/lib/hangjegyzet-machine").stdout.split() == ["etc", "root-keys.sha256", "set-up"]
    assert "root:$6$" in box.run("cat", "/etc/shadow").stdout
    assert finding(box, "database")["severity"] == "ok"


def test_the_same_bundle_and_debian_make_the_same_bytes(stick: Stick, image: Path, tmp_path: Path) -> None:
    """Made again, the disk is the same to the last bit."""
    assert second_making(stick, tmp_path) == image.with_name("SHA256SUMS").read_text()


def mount_of(box: Box, path: str) -> Mapping[str, Any]:
    """Which mount a path of the box lies on."""
    told = box.run("findmnt", "--json", "--target", path, "--output", "source,target").stdout
    found: Mapping[str, Any] = json.loads(told)["filesystems"][0]
    return found
