"""An upgrade, a bad one, one that is killed, and the way back: on a machine without a network, with bundles of its own.

One box for the whole file; the tests are its days, in order, and each stands on the one before.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import pytest

from appliance.quality.samples import sample_meeting
from tests.appliance.box import Box
from tests.appliance.machines import STICK, Stick, media_with, newest_meeting, took, visit
from tests.appliance.releases import ADDS, DESTROYS, KEEPS, LOSES, release

pytestmark = [pytest.mark.slow, pytest.mark.models, pytest.mark.timeout(7200)]

NOTES = "var/lib/hangjegyzet-upgrade"
NEW, NEWER, BAD, LOSSY, TWO_ON, FAR = (f"/media/{name}" for name in ("new", "newer", "bad", "lossy", "two-on", "far"))
SEQ = 100_000
"""Above the number of any commit."""
RUN_LIMIT_S = 3600.0
AFTER_BOOT_S = 900.0
MEETINGS_JOBS = "job JOIN meeting ON meeting.id = job.meeting_id"
KILLED_AT = ("stage", "rehearse", "close", "drain", "mark", "migrate", "flip", "apply", "gate")
CUT_AT = ("migrate", "apply")


@pytest.fixture(scope="module")
def box(installed: Path, stick: Stick, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """A machine that is ready for use, and a stick with each release."""
    made = {
        NEW: release("new", stick, version="0.2.0", migrations=[ADDS], seq=SEQ),
        NEWER: release("newer", stick, version="0.2.1", migrations=[ADDS], seq=SEQ + 1),
        BAD: release("bad", stick, version="0.3.0", migrations=[ADDS, DESTROYS], seq=SEQ + 2),
        LOSSY: release("lossy", stick, version="0.3.1", migrations=[ADDS, LOSES], seq=SEQ + 3),
        TWO_ON: release("two-on", stick, version="0.4.0", migrations=[ADDS, KEEPS], seq=SEQ + 4),
        FAR: release("far", stick, version="0.5.0", migrations=[ADDS], seq=SEQ + 5),
    }
    media = {**media_with(stick), **{place: bundle.archive.parent for place, bundle in made.items()}}
    with Box.new("hj-upgrade", tmp_path_factory.mktemp("boxes"), base=installed, media=media) as running:
        yield running


def archive(folder: str, box: Box) -> str:
    """The bundle on a stick, by its name inside the box."""
    return box.run("sh", "-c", f"ls {folder}/*.tar").stdout.strip()


def upgrade(box: Box, bundle: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Bring the box to a release, as a technician does."""
    return box.run("hangjegyzet", "upgrade", "run", bundle, "--json", check=check, timeout_s=RUN_LIMIT_S)


def status(box: Box) -> dict[str, Any]:
    """What the box says of its last upgrade."""
    told: dict[str, Any] = json.loads(box.run("hangjegyzet", "upgrade", "status", "--json").stdout)
    return told


def rows(box: Box) -> dict[str, int]:
    """How many rows each table has that people fill; a trial leaves its job, and no meeting."""
    asked = {
        table: box.run(
            "runuser", "-u", "postgres", "--", "psql", "-Atd", "hangjegyzet", "-c", f"SELECT count(*) FROM {table}"
        )
        for table in ("meeting", "upload", "user_account", "sealed_document", MEETINGS_JOBS)
    }
    return {table: int(answer.stdout) for table, answer in asked.items()}


def version(box: Box) -> str:
    """The release in use, by its own word."""
    return box.run("hangjegyzet", "--version").stdout.split()[-1]


def is_whole(box: Box) -> str:
    """Which release the box has; fails unless it is whole, and people are in."""
    assert not (box.root / NOTES / "window").exists()
    assert not (box.root / NOTES / "state.json").exists()
    database = json.loads(box.run("hangjegyzet", "db", "status", "--json").stdout)
    assert database["revision"] == database["needed"]
    visit(box)
    return version(box)


