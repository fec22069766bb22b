"""A machine in one file: file systems that come out the same, a menu that counts, answers that are never run."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from images.machine.disk import LAYOUT, grub_environment
from images.machine.filesystems import write_ext4, write_fat
from images.machine.root import SYSIMAGE, TREE, Wanted
from tests.appliance.box import BARE

MACHINE = TREE.parent
SCRIPTS = TREE / "usr/lib/hangjegyzet-machine"
EPOCH = 1_700_000_000


def needs(*programs: str) -> pytest.MarkDecorator:
    missing = [name for name in programs if shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


def a_folder(at: Path) -> Path:
    """Files, a link and a program, made now."""
    (at / "etc/empty").mkdir(parents=True)
    (at / "etc/name").write_text("value\n")
    (at / "run").write_bytes(b"#!/bin/sh\n" + b"x" * 70_000)
    (at / "run").chmod(0o755)
    (at / "link").symlink_to("etc/name")
    for path in (*at.rglob("*"), at):
        os.utime(path, (EPOCH, EPOCH), follow_symlinks=False)
    return at


@needs("mke2fs", "debugfs")
def test_a_file_system_is_the_same_whenever_it_is_made(tmp_path: Path) -> None:
    """Two folders with the same content, made at different moments, become the same bytes."""
    images = []
    for name in ("first", "second"):
        image = tmp_path / f"{name}.img"
        write_ext4(image, label="trial", epoch=EPOCH, folder=a_folder(tmp_path / name))
        images.append(image.read_bytes())
    assert images[0] == images[1]


@needs("mke2fs", "debugfs", "e2fsck")
def test_a_file_system_holds_the_folder_and_is_sound(tmp_path: Path) -> None:
    """e2fsck finds nothing, content and modes are the folder's, and GRUB can read its features."""
    image = tmp_path / "trial.img"
    write_ext4(image, label="trial", epoch=EPOCH, folder=a_folder(tmp_path / "folder"))
    assert subprocess.run(["e2fsck", "-fn", image], capture_output=True, check=False).returncode == 0
    told = subprocess.run(["debugfs", "-R", "stat /run", image], capture_output=True, text=True, check=True).stdout
    assert "Mode:  0755" in told
    assert f"ctime: {EPOCH:#x}" in told
    assert f"crtime: {EPOCH:#x}" in told
    content = subprocess.run(
        ["debugfs", "-R", "cat /etc/name", image], capture_output=True, text=True, check=True
    ).stdout
    assert content == "value\n"
    features = subprocess.run(["dumpe2fs", "-h", image], capture_output=True, text=True, check=True).stdout
    assert "has_journal" in features
    assert not {"orphan_file", "metadata_csum_seed"} & set(features.split())


@needs("mkfs.vfat", "mcopy")
def test_a_boot_partition_is_the_same_whenever_it_is_made(tmp_path: Path) -> None:
    """The same files make the same bytes, and can be read again."""
    files = {"EFI/debian/grub.cfg": b"menu\n", "EFI/BOOT/BOOTX64.EFI": b"MZ"}
    for name in ("first", "second"):
        write_fat(tmp_path / name, label="trial", epoch=EPOCH, size_bytes=40 << 20, files=files)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    read = subprocess.run(["mtype", "-i", tmp_path / "first", "::EFI/debian/grub.cfg"], capture_output=True, check=True)
    assert read.stdout == b"menu\n"


@needs("grub-script-check")
@pytest.mark.parametrize("menu", sorted(MACHINE.glob("grub-*.cfg")), ids=lambda path: path.name)
def test_the_boot_menu_can_be_read(menu: Path) -> None:
    """GRUB's own check finds no mistake in it."""
    subprocess.run(["grub-script-check", menu], check=True)


@needs("grub-editenv")
def test_the_menus_memory_is_what_grub_reads(tmp_path: Path) -> None:
    """GRUB's own program lists the values, and a change leaves the size as it is."""
    block = tmp_path / "grubenv"
    block.write_bytes(grub_environment({"order": "a b", "a_left": "3"}))
    subprocess.run(["grub-editenv", block, "set", "a_left=2"], check=True)
    listed = subprocess.run(["grub-editenv", block, "list"], capture_output=True, text=True, check=True).stdout
    assert listed == "order=a b\na_left=2\n"
    assert block.stat().st_size == 1024


@needs("shellcheck")
def test_scripts_have_no_finding() -> None:
    """shellcheck, with what they source."""
    scripts = sorted(path for path in SCRIPTS.iterdir() if path.read_bytes().startswith(b"#!"))
    done = subprocess.run(
        ["shellcheck", "-x", *scripts], cwd=MACHINE.parents[1], capture_output=True, text=True, check=False
    )
    assert done.stdout == ""


def test_fstab_and_build_agree_on_what_belongs_to_a_root() -> None:
    """What is bound from a root's own folder is what was put there."""
    bound = [
        line.split()[:2]
        for line in (TREE / "etc/fstab").read_text().splitlines()
        if line.startswith("/usr/lib/sysimage")
    ]
    assert bound == [[f"/usr/lib/sysimage/{name}", f"/var/lib/{name}"] for name in SYSIMAGE]
    assert f"SYSIMAGE=({' '.join(SYSIMAGE)})" in (SCRIPTS / "slot").read_text()


def test_the_partition_that_grows_is_the_last() -> None:
    """A disk that was made larger has its new room behind the last partition."""
    *_, last = sorted(LAYOUT.glob("*.conf"))
    assert "Type=var" in last.read_text()
    assert "SizeMaxBytes" not in last.read_text()


def test_a_machine_begins_as_the_tests_machine_does() -> None:
    """What a box of the tests lacks, the image lacks too: install.sh finds the same bare Debian."""
    assert Wanted.load().bare == BARE


@pytest.mark.parametrize(
    ("lines", "code", "said"),
    [
        ("language=hu\nhostname=irattar\n", 0, "hu us irattar"),
        ("language=en\r\n# a note\r\n\r\nkeyboard=hu\r\n", 0, "en hu hangjegyzet"),
        ("hostname=box; reboot\n", 2, "hostname"),
        ("hostname=$(id)\n", 2, "hostname"),
        ("language=de\n", 2, "language"),
        ("keyboard=../x\n", 2, "keyboard"),
        ("root_password_hash=plain\n", 2, "root_password_hash"),
        ("PATH=/tmp\n", 2, "Unknown answer"),
        ("language\n", 2, "Unknown answer"),
    ],
)
def test_prepared_answers_are_read_and_never_run(tmp_path: Path, lines: str, code: int, said: str) -> None:
    """Only known names with values of their form; whatever else a file says stops the installation."""
    file = tmp_path / "answers"
    file.write_bytes(lines.encode())
    script = (
        f'. {SCRIPTS / "asking"}; find_answers "$1"; require_simple_answers; '
        'echo "${answer[language]} ${answer[keyboard]} ${answer[hostname]}"'
    )
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script, "trial", file], capture_output=True, text=True, check=False
    )
    assert (done.returncode, said in done.stdout) == (code, True), done.stdout + done.stderr
