"""The attempts of the self-test, made as everybody else makes them: over HTTPS, by the commands' own functions."""

import json
import secrets
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import msgspec

from appliance.audit.model import AuditName, Outcome
from appliance.backups.errors import CustodiansMissing
from appliance.backups.service import CUSTODIANS_NEEDED
from appliance.bootstrap import open_services
from appliance.database.roles import DatabaseRole
from appliance.egress.model import Verdict as Silence
from appliance.entry.egress import make_report as prove_silence
from appliance.entry.health import open_health
from appliance.entry.machine_trail import record_act
from appliance.entry.packs import open_registry
from appliance.entry.provision import operator
from appliance.entry.reports import ReportShelf
from appliance.entry.signing import open_signer
from appliance.health.model import Severity
from appliance.identity.errors import UserNotFound
from appliance.identity.model import OneTimeCode, UserView
from appliance.identity.permissions import Role
from appliance.kernel.ids import MeetingId
from appliance.keyring.queries import meeting_keys
from appliance.models.model import Fitness, LanguageFitness, PackKind
from appliance.quality.samples import SampleMeeting, sample_meeting
from appliance.quality.words import word_error_rate
from appliance.selftest.model import (
    Attempt,
    Figure,
    Line,
    NotAsItShould,
    NotSetUp,
    SelftestReport,
    Trial,
    Verdict,
    WithReserve,
    attempt_all,
)
from appliance.settings import Settings
from cli.demo.client import PortalClient, PortalRefused

KIND = "selftest"
EMAIL = "selftest@hangjegyzet.invalid"
NAME = "HangJegyzet (self-test)"
TITLE = "Self-test"
PATIENCE_S = 60.0
JOB_LIMIT_S = 3600.0
MAX_COMPLAINT = 400
COMMAND = Path("/usr/local/bin/hangjegyzet")
WORST_WORD_ERROR_RATE = {Fitness.FIT: 0.2, Fitness.WEAK: 0.5, Fitness.UNKNOWN: 0.5}
"""What passes, by what is known of the model and the language; with one that is unfit for it nothing does."""
SPEECH_STEPS, SPEAKER_STEPS, MINUTES_STEPS = ("validate", "transcribe"), ("speakers", "merge"), ("minutes", "index")


@dataclass
class Visit:
    """What one attempt leaves for the next."""

    portal: PortalClient
    meeting: str = ""
    job: str = ""
    transcript: Mapping[str, Any] = field(default_factory=dict)
    minutes: Mapping[str, Any] = field(default_factory=dict)


def run_selftest(
    settings: Settings,
    *,
    language: Literal["en", "hu"],
    without: tuple[Trial, ...],
    tell: Callable[[Line | Trial], object],
) -> tuple[SelftestReport, bytes]:
    """Try everything; the report, and the same as a signed envelope, which is kept and put into the trail.

    Raises:
        SigningKeyMissing, SigningKeyExposed, SigningKeyMisshapen: nothing could be vouched for.
    """
    signer = open_signer(settings)
    sample, began, started = sample_meeting(language), datetime.now(UTC), time.monotonic()
    with _visit(settings) as (visit, person):
        lines = attempt_all(_attempts(settings, sample, visit, person), without=without, tell=tell)
    report = SelftestReport(
        release=version("hangjegyzet"),
        host=socket.gethostname(),
        began_at=began.isoformat(timespec="seconds"),
        took_s=round(time.monotonic() - started, 1),
        sample=f"{sample.language}, {sample.duration_s:.0f} s, {len(sample.speakers)}",
        models=[pack.pack.name for pack in open_registry(settings).list() if pack.in_use],
        lines=lines,
    )
    envelope = signer.sign(KIND, msgspec.to_builtins(report) | {"verdict": report.verdict.value})
    kept = ReportShelf().put(KIND, envelope)
    record_act(
        settings,
        AuditName.SELFTEST_RUN,
        subject_type="report",
        outcome=Outcome.FAILED if report.verdict is Verdict.FAILED else Outcome.OK,
        detail={"verdict": report.verdict.value, "file": kept.name},
    )
    return report, envelope


@contextmanager
def _visit(settings: Settings) -> Iterator[tuple[Visit, "_Person"]]:
    """A visitor of our own, who leaves nothing behind: neither a meeting nor a way to sign in."""
    port = "" if settings.web.port == 443 else f":{settings.web.port}"
    person = _Person(settings)
    url = f"https://localhost{port}"
    with PortalClient(url, certificate=settings.certificate_path, patience_s=PATIENCE_S) as portal:
        visit = Visit(portal)
        try:
            yield visit, person
        finally:
            if visit.meeting:
                portal.delete_meeting(visit.meeting)
            person.leave()


