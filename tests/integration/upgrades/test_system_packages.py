"""Real dpkg and apt in a Debian that is thrown away: packages change, fail, and come back to exactly what was there."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.adapters.upgrades.repacking import listed_files, read_installed
from appliance.adapters.upgrades.system_packages import DpkgSystem
from appliance.upgrades.errors import PackagesFailed
from appliance.upgrades.model import Change
from tests.appliance.box import bare_root, missing_means
from tests.factories.debs import a_new_package, another_version, indexed, tree_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
WORK = "var/tmp/updates"


@pytest.fixture
def system(tmp_path: Path) -> Iterator[Path]:
    """The root of a Debian that was just installed, with a layer of its own."""
    if reason := missing_means():
        pytest.skip(reason)
    root = tmp_path / "root"
    for folder in (root, tmp_path / "upper", tmp_path / "work"):
        folder.mkdir()
    layers = f"lowerdir={bare_root()},upperdir={tmp_path / 'upper'},workdir={tmp_path / 'work'}"
    subprocess.run(["mount", "-t", "overlay", "updates", "-o", layers, str(root)], check=True)
    (root / WORK / "bundle/debs").mkdir(parents=True)
    yield root
    subprocess.run(["umount", str(root)], check=True)
    shutil.rmtree(tmp_path / "work", ignore_errors=True)


def packages(root: Path) -> DpkgSystem:
    return DpkgSystem(root / WORK, root=root)


def bundle(root: Path) -> Path:
    return root / WORK / "bundle"


def state(root: Path, *names: str) -> dict[str, str]:
    """Every file of these packages."""
    installed = read_installed(root)
    return {
        path: what for name in names for path, what in tree_of(root, list(listed_files(root, installed[name]))).items()
    }


def planned(root: Path) -> tuple[DpkgSystem, list[Change]]:
    indexed(bundle(root) / "debs")
    dpkg = packages(root)
    return dpkg, list(dpkg.plan(bundle(root)))


def test_what_is_newer_is_planned_and_installed_and_nothing_else(system: Path) -> None:
    """A newer package and a new one that it needs; one that is not installed stays away."""
    debs = bundle(system) / "debs"
    another_version("less", debs, root=system, version="999:1", depends="hj-needed")
    a_new_package("hj-needed", debs, version="1", files={"usr/share/hj-needed": b"1"})
    a_new_package("hj-stranger", debs, version="1", files={"usr/share/hj-stranger": b"1"})
    before = packages(system).installed()
    dpkg, changes = planned(system)
    assert changes == [Change("hj-needed", "", "1"), Change("less", before["less"], "999:1")]
    assert dpkg.installed() == before
    dpkg.keep(changes)
    dpkg.install(bundle(system), changes)
    after = dpkg.installed()
    assert {name: after[name] for name in after if after[name] != before.get(name)} == {
        "less": "999:1",
        "hj-needed": "1",
    }
    assert dpkg.complaints() == []
    assert dpkg.plan(bundle(system)) == []


@pytest.mark.parametrize("name", ["less", "libc6", "base-files", "debianutils", "openssl"])
def test_the_way_back_leads_to_the_very_same_files(system: Path, name: str) -> None:
    """Versions, content, modes, owners and links of every file, also of what dpkg itself stands on."""
    before, installed = state(system, name), packages(system).installed()
    another_version(name, bundle(system) / "debs", root=system, version=f"{installed[name]}+hj1")
    dpkg, changes = planned(system)
    assert [change.name for change in changes] == [name]
    dpkg.keep(changes)
    dpkg.install(bundle(system), changes)
    dpkg.restore(changes)
    assert dpkg.installed() == installed
    assert state(system, name) == before
    assert dpkg.complaints() == []


def test_edited_configuration_stays_there_and_back(system: Path) -> None:
    """Nobody is asked, and nobody's edit is lost; what was removed stays away."""
    edited = system / "etc/debian_version"
    edited.write_text("ours\n")
    (system / "etc/issue").unlink()
    another_version(
        "base-files", bundle(system) / "debs", root=system, version="999", files={"etc/issue.net": b"new\n"}
    )
    dpkg, changes = planned(system)
    dpkg.keep(changes)
    dpkg.install(bundle(system), changes)
    assert edited.read_text() == "ours\n"
    dpkg.restore(changes)
    assert edited.read_text() == "ours\n"
    assert dpkg.complaints() == []


