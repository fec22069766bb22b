"""The life of an appliance: installed from a stick, used by people, cut off from power, applied again.

One box for the whole file; the tests are its days, in order, and each stands on the one before.
"""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from appliance.models.location import starter_path
from appliance.models.model import PackKind, Role
from appliance.quality.samples import sample_meeting
from tests.appliance.box import CACHE, Box
from tests.factories.packs import starter_pack

ROOT = Path(__file__).parents[2]
URL = "https://localhost"
INSTALL_LIMIT_S = 1800.0
JOB_LIMIT_S = 1500.0

pytestmark = [pytest.mark.slow, pytest.mark.models, pytest.mark.timeout(3600)]
took: dict[str, float] = {}


@pytest.fixture(scope="module")
def stick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of this commit, unpacked as on a stick; ``BUNDLE`` names one that was built before."""
    folder = tmp_path_factory.mktemp("stick")
    if given := os.environ.get("BUNDLE"):
        bundle = Path(given)
    else:
        started = time.monotonic()
        out = CACHE.parent / "dist"
        subprocess.run([sys.executable, "-m", "images.bundle", "--out", str(out)], cwd=ROOT, check=True)
        took["build the bundle"] = time.monotonic() - started
        bundle = max(out.glob("hangjegyzet-*.tar"), key=lambda file: file.stat().st_mtime)
    subprocess.run(["tar", "--extract", "--file", bundle, "--directory", folder], check=True)
    (inside,) = folder.iterdir()
    return inside


@pytest.fixture(scope="module")
def box(stick: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """A bare machine with the stick, and the model packs on another one."""
    for kind, role in (
        (PackKind.SPEECH, None),
        (PackKind.SPEAKERS, Role.TURNS),
        (PackKind.SPEAKERS, Role.VOICES),
        (PackKind.LANGUAGE, None),
    ):
        starter_pack(kind, role)
    media = {"/media/usb": stick, "/media/models": starter_path() / "packs"}
    with Box.new("hj-life", tmp_path_factory.mktemp("boxes"), media=media) as running:
        yield running
    print("\n" + "\n".join(f"    {what:32} {seconds:7.1f} s" for what, seconds in took.items()))


def visit(box: Box, *arguments: str | Path) -> dict[str, Any]:
    """What a visitor on the box's wire sees."""
    certificate = box.root / "var/lib/hangjegyzet/tls/portal.pem"
    command = box.in_its_network(sys.executable, "-m", "tests.appliance.visit", URL, certificate, *arguments)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=JOB_LIMIT_S, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def counts(line: str) -> Mapping[str, int]:
    """``ok=3 changed=0`` as numbers."""
    return {name: int(number) for name, number in (part.split("=") for part in line.split() if "=" in part)}


def fingerprint(stick: Path) -> str:
    """What the printed sheet says about the root keys."""
    return hashlib.sha256(b"".join((stick / f"keys/root-{n}.pem").read_bytes() for n in (1, 2, 3))).hexdigest()


def test_a_bare_machine_becomes_an_appliance(box: Box, stick: Path) -> None:
    """One command, without a network; at its end the address, the fingerprint and the code."""
    started = time.monotonic()
    said = box.run("/media/usb/install.sh", "--trust", fingerprint(stick), timeout_s=INSTALL_LIMIT_S).stdout
    took["install"] = time.monotonic() - started
    for word in ("Address", "Certificate (SHA-256)", "One-time code"):
        assert word in said
    code = said.split("One-time code")[1].split()[0]
    assert code not in box.journal()
    visit(box, "--code", code)


def test_a_second_run_changes_nothing(box: Box) -> None:
    """What is declared is there already."""
    started = time.monotonic()
    assert counts(box.run("hangjegyzet", "apply").stdout)["changed"] == 0
    took["apply again"] = time.monotonic() - started


def test_models_are_imported_from_a_stick(box: Box) -> None:
    """Until they are there, health says so; afterwards all is well."""
    assert finding(box, "models")["severity"] == "critical"
    for pack in sorted((starter_path() / "packs").iterdir()):
        box.run("hangjegyzet", "models", "import", f"/media/models/{pack.name}")
    report = json.loads(box.run("hangjegyzet", "health", "--json", timeout_s=600).stdout)
    assert {check["id"]: check["summary"] for check in report["checks"] if check["severity"] != "ok"} == {}


def test_the_units_may_do_little(box: Box) -> None:
    """systemd rates what each of our processes could do at 1.5 or less."""
    for unit in ("web", "worker@speech", "worker@language", "worker@general"):
        verdict = box.run("systemd-analyze", "security", "--no-pager", f"hangjegyzet-{unit}.service").stdout
        assert float(verdict.rpartition(": ")[2].split()[0]) <= 1.5, f"{unit}: {verdict[-200:]}"


