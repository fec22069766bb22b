"""Security updates of the system: taken, taken back, killed, cut off and refused, on a machine without a network.

One box for the whole file; the tests are its days, in order, and each stands on the one before. The updates are
packages that the box has, as higher versions, good and bad, in bundles that the maker's command makes.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.appliance.box import Box
from tests.appliance.machines import ROOT, STICK, Stick, finding, media_with, took, visit
from tests.factories.debs import another_version

pytestmark = [pytest.mark.slow, pytest.mark.thorough, pytest.mark.models, pytest.mark.timeout(5400)]

NOTES = "var/lib/hangjegyzet-upgrade"
UPDATES = "/media/updates"
RUN_LIMIT_S = 2400.0
AFTER_BOOT_S = 900.0
SLEEPS = "test -e /var/tmp/quick || sleep 20"
"""Long enough for a kill to find the script at work."""


@dataclass(frozen=True)
class Update:
    """A package that the box has, as another version.

    Args:
        spoilt: library in it that is nonsense.
    """

    package: str
    day: str
    suffix: str
    postinst: str = ""
    spoilt: str = ""


QUIET = Update("less", "2026.01.01", "+hj1")
DEEP = Update("libc6", "2026.01.02", "+hj1")
SCRIPT_FAILS = Update("less", "2026.01.03", "+hj2", postinst="exit 1")
BREAKS_DATABASE = Update("libxml2", "2026.01.04", "+hj1", spoilt="usr/lib/x86_64-linux-gnu/libxml2.so.2.9.14")
SLOW = Update("less", "2026.01.05", "+hj3", postinst=SLEEPS)
ALL = (QUIET, DEEP, SCRIPT_FAILS, BREAKS_DATABASE, SLOW)


@pytest.fixture(scope="module")
def bundles(installed: Path, stick: Stick, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stick with a bundle of updates for each."""
    made = tmp_path_factory.mktemp("updates")
    for update in ALL:
        debs = made / "debs" / update.day
        debs.mkdir(parents=True)
        files = {update.spoilt: b"nonsense"} if update.spoilt else {}
        another_version(
            update.package, debs, root=installed, version=version_of(installed, update.package) + update.suffix,
            postinst=update.postinst, files=files,
        )  # fmt: skip
        command = [
            sys.executable, "-m", "images.bundle.updates", "--for", str(stick.folder), "--debs", str(debs),
            "--version", update.day, "--out", str(made / "stick"),
        ]  # fmt: skip
        subprocess.run(command, cwd=ROOT, check=True, stdout=sys.stderr)
    return made / "stick"


