"""What the checks said, kept: the last finding of each, and how things went over a week. No content, no secret."""

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from appliance.health.model import Evidence, Examined, Report, Severity

HEALTH_DIR = Path("/var/lib/hangjegyzet-health")
KEPT = 2016
"""A week at one report in five minutes."""
MAX_BYTES = 8 << 20
_READABLE = 0o644


class Kept(msgspec.Struct, frozen=True):
    """A check's last finding."""

    id: str
    title: str
    at: datetime
    severity: Severity
    summary: str
    remedy: str
    evidence: dict[str, Evidence]
    took_s: float


class Moment(msgspec.Struct, frozen=True):
    """One look: the severity of each check that was made."""

    at: datetime
    checks: dict[str, Severity]


class HealthLog:
    """Findings in a folder: ``latest.json`` and ``history.jsonl``; read by the console, the metrics and people."""

    def __init__(self, folder: Path = HEALTH_DIR) -> None:
        self._latest = folder / "latest.json"
        self._history = folder / "history.jsonl"

    def keep(self, report: Report) -> None:
        """Put a report in; checks that were not made keep their last finding."""
        self._latest.parent.mkdir(parents=True, exist_ok=True)
        findings = {kept.id: kept for kept in self.latest()} | {
            one.check.id: _kept(one, report.at) for one in report.examined
        }
        _replace(self._latest, msgspec.json.encode(list(findings.values())))
        moment = Moment(report.at, {one.check.id: one.finding.severity for one in report.examined})
        with self._history.open("ab") as file:
            file.write(msgspec.json.encode(moment) + b"\n")
        self._forget()

    def latest(self) -> Sequence[Kept]:
        """The last finding of each check; none where nothing was kept, or it cannot be read."""
        try:
            with self._latest.open("rb") as file:
                return msgspec.json.decode(file.read(MAX_BYTES), type=list[Kept])
        except (OSError, msgspec.MsgspecError):
            return ()

    def history(self) -> Sequence[Moment]:
        """The looks of about a week, the newest last; a line that cannot be read is left out."""
        found = []
        for line in self._lines():
            try:
                found.append(msgspec.json.decode(line, type=Moment))
            except msgspec.MsgspecError:
                continue
        return found

    def _lines(self) -> Sequence[bytes]:
        try:
            with self._history.open("rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - MAX_BYTES))
                return file.read(MAX_BYTES).splitlines()
        except OSError:
            return ()

    def _forget(self) -> None:
        lines = self._lines()
        if len(lines) > KEPT + KEPT // 2:
            _replace(self._history, b"".join(line + b"\n" for line in lines[-KEPT:]))


def worst(kept: Sequence[Kept]) -> Severity:
    """The worst of the last findings."""
    return max((one.severity for one in kept), key=lambda severity: severity.rank, default=Severity.UNKNOWN)


def as_fields(kept: Kept) -> Mapping[str, object]:
    """A finding as JSON values, named as in ``health --json``."""
    found: Mapping[str, object] = msgspec.to_builtins(kept)
    return found


def _kept(one: Examined, at: datetime) -> Kept:
    finding = one.finding
    return Kept(
        id=one.check.id,
        title=one.check.title,
        at=at,
        severity=finding.severity,
        summary=finding.summary,
        remedy=finding.remedy,
        evidence=dict(finding.evidence),
        took_s=round(one.took_s, 3),
    )


def _replace(path: Path, content: bytes) -> None:
    partial = path.with_suffix(f".{os.getpid()}")
    with partial.open("wb") as file:
        file.write(content)
        os.fchmod(file.fileno(), _READABLE)
    partial.replace(path)