def _attempts(settings: Settings, sample: SampleMeeting, visit: Visit, person: "_Person") -> Mapping[Trial, Attempt]:
    return {
        Trial.HEALTH: lambda: _health(settings),
        Trial.SILENCE: lambda: _silence(settings),
        Trial.SIGN_IN: lambda: _sign_in(visit, person),
        Trial.UPLOAD: lambda: _upload(visit, sample),
        Trial.SPEECH: lambda: _speech(visit, sample, _fitness(settings, PackKind.SPEECH, sample)),
        Trial.SPEAKERS: lambda: _speakers(visit, sample),
        Trial.MINUTES: lambda: _minutes(
            visit, [_fitness(settings, kind, sample) for kind in (PackKind.SPEECH, PackKind.LANGUAGE)]
        ),
        Trial.EXPORT: lambda: _export(visit),
        Trial.SHREDDING: lambda: _shredding(settings, visit),
        Trial.BACKUP: lambda: _backup(settings),
        Trial.DRILL: _drill,
    }


def _health(settings: Settings) -> Mapping[str, Figure]:
    # Silence, backup and drill have trials of their own; a machine that was installed just now has none of them yet.
    found = open_health(settings).examine(quick=True, without=("egress", "backups", "drill")).examined
    critical = [
        f"{one.check.title}: {one.finding.summary}" for one in found if one.finding.severity is Severity.CRITICAL
    ]
    if critical:
        raise NotAsItShould(" ".join(critical))
    return {"checks": len(found), "warnings": sum(one.finding.severity is Severity.WARNING for one in found)}


def _silence(settings: Settings) -> Mapping[str, Figure]:
    made = prove_silence(settings)
    if made.report.verdict is not Silence.SILENT:
        raise NotAsItShould(f"{made.report.verdict}: hangjegyzet egress verify {made.path}")
    return {"attempts": len(made.report.attempts), "seen": made.report.frames or 0}


def _sign_in(visit: Visit, person: "_Person") -> Mapping[str, Figure]:
    visit.portal.wait_until_ready(timeout_s=PATIENCE_S)
    password = secrets.token_urlsafe(24)
    visit.portal.become_somebody(person.come(), email=EMAIL, name=NAME, password=password)
    visit.portal.sign_in(EMAIL, password)
    return {}


def _upload(visit: Visit, sample: SampleMeeting) -> Mapping[str, Figure]:
    size = sample.audio.stat().st_size
    visit.meeting, visit.job = visit.portal.send_recording(
        sample.audio, title=TITLE, language=sample.language, progress=lambda _: None
    )
    return {"bytes": size}


def _fitness(settings: Settings, kind: PackKind, sample: SampleMeeting) -> LanguageFitness:
    return open_registry(settings).fitness(kind, sample.language)


def _speech(visit: Visit, sample: SampleMeeting, fitness: LanguageFitness) -> Mapping[str, Figure]:
    started = time.monotonic()
    _await(visit, SPEECH_STEPS)
    transcribed_s = time.monotonic() - started
    _await(visit, SPEAKER_STEPS)
    visit.transcript = json.loads(visit.portal.fetch(visit.meeting, "transcript", form="json"))
    heard = " ".join(str(segment["text"]) for segment in visit.transcript["segments"])
    rate = word_error_rate(sample.text, heard).rate
    figures: Mapping[str, Figure] = {
        "word_error_rate": round(rate, 3),
        "realtime_factor": round(transcribed_s / sample.duration_s, 2),
    }
    if not heard.strip():
        raise NotAsItShould("nothing was heard")
    reserve_if_unfit([fitness], figures)
    if rate > WORST_WORD_ERROR_RATE[fitness.fitness]:
        raise NotAsItShould(f"{rate:.0%} of the words are wrong; is another model in use than was meant?")
    return figures


def reserve_if_unfit(fitness: Sequence[LanguageFitness], figures: Mapping[str, Figure]) -> None:
    """Say of models that are known to be unfit for the sample's language what is known, instead of judging the result.

    Raises:
        WithReserve: one of them is.
    """
    told = [
        f"{one.pack} is not fit for this language: {one.language}. {one.note}" for one in fitness if one.needs_warning
    ]
    if told:
        raise WithReserve(" ".join(told).strip(), figures)


def _speakers(visit: Visit, sample: SampleMeeting) -> Mapping[str, Figure]:
    found = {segment["speaker"] for segment in visit.transcript["segments"] if segment.get("speaker") is not None}
    if len(sample.speakers) > 1 and len(found) < 2:
        raise NotAsItShould(f"{len(sample.speakers)} people speak in the sample, and {len(found)} were found")
    return {"found": len(found), "in_the_sample": len(sample.speakers)}


