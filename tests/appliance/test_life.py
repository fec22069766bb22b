"""The life of an appliance: installed from a stick, used by people, cut off from power, applied again.

One box for the whole file; the tests are its days, in order, and each stands on the one before.
"""

import json
import subprocess
import time
from collections.abc import Iterator, Mapping

import pytest

from appliance.quality.samples import sample_meeting
from tests.appliance.box import Box
from tests.appliance.machines import (
    INSTALL_LIMIT_S,
    JOB_LIMIT_S,
    Stick,
    complaints,
    finding,
    import_models,
    install,
    media_with,
    newest_meeting,
    one_time_code,
    step,
    took,
    visit,
)

ON_TRIAL = {"approvals", "backups", "drill"}
"""Nobody is enrolled yet who would approve what one must not do alone, or keep the keys of a backup."""
HOSTS = {"disk"}
"""A box stands on the disk of the machine that tests, which may be nearly full."""

pytestmark = [pytest.mark.slow, pytest.mark.models, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def box(stick: Stick, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """A bare machine with the stick, and the model packs on another one."""
    with Box.new("hj-life", tmp_path_factory.mktemp("boxes"), media=media_with(stick)) as running:
        yield running


def counts(line: str) -> Mapping[str, int]:
    """``ok=3 changed=0`` as numbers."""
    return {name: int(number) for name, number in (part.split("=") for part in line.split() if "=" in part)}


def test_a_bare_machine_becomes_an_appliance(box: Box, stick: Stick) -> None:
    """One command, without a network; at its end the address, the fingerprint and the code."""
    started = time.monotonic()
    said = install(box, stick)
    took["install"] = time.monotonic() - started
    for word in ("Address", "Certificate (SHA-256)", "One-time code"):
        assert word in said
    code = one_time_code(said)
    assert code not in box.journal()
    visit(box, "--code", code)


def test_a_second_run_changes_nothing(box: Box) -> None:
    """What is declared is there already."""
    started = time.monotonic()
    assert counts(box.run("hangjegyzet", "apply", timeout_s=INSTALL_LIMIT_S).stdout)["changed"] == 0
    took["apply again"] = time.monotonic() - started


def test_models_are_imported_from_a_stick(box: Box) -> None:
    """Until they are there, health says so; afterwards all is well."""
    assert finding(box, "models")["severity"] == "critical"
    import_models(box)
    assert set(complaints(box)) - HOSTS == ON_TRIAL


def test_the_units_may_do_little(box: Box) -> None:
    """systemd rates what each of our processes could do at 1.5 or less."""
    for unit in ("web", "worker@speech", "worker@language", "worker@general"):
        verdict = box.run("systemd-analyze", "security", "--no-pager", f"hangjegyzet-{unit}.service").stdout
        assert float(verdict.rpartition(": ")[2].split()[0]) <= 1.5, f"{unit}: {verdict[-200:]}"


def test_drift_is_seen_and_put_back(box: Box) -> None:
    """What somebody changed by hand is a finding; applying brings the declared state back."""
    box.run("sh", "-c", "echo '# by hand' >>/etc/nftables.conf; sysctl -q -w net.ipv4.ip_forward=0")
    assert "Write the rules" in finding(box, "drift")["evidence"]["drifted"]
    assert counts(box.run("hangjegyzet", "apply", timeout_s=INSTALL_LIMIT_S).stdout)["changed"] > 0
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
    assert set(complaints(box)) - HOSTS == ON_TRIAL


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