def test_drift_is_seen_and_put_back(box: Box) -> None:
    """What somebody changed by hand is a finding; applying brings the declared state back."""
    box.run("sh", "-c", "echo '# by hand' >>/etc/nftables.conf; sysctl -q -w net.ipv4.ip_forward=0")
    assert "Write the rules" in finding(box, "drift")["evidence"]["drifted"]
    assert counts(box.run("hangjegyzet", "apply").stdout)["changed"] > 0
    assert "# by hand" not in box.run("cat", "/etc/nftables.conf").stdout


def test_a_mistake_in_the_configuration_touches_nothing(box: Box) -> None:
    """It is told with its key, and the portal goes on answering."""
    assert box.run("hangjegyzet", "config", "set", "web.port", "many", check=False).returncode == 2
    box.run("sh", "-c", "echo '[web2]' >>/etc/hangjegyzet/appliance.toml")
    refused = box.run("hangjegyzet", "apply", check=False)
    assert refused.returncode == 2
    assert "web2" in refused.stderr
    box.run("sed", "-i", "/^.web2.$/d", "/etc/hangjegyzet/appliance.toml")
    visit(box)


def test_a_meeting_survives_a_power_cut_and_becomes_minutes(box: Box) -> None:
    """The machine is cut off while it transcribes; it comes back and finishes, and what it wrote can be fetched."""
    sent = visit(box, "--send", sample_meeting("en").audio)
    deadline = time.monotonic() + JOB_LIMIT_S
    while step(box, sent["job"], "transcribe") not in {"running", "done"}:
        assert time.monotonic() < deadline
        time.sleep(1)
    box.power_cut()
    started = time.monotonic()
    box.boot()
    visit(box)
    took["power cut to portal"] = time.monotonic() - started
    assert visit(box, "--follow", sent["job"]) == {"state": "done", "failure": None}
    took["power cut to minutes"] = time.monotonic() - started
    written = visit(box, "--fetch", sent["meeting"])
    assert written["transcript.vtt"].startswith("WEBVTT")
    minutes = json.loads(written["minutes.json"])
    assert minutes["decisions"]
    assert minutes["actions"]
    assert all(claim["citations"] for claim in minutes["decisions"] if claim["support"] == "supported")


def test_nothing_that_was_said_lies_on_the_disk(box: Box) -> None:
    """Words of the meeting are in none of the machine's files, its journal included; a file with them is found."""
    box.run("sync")
    assert files_with_spoken_words(box) == []
    written = json.loads(visit(box, "--fetch", newest_meeting(box))["transcript.json"])
    leak = box.root / "var/tmp/leak"
    leak.write_text(" ".join(segment["text"] for segment in written["segments"]))
    assert files_with_spoken_words(box) == [str(leak)]
    leak.unlink()


def test_the_trail_is_whole_and_everything_is_well(box: Box) -> None:
    """After a power cut too the chain holds, and every check is content."""
    report = json.loads(box.run("hangjegyzet", "health", "--json", timeout_s=600).stdout)
    assert {check["id"]: check["summary"] for check in report["checks"] if check["severity"] != "ok"} == {}


def finding(box: Box, check: str) -> dict[str, Any]:
    """What a check of the box says."""
    report = json.loads(box.run("hangjegyzet", "health", check, "--json", check=False, timeout_s=600).stdout)
    (found,) = report["checks"]
    return dict(found)


def step(box: Box, job: str, name: str) -> str:
    """The state of a job's step, as the box's own command tells it."""
    shown = json.loads(box.run("hangjegyzet", "job", "show", job, "--json").stdout)
    return next(str(one["state"]) for one in shown["steps"] if one["name"] == name)


def newest_meeting(box: Box) -> str:
    """The id of the meeting that was sent last."""
    return str(json.loads(box.run("hangjegyzet", "meeting", "list", "--json").stdout)["meetings"][0]["id"])


def files_with_spoken_words(box: Box) -> list[str]:
    """Files of the box in which five words of the meeting stand in a row: more than PostgreSQL's own texts share."""
    words = [word.strip(".,?!:;") for word in sample_meeting("en").text.split()]
    phrases = [f"--regexp={' '.join(words[at : at + 5])}" for at in range(len(words) - 4)]
    command = ["grep", "--recursive", "--files-with-matches", "--ignore-case", "--text", "--fixed-strings", *phrases]
    folders = (
        "var/lib/hangjegyzet/blobs",
        "var/lib/hangjegyzet/state",
        "var/lib/postgresql",
        "var/log",
        "tmp",
        "var/tmp",
    )
    found = subprocess.run(
        [*command, *(box.root / folder for folder in folders)], capture_output=True, text=True, check=False
    )
    return found.stdout.splitlines()
