"""Each check: what it calls well, what it warns of, what it calls critical, and what it says to do."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from appliance.health.checks.certificate import certificate
from appliance.health.checks.clock import Disbelieved, Marks, clock
from appliance.health.checks.configuration import configuration, drift
from appliance.health.checks.database import database
from appliance.health.checks.disk import disk
from appliance.health.checks.guard import GuardState, guard
from appliance.health.checks.memory import memory
from appliance.health.checks.models import ModelState, model_files, models
from appliance.health.checks.queue import queue
from appliance.health.checks.release import Running, release
from appliance.health.checks.trail import TrailState, trail
from appliance.health.checks.units import OURS, units
from appliance.health.model import Check, Severity
from appliance.jobs.backlog import Backlog
from appliance.kernel.clock import FixedClock

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CALM = Backlog(waiting=2, longest_wait=timedelta(minutes=5), given_up=0, without_worker=())


def severity(check: Check) -> Severity:
    """What the check finds; whatever is not well says what to do."""
    finding = check.look()
    assert finding.summary
    assert bool(finding.remedy) == (finding.severity is not Severity.OK)
    return finding.severity


@pytest.mark.parametrize(
    ("free", "expected"), [(0.5, Severity.OK), (0.10, Severity.WARNING), (0.03, Severity.CRITICAL)]
)
def test_disk(free: float, expected: Severity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Little room is a warning, too little is critical; the fullest file system counts."""
    blocks = 10**9
    space = os.statvfs_result((4096, 4096, blocks, int(blocks * free), int(blocks * free), 1, 1, 1, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda folder: space)
    assert severity(disk([tmp_path, tmp_path / "absent"])) is expected


def test_a_small_disk_is_critical_before_its_share_is_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL needs bytes and not percents."""
    space = os.statvfs_result((4096, 4096, 100_000, 90_000, 90_000, 1, 1, 1, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda folder: space)
    assert severity(disk([tmp_path])) is Severity.CRITICAL


@pytest.mark.parametrize(
    ("available_kib", "expected"), [(8_000_000, Severity.OK), (900_000, Severity.WARNING), (300_000, Severity.CRITICAL)]
)
def test_memory(available_kib: int, expected: Severity, tmp_path: Path) -> None:
    """What is available counts, and not what is free."""
    meminfo = tmp_path / "meminfo"
    meminfo.write_text(f"MemTotal: 10000000 kB\nMemFree: 1 kB\nMemAvailable: {available_kib} kB\n")
    assert severity(memory(meminfo)) is expected


@pytest.mark.parametrize(
    ("begins", "days", "expected"),
    [
        (-1, 200, Severity.OK),
        (-1, 20, Severity.WARNING),
        (-1, 3, Severity.CRITICAL),
        (-9, -2, Severity.CRITICAL),
        (2, 200, Severity.CRITICAL),
    ],
)
def test_certificate(begins: int, days: int, expected: Severity, tmp_path: Path) -> None:
    """It is told in time, and a certificate of the future is told as a wrong clock."""
    key = Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "portal")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(NOW + timedelta(days=begins))
        .not_valid_after(NOW + timedelta(days=days))
        .sign(key, None)
    )
    file = tmp_path / "portal.pem"
    file.write_bytes(made.public_bytes(Encoding.PEM))
    assert severity(certificate(file, FixedClock(NOW))) is expected


def test_no_certificate_is_critical(tmp_path: Path) -> None:
    """Without one nobody reaches the portal."""
    assert severity(certificate(tmp_path / "portal.pem", FixedClock(NOW))) is Severity.CRITICAL


def marks(**passed: datetime) -> Marks:
    """Moments that have passed."""
    return Marks(passed)


@pytest.mark.parametrize(
    ("passed", "expected"),
    [
        (marks(), Severity.OK),
        (marks(trail=NOW - timedelta(days=1)), Severity.OK),
        (marks(trail=NOW - timedelta(days=1), seen=NOW + timedelta(hours=1)), Severity.CRITICAL),
        (marks(trail=NOW + timedelta(seconds=3)), Severity.OK),
    ],
)
def test_clock(passed: Marks, expected: Severity) -> None:
    """A clock that stands before anything that has passed went backwards; seconds do not count."""
    assert severity(clock(FixedClock(NOW), lambda: passed)) is expected


def test_a_clock_that_was_wrong_once_does_not_stop_the_machine_for_ever() -> None:
    """Marks of the time in which it was wrong are not believed; the machine still knows what has passed before."""
    wrong = Disbelieved(after=NOW, until=NOW + timedelta(days=900))
    passed = {"trail": NOW + timedelta(days=900), "seen": NOW - timedelta(days=1)}
    assert severity(clock(FixedClock(NOW), lambda: Marks(passed, wrong))) is Severity.OK
    back = FixedClock(NOW - timedelta(hours=1))
    assert severity(clock(back, lambda: Marks(passed, wrong))) is Severity.CRITICAL
    later = {"trail": NOW + timedelta(days=901)}
    assert severity(clock(FixedClock(NOW), lambda: Marks(later, wrong))) is Severity.CRITICAL


@pytest.mark.parametrize(
    ("running", "expected"),
    [
        (Running("1.2.3", seq=9, high_seq=9), Severity.OK),
        (Running("1.2.3", seq=9, high_seq=7), Severity.OK),
        (Running("1.2.2", seq=8, high_seq=9), Severity.CRITICAL),
        (Running("1.2.2", seq=8, high_seq=9, allowed_seq=8), Severity.WARNING),
        (Running("1.2.1", seq=7, high_seq=9, allowed_seq=8), Severity.CRITICAL),
        (Running("", seq=0, high_seq=1), Severity.CRITICAL),
    ],
)
def test_release(running: Running, expected: Severity) -> None:
    """An older release is critical, unless two people took the machine back to that very one."""
    assert severity(release(lambda: running)) is expected


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (GuardState(NOW, ()), Severity.OK),
        (GuardState(NOW, (("clock", "It went backwards."),)), Severity.CRITICAL),
        (None, Severity.WARNING),
    ],
)
def test_guard(state: GuardState | None, expected: Severity) -> None:
    """What it refuses is told with its reason; a guard that never looked is no guard."""
    check = guard(lambda: state, lambda: None)
    assert severity(check) is expected
    if expected is Severity.CRITICAL:
        assert "It went backwards." in check.look().summary


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, Severity.OK),
        ({"ActiveState": "failed"}, Severity.CRITICAL),
        ({"ActiveState": "activating"}, Severity.CRITICAL),
        ({"NRestarts": "7"}, Severity.WARNING),
    ],
)
def test_units(changed: Mapping[str, str], expected: Severity) -> None:
    """One that is down is critical; one that keeps being started again is a warning."""

    def show(name: str) -> Mapping[str, str]:
        shown = {"ActiveState": "active", "NRestarts": "0"}
        return shown | changed if name == OURS[1] else shown

    check = units(show=show)
    assert severity(check) is expected
    if expected is not Severity.OK:
        assert OURS[1] in check.look().summary


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (CALM, Severity.OK),
        (Backlog(9, timedelta(hours=3), 0, ()), Severity.WARNING),
        (Backlog(0, timedelta(0), 2, ()), Severity.WARNING),
        (Backlog(1, timedelta(minutes=1), 0, ("speech",)), Severity.CRITICAL),
    ],
)
def test_queue(state: Backlog, expected: Severity) -> None:
    """Work that nobody takes is critical; work that waits long or was given up is a warning."""
    assert severity(queue(lambda: state)) is expected


@pytest.mark.parametrize(
    ("running", "revision", "expected"),
    [(True, "0010", Severity.OK), (True, "0009", Severity.CRITICAL), (False, "", Severity.CRITICAL)],
)
def test_database(running: bool, revision: str, expected: Severity) -> None:
    """It must answer, with this release's schema."""
    assert severity(database(lambda: (running, "15", revision, "0010"))) is expected


def test_trail() -> None:
    """A chain that was touched is critical, and the finding names where."""
    assert severity(trail(lambda: [TrailState("Kékfa", 9, "")])) is Severity.OK
    touched = trail(lambda: [TrailState("Kékfa", 9, ""), TrailState("Más", 3, "changed at event 2")])
    assert severity(touched) is Severity.CRITICAL
    assert "event 2" in touched.look().summary


def test_models() -> None:
    """Every seat that a recording needs is taken, and every file is what was accepted."""
    assert severity(models(lambda: ModelState([], ["whisper-base"]))) is Severity.OK
    assert severity(models(lambda: ModelState(["writer"], ["whisper-base"]))) is Severity.CRITICAL
    assert severity(model_files(tuple)) is Severity.OK
    assert severity(model_files(lambda: ["whisper-base/model.bin"])) is Severity.CRITICAL


def test_configuration_and_drift() -> None:
    """What waits to be applied, and what somebody changed by hand, are warnings with their names."""
    assert severity(configuration(tuple)) is Severity.OK
    assert "web.port" in configuration(lambda: ["web.port"]).look().summary
    assert severity(configuration(lambda: ["web.port"])) is Severity.WARNING
    assert severity(drift(tuple)) is Severity.OK
    assert severity(drift(lambda: ["firewall: Write the rules"])) is Severity.WARNING