class Watcher:
    """Asks the portal again and again, as people do; knows for how long it did not serve."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.away_s = 0.0
        self.answers: set[int] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        script = (
            "import http.client,ssl,sys,time\n"
            "c=ssl.create_default_context();c.check_hostname=False;c.verify_mode=ssl.CERT_NONE\n"
            "while True:\n"
            "    h=http.client.HTTPSConnection('localhost',443,timeout=5,context=c)\n"
            "    try:\n"
            "        h.request('GET','/health/ready');s=h.getresponse().status\n"
            "    except OSError:\n"
            "        s=0\n"
            "    h.close();print(time.monotonic(),s,flush=True);time.sleep(0.1)\n"
        )
        command = self._box.in_its_network(sys.executable, "-c", script)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as asking:
            assert asking.stdout is not None
            before, served = 0.0, True
            for line in asking.stdout:
                at, answer = float(line.split()[0]), int(line.split()[1])
                self.answers.add(answer)
                if before and not served:
                    self.away_s += at - before
                before, served = at, answer == 200
                if self._over.is_set():
                    asking.kill()


def test_a_good_release_is_brought_about(box: Box) -> None:
    """Meetings, sign-ins and the trail are there; people waited for as long as the record says, and saw the page."""
    visit(box, "--send", sample_meeting("en").audio)
    before = rows(box)
    with Watcher(box) as people:
        started = time.monotonic()
        upgrade(box, archive(NEW, box))
        took["upgrade"] = time.monotonic() - started
        time.sleep(1)
    told = status(box)
    took["upgrade: people waited (by the record)"] = told["downtime_s"]
    took["upgrade: people waited (by a visitor)"] = people.away_s
    assert told["ending"] == "done"
    assert set(told["gate"]) == {"schema", "health", "silence", "sign-in", "recording"}
    assert told["rehearsal"]["contracts"] == []
    assert 503 in people.answers
    assert abs(people.away_s - told["downtime_s"]) < 10
    assert is_whole(box) == "0.2.0"
    after = rows(box)
    assert {table: after[table] - before[table] for table in ("meeting", "upload", MEETINGS_JOBS)} == {
        "meeting": 0, "upload": 0, MEETINGS_JOBS: 0,
    }  # fmt: skip
    assert int(box.run("cat", "/opt/hangjegyzet/high_seq").stdout) == 100_000
    names = box.run("hangjegyzet", "audit", "export").stdout
    assert "releases:upgrade:begun" in names
    assert "releases:upgrade:committed" in names
    assert '"intact": true' in box.run("hangjegyzet", "audit", "verify", "--json").stdout


def test_from_here_on_engines_are_quick(box: Box) -> None:
    """Who tries releases again and again does not judge their minutes."""
    for engine in ("speech.engine", "minutes.engine"):
        box.run("hangjegyzet", "config", "set", engine, "fake")
    box.run("hangjegyzet", "apply", timeout_s=RUN_LIMIT_S)
    assert is_whole(box) == "0.2.0"


def test_what_must_not_be_taken_is_refused(box: Box) -> None:
    """The same again, one too far ahead, an older one, one tampered with, one that breaks off; nothing is touched."""
    (box.root / "var/tmp/bundles").mkdir()
    bad = archive(BAD, box)
    box.run("sh", "-c", f"cp {bad} /var/tmp/bundles/tampered.tar; head -c 200000000 {bad} >/var/tmp/bundles/cut.tar")
    box.run("sh", "-c", "printf x | dd of=/var/tmp/bundles/tampered.tar bs=1 seek=90000000 conv=notrunc")
    refused = {
        archive(NEW, box): 3,
        archive(FAR, box): 3,
        STICK: 3,
        "/var/tmp/bundles/tampered.tar": 6,
        "/var/tmp/bundles/cut.tar": 6,
        "/var/tmp/bundles/none.tar": 4,
    }
    for bundle, code in refused.items():
        done = upgrade(box, bundle, check=False)
        assert done.returncode == code, f"{bundle}: {done.stderr[-600:]}"
    box.run("rm", "-r", "/var/tmp/bundles")
    assert is_whole(box) == "0.2.0"


def test_a_release_that_loses_rows_is_found_out_on_the_copy(box: Box) -> None:
    """The rehearsal counts; people never noticed."""
    with Watcher(box) as people:
        done = upgrade(box, archive(LOSSY, box), check=False)
    assert done.returncode == 3, done.stderr[-600:]
    assert "rows of user_session" in done.stderr
    assert people.answers == {200}
    assert is_whole(box) == "0.2.0"


def test_a_destructive_release_is_undone_with_no_row_lost(box: Box) -> None:
    """Its migration drops a column with content and a table; the gate shuts, and the database is as it was."""
    before = rows(box)
    meeting = newest_meeting(box)
    with Watcher(box) as people:
        done = upgrade(box, archive(BAD, box), check=False)
        time.sleep(1)
    assert done.returncode == 5, done.stderr[-600:]
    told = status(box)
    assert told["ending"] == "undone"
    assert {"the table job_history", "the column meeting.title_sealed"} <= set(told["rehearsal"]["contracts"])
    assert "migrate" in told["undone"]
    took["bad release: people waited"] = people.away_s
    took["bad release: of that the way back"] = _way_back_s(box)
    assert is_whole(box) == "0.2.0"
    assert rows(box) == before
    assert newest_meeting(box) == meeting
    assert int(box.run("cat", "/opt/hangjegyzet/high_seq").stdout) == 100_000
    assert '"intact": true' in box.run("hangjegyzet", "audit", "verify", "--json").stdout


@pytest.mark.thorough
@pytest.mark.parametrize("stage", KILLED_AT)
def test_killed_at_any_stage_it_ends_whole(box: Box, stage: str) -> None:
    """The driver gets SIGKILL while the stage is under way; without anybody's help the machine is whole again."""
    before = rows(box)
    started = time.monotonic()
    _begin(box, archive(BAD, box))
    _await_stage(box, stage)
    box.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", "hangjegyzet-upgrade.service")
    _await_end(box)
    took[f"killed at {stage}: until whole"] = time.monotonic() - started
    assert is_whole(box) == "0.2.0"
    assert rows(box) == before