@pytest.fixture(scope="module")
def box(installed: Path, stick: Stick, bundles: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """A machine that is ready for use, and a stick with the updates."""
    media = {**media_with(stick), UPDATES: bundles}
    with Box.new("hj-updates", tmp_path_factory.mktemp("boxes"), base=installed, media=media) as running:
        yield running


def version_of(root: Path, package: str) -> str:
    """What dpkg says is installed in a folder."""
    asked = ["dpkg-query", f"--admindir={root}/var/lib/dpkg", "--show", "--showformat=${Version}", package]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout


def of(update: Update) -> str:
    """Its bundle, by its name inside the box."""
    return f"{UPDATES}/hangjegyzet-updates-{update.day}-debian12-amd64.tar"


def put_in(box: Box, bundle: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Put updates in, as a technician does."""
    return box.run("hangjegyzet", "updates", "run", bundle, "--json", check=check, timeout_s=RUN_LIMIT_S)


def status(box: Box) -> dict[str, Any]:
    """What the box says of its last updates."""
    told: dict[str, Any] = json.loads(box.run("hangjegyzet", "updates", "status", "--json").stdout)
    return told


def is_whole(box: Box) -> dict[str, str]:
    """The versions of the packages in question; fails unless packages are whole, people are in, and nothing is left."""
    assert not (box.root / NOTES / "window").exists()
    assert not (box.root / NOTES / "state.json").exists()
    assert not (box.root / "opt/hangjegyzet/releases/.upgrade").exists()
    assert box.run("dpkg", "--audit").stdout == ""
    visit(box)
    names = sorted({update.package for update in ALL})
    return {name: version_of(box.root, name) for name in names}


def test_updates_that_touch_nobody_let_everybody_work(box: Box) -> None:
    """Looked at first, then taken; the portal never went away, and the trail, health and the list tell."""
    before = is_whole(box)
    looked = json.loads(box.run("hangjegyzet", "updates", "check", of(QUIET), "--json", timeout_s=900).stdout)
    assert (looked["people_wait"], looked["reboot"], looked["findings"]) == (False, [], [])
    assert is_whole(box) == before
    portal = box.run("systemctl", "show", "--property=MainPID", "hangjegyzet-web.service").stdout
    started = time.monotonic()
    put_in(box, of(QUIET))
    took["updates that touch nobody"] = time.monotonic() - started
    assert is_whole(box) == {**before, "less": f"{before['less']}+hj1"}
    assert box.run("systemctl", "show", "--property=MainPID", "hangjegyzet-web.service").stdout == portal
    told = status(box)
    assert (told["ending"], told["downtime_s"], set(told["gate"])) == ("done", None, {"schema", "health", "silence"})
    assert (box.root / "opt/hangjegyzet/updates_high_seq").read_text() == "2026010100\n"
    assert "2026.01.01" in box.run("hangjegyzet", "audit", "export").stdout
    assert finding(box, "updates")["evidence"]["updates"] == "2026.01.01"


def test_updates_of_what_everything_stands_on_are_taken(box: Box) -> None:
    """The C library: people wait, services start again, a recording proves it, a restart of the machine is due."""
    for engine in ("speech.engine", "minutes.engine"):
        box.run("hangjegyzet", "config", "set", engine, "fake")
    box.run("hangjegyzet", "apply", timeout_s=RUN_LIMIT_S)
    before = is_whole(box)
    started = time.monotonic()
    put_in(box, of(DEEP))
    took["updates of the C library"] = time.monotonic() - started
    told = status(box)
    took["updates of the C library: people waited"] = told["downtime_s"]
    assert set(told["gate"]) == {"schema", "health", "silence", "sign-in", "recording"}
    assert {"hangjegyzet-web.service", "postgresql@15-hangjegyzet.service"} <= set(told["updates"]["users"])
    assert "postgresql@15-hangjegyzet.service" in told["updates"]["restarted"]
    assert is_whole(box) == {**before, "libc6": f"{before['libc6']}+hj1"}
    assert "libc6" in finding(box, "updates")["summary"]
    box.power_off()
    box.boot()
    assert finding(box, "updates")["severity"] == "ok"
    assert '"intact": true' in box.run("hangjegyzet", "audit", "verify", "--json").stdout


def test_what_must_not_be_taken_is_refused(box: Box) -> None:
    """A replay, the same again, one that was tampered with, one that breaks off, a release, and none at all."""
    (box.root / "var/tmp/sticks").mkdir()
    good = of(SLOW)
    box.run("sh", "-c", f"cp {good} /var/tmp/sticks/tampered.tar; head -c 60000 {good} >/var/tmp/sticks/cut.tar")
    box.run("sh", "-c", "printf x | dd of=/var/tmp/sticks/tampered.tar bs=1 seek=120000 conv=notrunc")
    before = is_whole(box)
    refused = {
        of(QUIET): (3, "number"),
        of(DEEP): (3, "as new already"),
        "/var/tmp/sticks/tampered.tar": (6, "not what was signed"),
        "/var/tmp/sticks/cut.tar": (6, ""),
        STICK: (3, "upgrade run"),
        "/var/tmp/sticks/none.tar": (4, ""),
    }
    for bundle, (code, words) in refused.items():
        done = put_in(box, bundle, check=False)
        assert done.returncode == code, f"{bundle}: {done.stderr[-600:]}"
        assert words in done.stderr
    other = box.run("hangjegyzet", "upgrade", "run", good, check=False, timeout_s=RUN_LIMIT_S)
    assert (other.returncode, "updates run" in other.stderr) == (3, True)
    box.run("rm", "-r", "/var/tmp/sticks")
    assert is_whole(box) == before


@pytest.mark.parametrize("bad", [SCRIPT_FAILS, BREAKS_DATABASE], ids=lambda update: update.package)
def test_bad_updates_are_taken_back(box: Box, bad: Update) -> None:
    """A package that cannot be set up, and one with which the database does not start: all is as it was."""
    before = is_whole(box)
    started = time.monotonic()
    done = put_in(box, of(bad), check=False)
    took[f"bad updates of {bad.package}, there and back"] = time.monotonic() - started
    assert done.returncode == 5, done.stderr[-600:]
    told = status(box)
    assert told["ending"] == "undone"
    assert "packages" in told["undone"]
    assert is_whole(box) == before
    assert "taken back" in finding(box, "updates")["summary"]
    assert (box.root / "opt/hangjegyzet/updates_high_seq").read_text() == "2026010200\n"


@pytest.mark.parametrize("end", ["SIGKILL", "power cut"])
def test_killed_in_the_middle_it_has_what_it_had(box: Box, end: str) -> None:
    """While dpkg is at work: without anybody's help the packages of before are back and whole."""
    before = is_whole(box)
    (box.root / NOTES / "progress.jsonl").unlink()
    (box.root / "var/tmp/quick").unlink(missing_ok=True)
    box.run("sh", "-c", f"setsid hangjegyzet updates run {of(SLOW)} >/dev/null 2>&1 </dev/null &")
    await_script(box)
    if end == "SIGKILL":
        box.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", "hangjegyzet-upgrade.service")
    else:
        box.power_cut()
        box.boot()
    box.run("touch", "/var/tmp/quick")
    started = time.monotonic()
    while (box.root / NOTES / "state.json").exists():
        assert time.monotonic() - started < AFTER_BOOT_S, "it did not come to its end"
        time.sleep(0.2)
    took[f"{end} while packages change: until whole"] = time.monotonic() - started
    assert status(box)["ending"] == "undone"
    assert is_whole(box) == before


def await_script(box: Box) -> None:
    """Wait until the package's script is at work."""
    deadline = time.monotonic() + RUN_LIMIT_S
    progress = box.root / NOTES / "progress.jsonl"
    while time.monotonic() < deadline:
        if box.run("pgrep", "--full", "less.postinst", check=False).returncode == 0:
            return
        said = progress.read_text() if progress.exists() else ""
        assert '"event":"end"' not in said, "the script never ran"
        time.sleep(0.1)
    raise AssertionError("the script never ran")
