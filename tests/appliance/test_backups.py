"""A machine is lost, and comes back on other hardware: the same minutes, the same trail.

One box for the whole file until it is destroyed; the tests are its days, in order, and each stands on the one before.
"""

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from appliance.quality.samples import sample_meeting
from tests.appliance.box import Box
from tests.appliance.machines import finding, rates, took, visit

pytestmark = [pytest.mark.slow, pytest.mark.models, pytest.mark.timeout(3600)]

DISK = "320m"
"""The second disk of the box: small, so that it can be filled."""
RPO_S = 300
"""What may be lost at most."""
COPY_S = 120
"""For two recordings that follow a restore."""
KEYS, BACKUPS = "/media/keys", "/media/backups"


@dataclass
class Before:
    """What the machine had before it was lost."""

    meetings: dict[str, dict[str, Any]] = field(default_factory=dict)
    trail: list[str] = field(default_factory=list)
    deleted: str = ""
    moment: str = ""


before = Before()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where disks and sticks lie."""
    return tmp_path_factory.mktemp("backups")


@pytest.fixture(scope="module")
def keys(folder: Path) -> Path:
    """A stick with two custodians' keys, made elsewhere."""
    made = folder / "keys"
    made.mkdir()
    for name in ("first", "second"):
        subprocess.run(["age-keygen", "-o", made / name], check=True, capture_output=True)
    return made


@pytest.fixture(scope="module")
def box(installed: Path, folder: Path) -> Iterator[Box]:
    """A machine that is ready for use, with a small disk for backups and quick engines: nobody judges its minutes."""
    made = Box.new("hj-backups", folder, base=installed)
    kept = folder / "kept"
    made.backups.rename(kept)
    made.backups.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=0755", "hj", str(made.backups)], check=True)
    subprocess.run(["cp", "--archive", f"{kept}/.", str(made.backups)], check=True)
    try:
        with made:
            for engine in ("speech.engine", "minutes.engine"):
                made.run("hangjegyzet", "config", "set", engine, "fake")
            made.run("systemctl", "restart", "hangjegyzet-worker@speech", "hangjegyzet-worker@language")
            yield made
    finally:
        subprocess.run(["umount", str(made.backups)], check=False, capture_output=True)


def test_without_custodians_nothing_is_kept(box: Box, keys: Path) -> None:
    """A backup that nobody could open is refused, and health says what to do."""
    assert box.run("hangjegyzet", "backup", "run", check=False).returncode == 3
    assert finding(box, "backups")["severity"] == "warning"
    people = [recipient(keys / name) for name in ("first", "second")]
    box.run("hangjegyzet", "config", "set", "backups.custodians", json.dumps(people))


def test_a_meeting_is_kept_and_the_restore_proven(box: Box) -> None:
    """Backup, verification, and a drill inside its sandbox; its report says when a restore was proven last."""
    hold_meeting(box)
    started = time.monotonic()
    taken = json.loads(box.run("hangjegyzet", "backup", "run", "--full", "--json").stdout)
    took["backup, the first"] = time.monotonic() - started
    rates["backup"] = taken["database_mb_per_s"]
    assert taken["recordings"] == 1
    assert json.loads(box.run("hangjegyzet", "backup", "verify", "--json").stdout)["whole"]
    box.run("systemctl", "start", "hangjegyzet-drill.service", timeout_s=600)
    proven = json.loads(box.run("hangjegyzet", "drill", "report", "--json").stdout)
    assert proven["passed"], proven
    assert proven["set"] == taken["set"]
    took["drill: restored and ready"] = proven["restore_s"] + proven["replay_s"]
    assert finding(box, "drill")["severity"] == "ok"


def test_the_units_may_do_little(box: Box) -> None:
    """systemd rates what backups and drills could do at 1.5 or less."""
    for unit in ("backup", "follow", "drill", "recordings"):
        verdict = box.run("systemd-analyze", "security", "--no-pager", f"hangjegyzet-{unit}.service").stdout
        assert float(verdict.rpartition(": ")[2].split()[0]) <= 1.5, f"{unit}: {verdict[-200:]}"


def test_what_comes_after_a_backup_is_kept_within_minutes(box: Box) -> None:
    """Work goes on; the archive and the next pass have it within the promised five minutes."""
    hold_meeting(box)
    before.deleted = hold_meeting(box)
    before.trail = exported_trail(box)
    # The moment is a whole second: what was written in the one before it belongs to it.
    before.moment = box.run("sh", "-c", "sleep 1; date --utc +%Y-%m-%dT%H:%M:%S+00:00").stdout.strip()
    time.sleep(2)
    box.run("hangjegyzet", "meeting", "delete", before.deleted, "--yes")
    del before.meetings[before.deleted]
    started = time.monotonic()
    # The machine goes on writing, so something is always new: what counts is that nothing from before is left.
    while standing(box)["rpo_database_s"] >= time.monotonic() - started:
        assert time.monotonic() - started < RPO_S
        time.sleep(5)
    took["commit to archive"] = time.monotonic() - started
    box.run("hangjegyzet", "backup", "follow")
    assert standing(box)["rpo_recordings_s"] < RPO_S