def test_a_package_whose_script_fails_is_taken_back(system: Path) -> None:
    """It leaves packages half set up; the kept ones go over them, and what was new goes."""
    debs = bundle(system) / "debs"
    another_version("less", debs, root=system, version="999:1", postinst="exit 1", depends="hj-needed")
    a_new_package("hj-needed", debs, version="1", files={"usr/share/hj-needed": b"1"})
    before, installed = state(system, "less"), packages(system).installed()
    dpkg, changes = planned(system)
    dpkg.keep(changes)
    with pytest.raises(PackagesFailed, match="less"):
        dpkg.install(bundle(system), changes)
    assert dpkg.complaints()
    dpkg.restore(changes)
    assert dpkg.installed() == installed
    assert state(system, "less") == before
    assert not (system / "usr/share/hj-needed").exists()
    dpkg.restore(changes)


@pytest.mark.parametrize("moment", ["unpacked", "hangs in its script"])
def test_a_killed_run_is_taken_back(system: Path, moment: str) -> None:
    """A real SIGKILL to dpkg in the middle: nobody may be left behind between two versions."""
    before, installed = state(system, "less"), packages(system).installed()
    postinst = "touch /var/tmp/reached; sleep 600"
    another_version("less", bundle(system) / "debs", root=system, version="999:1", postinst=postinst)
    dpkg, changes = planned(system)
    dpkg.keep(changes)
    if moment == "unpacked":
        (deb,) = (bundle(system) / "debs").glob("*.deb")
        inside = f"/{deb.relative_to(system)}"
        subprocess.run(["chroot", str(system), "dpkg", "--unpack", inside], check=True, capture_output=True)
    else:
        if (child := os.fork()) == 0:
            os.setsid()
            dpkg.install(bundle(system), changes)
            os._exit(0)
        deadline = time.monotonic() + 120
        while not (system / "var/tmp/reached").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        assert (system / "var/tmp/reached").exists()
    # Its script would hang again; what cannot be set up is no reason to stay.
    script = system / "var/lib/dpkg/info/less.postinst"
    script.write_text("#!/bin/sh\nexit 1\n")
    packages(system).restore(changes)
    assert packages(system).installed() == installed
    assert state(system, "less") == before


def test_updates_that_lack_what_they_need_are_refused(system: Path) -> None:
    """A machine whose base is older than the bundle thought; said before anything is changed."""
    another_version("less", bundle(system) / "debs", root=system, version="999:1", depends="hj-nowhere")
    indexed(bundle(system) / "debs")
    with pytest.raises(PackagesFailed, match="less needs packages that are neither here nor in the bundle"):
        packages(system).plan(bundle(system))


def test_a_package_on_hold_stays(system: Path) -> None:
    """Somebody decided so, and the others come."""
    debs = bundle(system) / "debs"
    another_version("less", debs, root=system, version="999:1")
    another_version("openssl", debs, root=system, version="999")
    subprocess.run(["chroot", str(system), "apt-mark", "hold", "less"], check=True, capture_output=True)
    _, changes = planned(system)
    assert [change.name for change in changes] == ["openssl"]


def test_what_was_not_kept_cannot_come_back(system: Path) -> None:
    """Rather an error that names it than a machine that nobody knows."""
    with pytest.raises(PackagesFailed, match="hj-lost 1 was not kept"):
        packages(system).restore([Change("hj-lost", "1", "2")])
