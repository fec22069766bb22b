"""A disk that is really full: a file system of 192 MiB, mounted for one process and its children, and filled."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SIZE_MIB = 192
SCENARIOS = (
    "test_a_recording_without_room_is_refused_before_its_first_byte",
    "test_room_is_left_for_the_database",
    "test_a_disk_that_fills_up_on_the_way_loses_nothing",
    "test_an_abandoned_upload_gives_its_room_back",
    "test_a_job_waits_for_room_and_goes_on",
    "test_postgres_comes_back_by_itself_when_there_is_room",
)
MOUNT = 'mount -t tmpfs -o "size=$1m,mode=0711" full-disk-test "$2" && shift 2 && exec "$@"'

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def on_a_small_disk(where: Path, *command: str) -> list[str]:
    """The command in a mount namespace of its own, with a small file system at ``where``."""
    own_user = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", "--mount", *own_user, "sh", "-c", MOUNT, "sh", str(SIZE_MIB), str(where), *command]


@pytest.fixture(scope="module")
def outcomes(scratch: Path, request: pytest.FixtureRequest) -> Mapping[str, str]:
    """What came of every scenario: nothing for one that passed, otherwise what it said."""
    where = scratch / "small"
    where.mkdir(mode=0o711)
    tried = subprocess.run(on_a_small_disk(where, "true"), capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"no file system can be mounted in a namespace here: {tried.stderr.strip()}")
    report = scratch / "small.xml"
    done = subprocess.run(
        on_a_small_disk(
            where,
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}"),
            *("--postgres", request.config.getoption("--postgres"), "tests/system/small_disk.py"),
        ),
        cwd=ROOT,
        env={**os.environ, "HANGJEGYZET_TEST_SMALL_DISK": str(where)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert report.exists(), done.stdout[-3000:] + done.stderr[-3000:]
    return {case.get("name", ""): _complaint(case) for case in ET.parse(report).iter("testcase")}


def _complaint(case: ET.Element) -> str:
    return "\n".join(
        f"{part.get('message')}\n{part.text}" for part in case if part.tag in {"failure", "error", "skipped"}
    )


def test_every_scenario_was_run(outcomes: Mapping[str, str]) -> None:
    """None is forgotten here, and none there."""
    assert set(outcomes) == set(SCENARIOS)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_full_disk(outcomes: Mapping[str, str], scenario: str) -> None:
    """Refused with a reason, nothing half-written, work that waits, and a service that goes on once there is room."""
    if os.geteuid() != 0 and scenario in SCENARIOS[-2:]:
        pytest.skip("a server can be started on such a disk by root alone: the namespace knows no other user")
    assert outcomes[scenario] == ""