def test_a_full_disk_fails_the_backup_and_not_the_portal(box: Box) -> None:
    """The refusal says how much is free; people notice nothing; with room it goes on."""
    filler = box.backups / "filler"
    subprocess.run(["dd", "if=/dev/zero", f"of={filler}", "bs=1M"], capture_output=True, check=False)
    refused = box.run("hangjegyzet", "backup", "run", "--full", check=False)
    assert refused.returncode == 5, refused.stderr
    visit(box)
    filler.unlink()
    box.run("hangjegyzet", "backup", "run")
    assert finding(box, "backups")["severity"] == "ok"
    assert json.loads(box.run("hangjegyzet", "backup", "verify", "--json").stdout)["whole"]


def test_a_lost_machine_comes_back_on_other_hardware(box: Box, installed: Path, folder: Path, keys: Path) -> None:
    """From the stick and one custodian's key, to a moment; killed half-way and run again."""
    stick = folder / "stick"
    stick.mkdir()
    subprocess.run(["cp", "--archive", f"{box.backups}/.", str(stick)], check=True)
    box.destroy()
    media = {KEYS: keys, BACKUPS: stick}
    with Box.new("hj-afresh", folder, base=installed, media=media) as fresh:
        become_another(fresh)
        words = ("--from", BACKUPS, "--key", f"{KEYS}/second", "--time", before.moment)
        planned = json.loads(fresh.run("hangjegyzet", "restore", "plan", *words, "--json").stdout)
        assert planned["of_host"] == "hj-backups"
        assert not planned["this_machine"]
        wrong = fresh.run("hangjegyzet", "restore", "plan", *words, "--signer", "00" * 32, check=False)
        assert wrong.returncode == 3
        killed = fresh.run(
            "timeout", "--signal=KILL", "6", "hangjegyzet", "restore", "run", *words, "--yes", check=False
        )
        assert killed.returncode != 0
        started = time.monotonic()
        done = json.loads(fresh.run("hangjegyzet", "restore", "run", *words, "--yes", "--json", timeout_s=1200).stdout)
        took["restore on other hardware"] = time.monotonic() - started
        assert done["missing"] == []
        assert done["to_copy"] >= len(before.meetings)
        copying = time.monotonic()
        while json.loads(fresh.run("hangjegyzet", "restore", "status", "--json").stdout)["left"]:
            assert time.monotonic() - copying < COPY_S, fresh.run("hangjegyzet", "restore", "status").stderr
            time.sleep(1)
        for meeting, written in before.meetings.items():
            assert visit(fresh, "--fetch", meeting) == written
        assert before.deleted not in fresh.run("hangjegyzet", "meeting", "list", "--json").stdout
        trail = exported_trail(fresh)
        assert trail[: len(before.trail)] == before.trail
        assert any("backups:set:restored" in event for event in trail[len(before.trail) :])
        fresh.run("hangjegyzet", "audit", "verify")
        fresh.run("systemctl", "start", "hangjegyzet-backup.service", timeout_s=600)
        in_place = time.monotonic()
        fresh.run("hangjegyzet", "backup", "run", "--full", timeout_s=600)
        fresh.run("hangjegyzet", "restore", "run", "--set", "latest", "--yes", timeout_s=600)
        took["backup and restore in place"] = time.monotonic() - in_place
        for meeting, written in before.meetings.items():
            assert visit(fresh, "--fetch", meeting) == written


def become_another(box: Box) -> None:
    """Take away what makes a machine this one: it was copied from the same disk, and other hardware has its own key."""
    box.run("rm", "/etc/hangjegyzet/secrets/signing.key", "/etc/hangjegyzet/trust/appliance.pem")
    box.run("hangjegyzet", "apply", timeout_s=900)


def recipient(key: Path) -> str:
    """The public half of a custodian's key."""
    done = subprocess.run(["age-keygen", "-y", key], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def hold_meeting(box: Box) -> str:
    """Send a recording and wait for its minutes; note what can be fetched of it."""
    sent = visit(box, "--send", sample_meeting("en").audio)
    assert visit(box, "--follow", sent["job"])["state"] == "done"
    before.meetings[sent["meeting"]] = visit(box, "--fetch", sent["meeting"])
    return str(sent["meeting"])


def exported_trail(box: Box) -> list[str]:
    """Every event of the trail, as it is exported."""
    lines = box.run("hangjegyzet", "audit", "export").stdout.splitlines()
    return [line for line in lines if '"seq"' in line]


def standing(box: Box) -> dict[str, Any]:
    """How much could be lost right now."""
    told: dict[str, Any] = json.loads(box.run("hangjegyzet", "backup", "list", "--json").stdout)
    return told
