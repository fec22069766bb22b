"""A bundle of updates holds what is newer than the releases had, says so truly, and is the same bytes each time."""

import argparse
import hashlib
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.releases.contents import open_contents
from appliance.releases.model import Need, Purpose
from appliance.releases.verification import verify_updates
from images.bundle.debs import SYSTEM_NAME, Deb, read_debs, write_system
from images.bundle.updates import (
    Installed,
    KeyNotForUpdates,
    NothingNewer,
    SystemNotTold,
    make_updates,
    need_of,
    newer,
    released,
    require_purpose,
    seq_of,
)
from tests.factories.bundles import FILES, Maker
from tests.factories.debs import a_new_package

MAKER = Maker(purposes=(Purpose.BUNDLE, Purpose.UPDATES))
DPKG = shutil.which("dpkg-deb") is None or shutil.which("apt-get") is None
needs_apt = pytest.mark.skipif(DPKG, reason="not a Debian: no apt")

INDEX = "Package: hj-one\nVersion: 1\nArchitecture: all\n\nPackage: hj-same\nVersion: 5\nArchitecture: all\n"
SYSTEM = "Package: hj-base\nVersion: 1\nArchitecture: all\n\nPackage: hj-one\nVersion: 0\nArchitecture: all\n"


def a_release(folder: Path, *, told: bool = True) -> Path:
    """The bundle of a release that brings two packages onto a system that has two."""
    files = {**FILES, "debs/Packages": INDEX.encode(), "debs-cluster/Packages": b""}
    return MAKER.bundle(folder, files={**files, f"debs/{SYSTEM_NAME}": SYSTEM.encode()} if told else files)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """What stands for the distribution: newer ones of two packages, one that was never installed, one as old."""
    folder = tmp_path / "archive"
    folder.mkdir()
    a_new_package("hj-one", folder, version="2", files={"usr/share/one": b"2"})
    a_new_package("hj-base", folder, version="1.1", files={"usr/lib/libhj.so.1": b"2"})
    a_new_package("hj-same", folder, version="5", files={"usr/share/same": b"5"})
    a_new_package("hj-stranger", folder, version="9", files={"usr/share/stranger": b"9"})
    return folder


def options(tmp_path: Path, archive: Path, **changes: object) -> argparse.Namespace:
    values = {
        "releases": [a_release(tmp_path / "release")],
        "installed": [],
        "out": tmp_path / "out",
        "version": "2026.11.23",
        "release_seq": None,
        "debs": archive,
        "cache": tmp_path / "cache",
    }
    return argparse.Namespace(**{**values, **changes})


def made(tmp_path: Path, given: argparse.Namespace, name: str = "work") -> Path:
    signer = MAKER.signer(tmp_path / f"{name}.keys")
    (tmp_path / name).mkdir()
    (path,) = make_updates(tmp_path / name, given, signer)
    return path


@needs_apt
def test_it_holds_what_is_newer_and_tells_what_it_means(tmp_path: Path, archive: Path) -> None:
    """What a release brings counts before what it finds; what a machine does not have stays away."""
    built = made(tmp_path, options(tmp_path, archive))
    with open_contents(built) as contents:
        found = verify_updates(contents, trust=MAKER.trust, now=datetime(2026, 11, 24, tzinfo=UTC)).manifest
        index = contents.open("debs/Packages").read().decode()
    assert [(one.name, one.old, one.new, one.need) for one in found.packages] == [
        ("hj-base", ("1",), "1.1", Need.SERVICES),
        ("hj-one", ("1",), "2", Need.NOTHING),
    ]
    assert [deb.name for deb in read_debs(index)] == ["hj-base", "hj-one"]
    assert (found.version, found.release_seq, found.releases) == ("2026.11.23", 2026112300, ("0.2.0",))
    assert built.name == "hangjegyzet-updates-2026.11.23-debian12-amd64.tar"


@needs_apt
def test_it_is_the_same_bytes_whenever_it_is_made(tmp_path: Path, archive: Path) -> None:
    """The same packages, version and key."""
    given = options(tmp_path, archive)
    first = hashlib.sha256(made(tmp_path, given, "one").read_bytes()).hexdigest()
    second = hashlib.sha256(made(tmp_path, given, "two").read_bytes()).hexdigest()
    assert first == second


