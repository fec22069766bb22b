"""What is kept of the checks: the last finding of each, and a week of severities."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.entry import health_log
from appliance.entry.health_log import HealthLog, as_fields, worst
from appliance.health.model import Check, Examined, Finding, Report, Severity

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


def report(at: datetime, **found: Severity) -> Report:
    """What the named checks said at a time."""
    examined = []
    for name, severity in found.items():
        finding = Finding(
            severity, f"{name} is {severity}.", {"figure": 7}, "" if severity is Severity.OK else "Do it."
        )
        examined.append(Examined(Check(name, name.title(), lambda finding=finding: finding), finding, 0.25))  # type: ignore[misc]  # bound now
    return Report(at, tuple(examined))


def test_each_check_keeps_its_last_finding(tmp_path: Path) -> None:
    """A look at some of them leaves the others as they were, each with its own time."""
    log = HealthLog(tmp_path)
    assert log.latest() == ()
    assert worst(log.latest()) is Severity.UNKNOWN
    log.keep(report(NOW, disk=Severity.WARNING, audit=Severity.OK))
    log.keep(report(NOW + timedelta(minutes=5), disk=Severity.OK))
    kept = {one.id: one for one in HealthLog(tmp_path).latest()}
    assert (kept["disk"].severity, kept["disk"].at) == (Severity.OK, NOW + timedelta(minutes=5))
    assert (kept["audit"].severity, kept["audit"].at) == (Severity.OK, NOW)
    assert as_fields(kept["disk"])["evidence"] == {"figure": 7}
    assert [dict(moment.checks) for moment in log.history()] == [
        {"disk": Severity.WARNING, "audit": Severity.OK},
        {"disk": Severity.OK},
    ]


def test_the_history_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest looks go; the newest stay, in order."""
    monkeypatch.setattr(health_log, "KEPT", 10)
    log = HealthLog(tmp_path)
    for minute in range(40):
        log.keep(report(NOW + timedelta(minutes=minute), disk=Severity.OK))
    times = [moment.at for moment in log.history()]
    assert 10 <= len(times) <= 15
    assert times == sorted(times)
    assert times[-1] == NOW + timedelta(minutes=39)


@pytest.mark.parametrize("content", [b"", b"{}", b"[{}]", b"\xff" * 99, b'[{"id":1}]'])
def test_what_was_cut_off_is_forgotten(content: bytes, tmp_path: Path) -> None:
    """After a power cut the next look writes it anew."""
    (tmp_path / "latest.json").write_bytes(content)
    (tmp_path / "history.jsonl").write_bytes(content + b"\n")
    log = HealthLog(tmp_path)
    assert not log.latest()
    assert log.history() == []
    log.keep(report(NOW, disk=Severity.OK))
    assert [one.id for one in log.latest()] == ["disk"]
    assert len(log.history()) == 1


def test_everybody_may_read_it_and_it_is_plain_json(tmp_path: Path) -> None:
    """The process that tells metrics is not root."""
    HealthLog(tmp_path).keep(report(NOW, disk=Severity.OK))
    file = tmp_path / "latest.json"
    assert file.stat().st_mode & 0o777 == 0o644
    assert json.loads(file.read_text())[0]["title"] == "Disk"