def _minutes(visit: Visit, fitness: Sequence[LanguageFitness]) -> Mapping[str, Figure]:
    _await(visit, MINUTES_STEPS)
    visit.minutes = json.loads(visit.portal.fetch(visit.meeting, "minutes", form="json"))
    claims = [*visit.minutes["decisions"], *visit.minutes["actions"]]
    figures: Mapping[str, Figure] = {
        "decisions": len(visit.minutes["decisions"]),
        "tasks": len(visit.minutes["actions"]),
        "with_citations": sum(bool(claim["citations"]) for claim in claims),
    }
    reserve_if_unfit(fitness, figures)
    if not claims:
        raise NotAsItShould("decisions and tasks stand in the sample, and the minutes have none")
    return figures


def _export(visit: Visit) -> Mapping[str, Figure]:
    subtitles = visit.portal.fetch(visit.meeting, "transcript", form="vtt")
    page = visit.portal.fetch(visit.meeting, "minutes", form="md")
    if not subtitles.startswith(b"WEBVTT") or not page.strip():
        raise NotAsItShould("an export is empty, or of another form")
    return {"vtt_bytes": len(subtitles), "md_bytes": len(page)}


def _shredding(settings: Settings, visit: Visit) -> Mapping[str, Figure]:
    gone, visit_id = visit.meeting, MeetingId(UUID(visit.meeting))
    visit.portal.delete_meeting(gone)
    visit.meeting = ""
    try:
        visit.portal.fetch(gone, "transcript", form="json")
    except PortalRefused as refusal:
        if refusal.fields["status"] != 404:
            raise
    else:
        raise NotAsItShould("the meeting can be read after it was deleted")
    with open_services(settings, DatabaseRole.WEB) as services, services.database.reading(services.home_tenant) as tx:
        keys = meeting_keys(tx, [visit_id])
    if any(key.wrapped is not None for key in keys):
        raise NotAsItShould("the key of the deleted meeting is still there")
    return {}


def _backup(settings: Settings) -> Mapping[str, Figure]:
    if not settings.backups.folder.is_dir():
        raise NotSetUp(f"not configured: there is no {settings.backups.folder}")
    if (found := len(settings.backups.custodians)) < CUSTODIANS_NEEDED:
        raise NotSetUp(f"not configured: {CustodiansMissing(found=found, needed=CUSTODIANS_NEEDED)}")
    taken, said = _command("backup", "run")
    if "set" not in taken:
        raise NotAsItShould(said)
    return {"set": taken["set"], "database_mb_per_s": taken["database_mb_per_s"]}


def _drill() -> Mapping[str, Figure]:
    held, said = _command("drill", "run")
    if not held.get("passed"):
        faults = [str(fault) for proof in held.get("proofs", ()) for fault in proof["faults"]]
        raise NotAsItShould(faults[0] if faults else said)
    return {"restore_s": held["restore_s"], "proofs": len(held["proofs"])}


def _command(*words: str) -> tuple[Mapping[str, Any], str]:
    """What one of our commands printed as JSON, and what it complained of.

    Backups belong to the database server's account, and a file that root left among them would stop the next one.
    """
    done = subprocess.run(
        [COMMAND, *words, "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=JOB_LIMIT_S,
        cwd="/",
        stdin=subprocess.DEVNULL,
    )
    complaint = " ".join(done.stderr.rpartition("✗ ")[2].split())[:MAX_COMPLAINT]
    return json.loads(done.stdout) if done.stdout.strip() else {}, complaint or f"exit code {done.returncode}"


def _await(visit: Visit, steps: tuple[str, ...]) -> None:
    """Wait until these steps of the job are done."""
    deadline = time.monotonic() + JOB_LIMIT_S
    while time.monotonic() < deadline:
        job = visit.portal.job(visit.job)
        states = {step["name"]: step["state"] for step in job["steps"]}
        if all(states[name] == "done" for name in steps):
            return
        if job["state"] in {"failed", "cancelled"}:
            failure = job.get("failure") or {}
            raise NotAsItShould(f"the job ended as {job['state']}: {failure.get('message', '')}".strip(": "))
        time.sleep(0.3)
    raise NotAsItShould(f"after {JOB_LIMIT_S:.0f} s the job was not done with {', '.join(steps)}")


class _Person:
    """The account that the self-test signs in with: made at the first run, disabled after each."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._user: UserView | None = None

    def come(self) -> OneTimeCode:
        """A code with which to choose a password."""
        with open_services(self._settings, DatabaseRole.WEB) as services:
            actor = operator(services.home_tenant)
            try:
                self._user = services.accounts.find(actor, EMAIL)
            except UserNotFound:
                self._user, code = services.accounts.create(actor, email=EMAIL, name=NAME, role=Role.MEMBER)
                return code
            services.accounts.enable(actor, self._user.id)
            return services.accounts.reset_password(actor, self._user.id)

    def leave(self) -> None:
        """Nobody signs in with it until the next run."""
        if self._user is not None:
            with open_services(self._settings, DatabaseRole.WEB) as services:
                services.accounts.disable(operator(services.home_tenant), self._user.id)