@needs_apt
def test_a_machines_own_status_adds_what_it_has_besides(tmp_path: Path, archive: Path) -> None:
    """A package that no release knows; one that was removed is none."""
    status = tmp_path / "status"
    status.write_text(
        "Package: hj-stranger\nStatus: install ok installed\nArchitecture: all\nVersion: 8\n\n"
        "Package: hj-same\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n"
    )
    built = made(tmp_path, options(tmp_path, archive, installed=[status]))
    with open_contents(built) as contents:
        found = verify_updates(contents, trust=MAKER.trust, now=datetime(2026, 11, 24, tzinfo=UTC)).manifest
    assert [one.name for one in found.packages] == ["hj-base", "hj-one", "hj-stranger"]


@needs_apt
def test_where_nothing_is_newer_nothing_is_made(tmp_path: Path, archive: Path) -> None:
    """And it says for which releases."""
    for path in (*archive.glob("hj-one*"), *archive.glob("hj-base*")):
        path.unlink()
    with pytest.raises(NothingNewer, match=r"0\.2\.0"):
        made(tmp_path, options(tmp_path, archive))


def test_a_release_that_does_not_tell_of_the_system_is_not_enough(tmp_path: Path) -> None:
    """Rather than counting from a guess."""
    with pytest.raises(SystemNotTold, match=r"0\.2\.0"):
        released(a_release(tmp_path / "old", told=False))
    versions = {deb.name: deb.version for deb in released(a_release(tmp_path / "new")).debs}
    assert versions == {"hj-base": "1", "hj-one": "1", "hj-same": "5"}


class Archive:
    """An archive that has version 3 of everything."""

    def upgrade(self, installed: Sequence[Deb]) -> Sequence[Deb]:
        return [Deb(deb.name, "3", deb.name, "") for deb in installed if deb.version != "3"]


def test_several_releases_are_served_by_one_bundle() -> None:
    """Each package is there once, with every version that it takes the place of."""
    one = Installed("0.1.0", [Deb("a", "1", "a", ""), Deb("b", "3", "b", "")])
    two = Installed("0.2.0", [Deb("a", "2", "a", ""), Deb("c", "1", "c", "")])
    found = newer(Archive(), [one, two])  # type: ignore[arg-type]  # what it asks of apt
    assert {name: new.old for name, new in found.items()} == {"a": ("1", "2"), "c": ("1",)}


@needs_apt
@pytest.mark.parametrize(
    ("source", "file", "need"),
    [
        ("less", "usr/share/doc/a", Need.NOTHING),
        ("zlib", "usr/lib/x86_64-linux-gnu/libz.so.1.2.13", Need.SERVICES),
        ("openssh", "usr/sbin/sshd", Need.SERVICES),
        ("glibc", "usr/lib/x86_64-linux-gnu/libc.so.6", Need.REBOOT),
        ("glibc", "usr/share/locale/a", Need.NOTHING),
        ("linux-signed-amd64", "boot/vmlinuz-6.1.0-40-amd64", Need.REBOOT),
    ],
)
def test_what_has_to_start_again_is_seen_in_the_package(tmp_path: Path, source: str, file: str, need: Need) -> None:
    """Programs and libraries are loaded; those of kernel, C library and manager until the machine starts again."""
    path = a_new_package("hj-p", tmp_path, version="1", files={file: b"1"})
    assert need_of(Deb("hj-p", "1", source, ""), path) is need


def test_numbers_follow_the_days() -> None:
    """Also where there are two bundles on one."""
    days = ["2026.11.23", "2026.11.23.2", "2026.11.24", "2026.12.01", "2027.01.01"]
    numbers = [seq_of(day) for day in days]
    assert numbers == sorted(set(numbers))
    assert numbers[0] == 2026112300


def test_a_key_that_machines_would_refuse_makes_none(tmp_path: Path) -> None:
    """Said to the maker, and not first to a customer."""
    signer = Maker(purposes=(Purpose.BUNDLE,)).signer(tmp_path / "keys")
    with pytest.raises(KeyNotForUpdates, match="bundle"):
        require_purpose(signer)
    require_purpose(MAKER.signer(tmp_path / "others"))


def test_the_system_is_told_in_few_fields(tmp_path: Path) -> None:
    """What apt needs to work with it: names, versions, and what they provide."""
    record = "Package: mawk\nVersion: 1.3\nArchitecture: amd64\nProvides: awk\nDescription: words\nDepends: libc6"
    write_system(tmp_path, [Deb("mawk", "1.3", "mawk", record)])
    told = (tmp_path / SYSTEM_NAME).read_text()
    assert told == "Package: mawk\nVersion: 1.3\nArchitecture: amd64\nProvides: awk\n\n"