@pytest.mark.thorough
@pytest.mark.parametrize("stage", CUT_AT)
def test_a_power_cut_before_the_decision_leads_back(box: Box, stage: str) -> None:
    """Nothing inside gets to say a last word; the boot brings it back, with every row."""
    before = rows(box)
    _cut(box, archive(BAD, box), stage)
    assert is_whole(box) == "0.2.0"
    assert rows(box) == before


@pytest.mark.thorough
def test_a_power_cut_after_the_decision_leads_forward(box: Box) -> None:
    """What was decided is finished by the boot."""
    before = rows(box)
    _cut(box, archive(NEWER, box), "commit")
    assert is_whole(box) == "0.2.1"
    assert status(box)["ending"] == "done"
    assert rows(box) == before


@pytest.mark.thorough
def test_the_way_back_keeps_the_rows_of_today(box: Box) -> None:
    """While the schema only grew, two people (here nobody is enrolled, which the trail tells) may go back."""
    visit(box, "--send", sample_meeting("en").audio)
    before = rows(box)
    started = time.monotonic()
    box.run("hangjegyzet", "upgrade", "rollback", timeout_s=RUN_LIMIT_S)
    took["the way back after days"] = time.monotonic() - started
    assert is_whole(box) == "0.2.0"
    assert {table: count for table, count in rows(box).items() if table != "sealed_document"} == {
        table: count for table, count in before.items() if table != "sealed_document"
    }
    assert int(box.run("cat", "/opt/hangjegyzet/high_seq").stdout) == SEQ + 1


@pytest.mark.thorough
def test_two_minor_versions_at_once(box: Box) -> None:
    """Who left one out need not catch up step by step: every migration between them is rehearsed and made."""
    before = rows(box)
    upgrade(box, archive(TWO_ON, box))
    told = status(box)
    assert (told["old"], told["new"], told["ending"]) == ("0.2.0", "0.4.0", "done")
    assert is_whole(box) == "0.4.0"
    assert rows(box) == before


def _cut(box: Box, bundle: str, stage: str) -> None:
    """Pull the plug at a stage, switch on again, and wait for the end."""
    _begin(box, bundle)
    _await_stage(box, stage)
    box.power_cut()
    started = time.monotonic()
    box.boot()
    _await_end(box)
    took[f"power cut at {stage}: until whole"] = time.monotonic() - started


def _way_back_s(box: Box) -> float:
    """Seconds from the failure to the end, by the lines of progress."""
    lines = [json.loads(line) for line in (box.root / NOTES / "progress.jsonl").read_text().splitlines()]
    failed = next(line["at"] for line in lines if line.get("state") == "failed" and line["event"] == "stage")
    return _seconds(lines[-1]["at"]) - _seconds(failed)


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


def _begin(box: Box, bundle: str) -> None:
    """Begin an upgrade, and do not wait for it."""
    (box.root / NOTES / "progress.jsonl").unlink(missing_ok=True)
    box.run("sh", "-c", f"setsid hangjegyzet upgrade run {bundle} >/dev/null 2>&1 </dev/null &")


def _await_stage(box: Box, stage: str) -> None:
    """Wait until a stage was begun; it may go on meanwhile."""
    deadline = time.monotonic() + RUN_LIMIT_S
    progress = box.root / NOTES / "progress.jsonl"
    while time.monotonic() < deadline:
        said = progress.read_text() if progress.exists() else ""
        if f'"stage":"{stage}","state":"begun"' in said:
            return
        assert '"event":"end"' not in said, f"{stage} was never begun: {said[-2000:]}"
        time.sleep(0.02)
    raise AssertionError(f"{stage} was not begun in time")


def _await_end(box: Box) -> None:
    """Wait until nothing is under way any more."""
    deadline = time.monotonic() + AFTER_BOOT_S
    while (box.root / NOTES / "state.json").exists():
        assert time.monotonic() < deadline, "it did not come to its end"
        time.sleep(0.2)
