"""A house as the console sees it, at one fixed moment, with the services' own models inside."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from appliance.approvals.model import Arguments, Request, Signed, Verb, digest, words
from appliance.approvals.service import Standing
from appliance.audit.model import AuditEvent
from appliance.backups.model import BackupKind, Latest
from appliance.backups.restore import Plan, Wish
from appliance.backups.sets import BackupSet, BlobsPart, DatabasePart, MachinePart
from appliance.configuration.model import Change, Value
from appliance.database.errors import DatabaseUnavailable
from appliance.health.model import Check, Examined, Finding, Report, Severity
from appliance.identity.errors import LastAdministrator
from appliance.identity.model import CodePurpose, OneTimeCode, Theme, UserView
from appliance.identity.permissions import Role
from appliance.jobs.model import Failure, JobState, JobView, Queue, StepState, StepView
from appliance.kernel.ids import EventId, JobId, TenantId, UserId
from appliance.kernel.units import GIB, MIB
from appliance.models.catalogue import catalogue
from appliance.models.model import InstalledPack, Pack, Provenance
from appliance.releases.model import Manifest, Requirements, SchemaRange, Target
from appliance.support.model import Bundle, Part
from appliance.upgrades.errors import NoWayBack
from appliance.upgrades.model import Direction, Ending, Kind, Passed, Record, Rehearsal, Stage
from appliance.vitals.model import CheckGlance, Glance, Gpu, Place, QueueGlance, Volume
from tui.house import Kept, Releases
from tui.stages import PLANS
from tui.sticks import Found
from tui.undertakings import Approving, Offered, Undertaking, Verdict

NOW = datetime(2026, 11, 23, 9, 30, 12, tzinfo=UTC)
STAGES = PLANS[Kind.UPGRADE]
TENANT = TenantId(UUID("01900000-0000-7000-8000-000000000001"))
FINGERPRINT = ":".join(f"{(37 * byte + 11) % 256:02X}" for byte in range(32))


def a_place() -> Place:
    """Two networks, one certificate."""
    interfaces = ("eth0 192.0.2.7/24", "eth0 2001:db8:12:34:56:78:9a:bc/64")
    return Place("meeting-box", "https://192.0.2.7", interfaces, FINGERPRINT, datetime(2027, 12, 24, tzinfo=UTC))


def a_glance(**changes: Any) -> Glance:
    """A machine at work, with a disk that fills."""
    checks = tuple(CheckGlance(one.check.id, one.check.title, one.finding.severity) for one in a_report().examined)
    values: dict[str, Any] = {
        "at": NOW,
        "version": "0.1.0",
        "place": a_place(),
        "up_s": 3 * 86400 + 4 * 3600 + 120,
        "load": 0.34,
        "memory_total_bytes": 64 * GIB,
        "memory_free_bytes": 41 * GIB,
        "checks": checks,
        "volumes": (
            Volume("/var/lib/hangjegyzet", 1800 * GIB, 240 * GIB, days_left=23.4, has_history=True),
            Volume("/", 60 * GIB, 44 * GIB, has_history=True),
        ),
        "gpus": (Gpu("NVIDIA RTX 4000 SFF Ada", 20475 * MIB, 9216 * MIB, 0.37, 61.0),),
        "queue": QueueGlance(7, 340.0, 1),
        "restore_proven_at": None,
    }
    return Glance(**{**values, **changes})


def a_check(name: str, title: str, finding: Finding, *, fix: bool = False) -> Examined:
    """A check that was made."""
    return Examined(Check(name, title, lambda: finding, fix=(lambda: "Done.") if fix else None), finding, 0.01)


def a_report() -> Report:
    """One critical finding, one warning, the rest well."""
    found = (
        a_check(
            "disk",
            "Disk space",
            Finding(
                Severity.WARNING,
                "/var/lib/hangjegyzet has 240 GiB free (13%).",
                {"/": "44.0 GiB", "/var/lib/hangjegyzet": "240 GiB"},
                "Delete meetings that are no longer needed, or give the machine more space.",
            ),
        ),
        a_check("memory", "Memory", Finding(Severity.OK, "41.0 GiB of 64.0 GiB can be used.")),
        a_check("clock", "Clock", Finding(Severity.OK, "It agrees with the audit trail.")),
        a_check("certificate", "TLS certificate", Finding(Severity.OK, "It is valid for 396 days more.")),
        a_check("database", "Database", Finding(Severity.OK, "PostgreSQL 15.14 answers; the schema is 0010.")),
        a_check("queue", "Queue", Finding(Severity.OK, "7 step(s) wait.")),
        a_check("models", "Models", Finding(Severity.OK, "4 packs; every kind has one in use.")),
        a_check(
            "units",
            "Processes",
            Finding(
                Severity.CRITICAL,
                "Not running: hangjegyzet-worker@language.service.",
                {"hangjegyzet-web.service": "active", "hangjegyzet-worker@language.service": "failed"},
                "Read why: journalctl -u hangjegyzet-worker@language.service. Then: hangjegyzet health --fix units",
            ),
            fix=True,
        ),
        a_check("configuration", "Configuration", Finding(Severity.OK, "What the file says is in force.")),
        a_check(
            "egress",
            "Nothing leaves",
            Finding(Severity.OK, "The firewall drops what goes out; 4 attempts got nowhere."),
        ),
    )
    return Report(NOW, found)


def a_job(number: int, state: JobState, **changes: Any) -> JobView:
    """A recording on its way."""
    names = ("validate", "transcribe", "speakers", "merge", "minutes", "index", "notify")
    values: dict[str, Any] = {
        "id": JobId(UUID(f"01900000-0000-7000-8000-0000000{number:05d}")),
        "tenant_id": TENANT,
        "meeting_id": None,
        "owner_id": None,
        "kind": "recording",
        "state": state,
        "priority": 0,
        "progress": 1.0 if state is JobState.DONE else 0.0,
        "eta_s": None,
        "queue_position": None,
        "failure": None,
        "created_at": NOW - timedelta(minutes=13 * number),
        "started_at": NOW - timedelta(minutes=13 * number - 1),
        "finished_at": NOW - timedelta(minutes=13 * number - 9) if state.is_final else None,
        "steps": tuple(a_step(name, StepState.DONE if state is JobState.DONE else StepState.WAITING) for name in names),
    }
    return JobView(**{**values, **changes})


def a_step(name: str, state: StepState, progress: float = 0.0) -> StepView:
    """One step of it."""
    return StepView(name, Queue.GENERAL, state, progress, 1 / 7, None, 1, 0, None, None, None, None)


def some_jobs() -> list[JobView]:
    """One of each state."""
    running = (
        a_step("validate", StepState.DONE, 1),
        a_step("transcribe", StepState.RUNNING, 0.62),
        a_step("speakers", StepState.DONE, 1),
        *(a_step(name, StepState.WAITING) for name in ("merge", "minutes", "index", "notify")),
    )
    failure = Failure(
        "models.no_active_pack",
        "No model pack is in use for language.",
        "Install one: make setup (starter models), or hangjegyzet models import PATH",
    )
    return [
        a_job(1, JobState.QUEUED, queue_position=2, started_at=None),
        a_job(2, JobState.RUNNING, progress=0.41, eta_s=760.0, steps=running),
        a_job(3, JobState.FAILED, failure=failure),
        a_job(4, JobState.DONE),
        a_job(5, JobState.CANCELLED),
    ]


def a_person(number: int, email: str, name: str, role: Role, **changes: Any) -> UserView:
    """Somebody with an account."""
    person = UserView(
        id=UserId(UUID(int=number)),
        tenant_id=TENANT,
        email=email,
        name=name,
        role=role,
        locale=None,
        theme=Theme.AUTO,
        has_password=True,
        disabled_at=None,
        created_at=NOW - timedelta(days=30 - number),
        last_seen_at=NOW - timedelta(hours=number),
    )
    return replace(person, **changes)


def some_people() -> list[UserView]:
    """An administrator, members, an auditor, somebody who left."""
    return [
        a_person(1, "kovacs.dora@varosihivatal.example", "Kovács Dóra", Role.ADMINISTRATOR),
        a_person(
            2, "bela@varosihivatal.example", "Szűcs Béla Ödön", Role.MEMBER, has_password=False, last_seen_at=None
        ),
        a_person(3, "ellenor@varosihivatal.example", "Őry Tünde", Role.AUDITOR),
        a_person(4, "regi@varosihivatal.example", "Nagy Ágnes", Role.MEMBER, disabled_at=NOW - timedelta(days=2)),
    ]


def some_events() -> list[AuditEvent]:
    """The last minutes of a trail."""
    told: tuple[tuple[str, str, str, str, str, str, dict[str, object]], ...] = (
        ("power:processes:restarted", "ok", "operator", "root", "console", "machine", {}),
        ("identity:user:created", "ok", "operator", "root", "console", "user", {"role": "member"}),
        (
            "identity:session:refused",
            "refused",
            "anonymous",
            "anonymous",
            "192.0.2.80",
            "user",
            {"known_address": True},
        ),
        ("meetings:upload:completed", "ok", "user", "kovacs.dora@varosihivatal.example", "192.0.2.31", "upload", {}),
        ("jobs:job:done", "ok", "system", "worker-general", "", "job", {"kind": "recording"}),
    )
    return [
        AuditEvent(
            tenant_id=TENANT,
            seq=4711 - number,
            id=EventId(UUID(int=number + 1)),
            at=NOW - timedelta(minutes=7 * number),
            name=name,
            outcome=outcome,
            actor_kind=kind,
            actor_name=actor,
            actor_user_id=None,
            actor_session_id=None,
            origin=origin,
            subject_type=subject,
            subject_id=UUID(int=number + 77),
            detail=json.dumps(detail),
            prev_hash=bytes(32),
        ).sealed()
        for number, (name, outcome, kind, actor, origin, subject, detail) in enumerate(told)
    ]


def a_set(days_ago: int, kind: BackupKind) -> BackupSet:
    """A night's backup."""
    at = (NOW - timedelta(days=days_ago)).replace(hour=1, minute=30, second=0)
    sha256 = f"{days_ago:064x}"
    return BackupSet(
        format=1,
        id=f"{at:%Y%m%dT%H%M%SZ}",
        host="meeting-box",
        release="0.1.0",
        schema="0010",
        began=f"{at:%Y-%m-%dT%H:%M:%SZ}",
        ended=f"{at + timedelta(minutes=4):%Y-%m-%dT%H:%M:%SZ}",
        database=DatabasePart("20261122-013000F", kind, (), 15, "0" * 24, "0" * 23 + "1", 740 * MIB, 90 * MIB),
        blobs=BlobsPart(214 - days_ago, (214 - days_ago) * 61 * MIB, sha256),
        machine=MachinePart(sha256, 40_000, ("age1first", "age1second")),
        trails=(),
        rows_before={},
        rows_after={},
        models=("qwen2.5-coder-1.5b-instruct-q4", "whisper-base"),
    )


def kept() -> Kept:
    """Three nights, and a drill of last week."""
    at = NOW - timedelta(days=4, hours=3)
    return Kept(
        sets=(a_set(0, BackupKind.INCREMENTAL), a_set(1, BackupKind.FULL), a_set(2, BackupKind.INCREMENTAL)),
        standing={"rpo_database_s": 38, "rpo_recordings_s": 95, "rpo_places_s": None, "rto_s": 214.5},
        proof={"at": at.isoformat(), "passed": True, "restore_s": 190.2, "replay_s": 24.3, "set": "20261119T013000Z"},
    )


def an_upgrade() -> Record:
    """One that went well, last week."""
    began = NOW - timedelta(days=6)
    passed = tuple(
        Passed(stage, began + timedelta(seconds=20 * number), began + timedelta(seconds=20 * number + 7 + number))
        for number, stage in enumerate(STAGES)
    )
    return Record(
        id="0123456789ab",
        kind=Kind.UPGRADE,
        old="0.0.9",
        new="0.1.0",
        actor="root",
        pid=1,
        boot_id="b",
        began_at=began,
        passed=passed,
        closed_at=began + timedelta(seconds=120),
        opened_at=began + timedelta(seconds=148),
        ending=Ending.DONE,
        ended_at=began + timedelta(seconds=360),
    )


def an_upgrade_as_it_stands(**changes: Any) -> Undertaking:
    """Last week's, or another with what a test needs of it."""
    record = an_upgrade().but(**changes)
    usual = {stage: 7.0 + number for number, stage in enumerate(STAGES)}
    return Undertaking(record, driven=record.ending is None, told=TOLD, expected_s=96.0, usual_s=usual)


def an_upgrade_at(stage: Stage, **changes: Any) -> Undertaking:
    """One under way, at that stage; it entered it half a minute ago."""
    before = STAGES[: STAGES.index(stage)]
    began = NOW - timedelta(seconds=30 + 20 * len(before))
    passed = tuple(
        Passed(one, began + timedelta(seconds=20 * number), began + timedelta(seconds=20 * number + 20))
        for number, one in enumerate(before)
    )
    closed = next((one.began_at for one in passed if one.stage is Stage.CLOSE), None)
    rehearsal = Rehearsal("0010", "0012", 41.0, 3.4, 184_221) if Stage.REHEARSE in before else None
    values: dict[str, Any] = {
        "old": "0.1.0",
        "new": "0.2.0",
        "began_at": began,
        "passed": (*passed, Passed(stage, NOW - timedelta(seconds=30))),
        "rehearsal": rehearsal,
        "closed_at": closed,
        "opened_at": None,
        "ending": None,
        "ended_at": None,
    }
    return an_upgrade_as_it_stands(**{**values, **changes})


def an_upgrade_undone() -> Undertaking:
    """The gate found that the new release does not work; the old one is back."""
    at = an_upgrade_at(Stage.GATE)
    assert at.record is not None
    reason = (
        "The new release did not prove that it works: nobody could sign in.\n"
        "See what it said: journalctl -u hangjegyzet-web"
    )
    return an_upgrade_at(
        Stage.GATE,
        direction=Direction.BACK,
        ending=Ending.UNDONE,
        ended_at=NOW,
        opened_at=NOW,
        undone=tuple(reversed([one.stage for one in at.record.passed])),
        reason=reason,
    )


TOLD = "\n".join(
    json.dumps(line)
    for line in (
        {"event": "stage", "stage": "verify", "state": "done", "took_s": 21.2},
        {"event": "note", "stage": "stage", "text": "3 package(s) of the distribution will change."},
        {"event": "task", "role": "app", "task": "Describe the portal to systemd", "state": "changed"},
        {
            "event": "note",
            "stage": "rehearse",
            "text": "On a copy with 184221 rows, 0010 > 0012 took 3.4 s; the new schema only adds.",
        },
        {"event": "stage", "stage": "rehearse", "state": "done", "took_s": 44.8},
        {"event": "begin", "role": "postgres", "task": "Start the database"},
    )
)
"""What an upgrade told until its middle."""


def some_bundles() -> Sequence[Offered]:
    """A stick with the next release, one that is in use, one too far, and a broken one."""
    tar = "/media/usb/hangjegyzet-{}-debian12-amd64.tar"
    return [
        Offered(Found(Path(tar.format("0.2.0")), 412 * MIB, manifest=a_manifest("0.2.0", 9)), Verdict.NEXT),
        Offered(Found(Path(tar.format("0.9.0")), 440 * MIB, manifest=a_manifest("0.9.0", 31)), Verdict.TOO_FAR),
        Offered(Found(Path(tar.format("0.1.0")), 405 * MIB, manifest=a_manifest("0.1.0", 7)), Verdict.SAME),
        Offered(Found(Path("/media/usb/old.tar"), None, fault="old.tar breaks off."), Verdict.UNREADABLE),
    ]


def a_manifest(version: str, number: int) -> Manifest:
    """What a bundle says it is."""
    return Manifest(
        format=1,
        product="hangjegyzet",
        version=version,
        release_seq=number,
        min_from="0.0.9",
        schema=SchemaRange(oldest="0008", newest="0012"),
        target=Target(os="debian", os_version="12", arch="amd64", python="3.11"),
        commit="0" * 40,
        built_at="2026-11-20T08:00:00Z",
        requirements=Requirements(disk_bytes=2 * GIB, memory_bytes=4 * GIB, cpu_flags=("avx2",)),
        models=("whisper-base",),
        files={},
    )


def a_standing(verb: Verb, arguments: Arguments, people: tuple[str, ...]) -> Standing:
    """A request that some people have signed."""
    request = Request(
        format=1,
        type="hangjegyzet-approval-request",
        verb=verb,
        arguments=dict(arguments),
        arguments_sha256=digest(arguments),
        host="meeting-box",
        machine="0" * 32,
        nonce="0123456789ab" + "0" * 20,
        reason="The minutes of Monday were deleted by mistake",
        requested_by="root",
        created_at="2026-11-23T09:00:00Z",
        expires_at="2026-11-24T09:00:00Z",
    )
    missing = "" if len(people) > 1 else f"The request is approved by {', '.join(people) or 'nobody'}; two are needed."
    return Standing(request, tuple(Signed(person, "SHA256:x", b"") for person in people), missing)


def a_bundle() -> Bundle:
    """What was collected an hour ago."""
    parts = (
        Part("release", "Which release, on which system", '{"version": "0.1.0"}\n', 0.1),
        Part("health", "What health found", "disk: warning\n" * 40, 2.4, redacted={"address": 3}),
        Part("journal", "What the processes noted", "step_finished\n" * 9000, 1.9, cut=True, redacted={"name": 41}),
        Part("gpu", "What the graphics driver says", "", 5.0, trouble="it did not answer in time"),
    )
    return Bundle(NOW - timedelta(hours=1), "0.1.0", keep_addresses=False, parts=parts)


SETTINGS: dict[str, Value] = {
    "web.host": "0.0.0.0",
    "web.port": 443,
    "web.public_url": None,
    "web.certificate": None,
    "web.private_key": None,
    "web.trusted_proxies": [],
    "firewall.portal_from": ["0.0.0.0/0", "::/0"],
    "firewall.ssh_from": ["10.20.0.0/16", "192.168.0.0/16"],
    "language": "hu",
    "upload.max_bytes": 8 * GIB,
}


@dataclass
class ShownHouse:
    """A house that answers at once, and remembers what was asked of it."""

    people_there: list[UserView] = field(default_factory=some_people)
    jobs_there: list[JobView] = field(default_factory=some_jobs)
    settings: dict[str, Value] = field(default_factory=lambda: dict(SETTINGS))
    pending: list[Change] = field(default_factory=list)
    empty: bool = False
    database_is_down: bool = False
    upgrade_there: Undertaking = field(default_factory=lambda: an_upgrade_as_it_stands())
    restore_begun: Wish | None = None
    approvers: tuple[str, ...] = ()
    signed: tuple[str, ...] | None = None
    did: list[tuple[str, str]] = field(default_factory=list)
    asked: Callable[[str], object] = lambda _question: None

    def last_glance(self) -> Glance | None:
        return self.glance()

    def glance(self) -> Glance:
        self.asked("glance")
        return a_glance(queue=None) if self.database_is_down else a_glance()

    def place(self) -> Place:
        return a_place()

    def report(self) -> Report:
        self.asked("report")
        return a_report()

    def jobs(self) -> Sequence[JobView]:
        self._ask("jobs")
        return [] if self.empty else self.jobs_there

    def cancel(self, job_id: JobId) -> None:
        self._do("cancel", job_id)

    def retry(self, job_id: JobId) -> None:
        self._do("retry", job_id)

    def people(self) -> Sequence[UserView]:
        self._ask("people")
        return [] if self.empty else self.people_there

    def create_person(self, *, email: str, name: str, role: Role) -> OneTimeCode:
        self._do("create", f"{email} {name} {role.value}")
        return self._code()

    def first_code(self) -> OneTimeCode:
        self._do("first-code", "")
        return replace(self._code(), purpose=CodePurpose.FIRST_ADMINISTRATOR)

    def reset(self, user_id: UserId) -> OneTimeCode:
        self._do("reset", user_id)
        return self._code()

    def disable(self, user_id: UserId) -> None:
        person = next(one for one in self.people_there if one.id == user_id)
        if person.role is Role.ADMINISTRATOR:
            raise LastAdministrator(email=person.email)
        self._do("disable", user_id)

    def enable(self, user_id: UserId) -> None:
        self._do("enable", user_id)

    def packs(self) -> tuple[Sequence[InstalledPack], Sequence[Pack]]:
        self.asked("packs")
        known = list(catalogue().values())
        here = ("campplus-zh-en", "pyannote-segmentation-3.0", "qwen2.5-coder-1.5b-instruct-q4", "whisper-base")
        installed = [
            InstalledPack(pack=pack, path="/", provenance=Provenance.PUBLISHED, in_use=pack.name != "whisper-base")  # type: ignore[arg-type]
            for pack in known
            if pack.name in here
        ]
        return ([], known) if self.empty else (installed, [pack for pack in known if pack.name not in here])

    def events(self) -> Sequence[AuditEvent]:
        self._ask("events")
        return [] if self.empty else some_events()

    def kept(self) -> Kept:
        self._ask("kept")
        return Kept((), {"rpo_database_s": None}, None) if self.empty else kept()

    def releases(self) -> Releases:
        self.asked("releases")
        if self.empty:
            return Releases("0.1.0", None, None, driven=False)
        return Releases("0.1.0", "0.0.9", an_upgrade(), driven=False)

    def bundles(self) -> Sequence[Offered]:
        self.asked("bundles")
        return () if self.empty else some_bundles()

    def packs_on_sticks(self) -> Sequence[Found]:
        self.asked("packs_on_sticks")
        known = catalogue()["whisper-base"]
        return [
            Found(Path("/media/usb/hangjegyzet-models-whisper-base.tar"), 141 * MIB, pack=known),
            Found(
                Path("/media/usb/hangjegyzet-models-qwen2.5-7b-instruct-q4.tar.001"),
                None,
                fault="One of several parts, and the second is not beside it.",
            ),
        ]

    def signatures(self) -> Sequence[Path]:
        return (Path("/media/usb/approve-0123456789ab.json.sig"),)

    def sticks(self) -> Sequence[Path]:
        return (Path("/media/usb"),)

    def upgrade(self) -> Undertaking:
        self.asked("upgrade")
        return Undertaking() if self.empty else self.upgrade_there

    def way_back(self) -> Arguments:
        self.asked("way_back")
        if self.empty:
            raise NoWayBack(reason="the last thing that was done here is not an upgrade to the release that it has")
        return {"from": "0.1.0", "to": "0.0.9"}

    def restore_plan(self, wish: Wish, key: Path | None) -> Plan:
        self.asked("restore_plan")
        described = a_set(1, BackupKind.FULL)
        return Plan(described, Latest(), "3f" * 32, own=key is None)

    def broken_restore(self) -> Wish | None:
        self.asked("broken_restore")
        return self.restore_begun

    def approving(self, verb: Verb, arguments: Arguments) -> Approving:
        self.asked("approving")
        if not self.approvers:
            return Approving()
        if self.signed is None:
            return Approving(self.approvers)
        standing = a_standing(verb, arguments, self.signed)
        return Approving(self.approvers, standing, Path(f"/var/lib/{standing.request.id}.json"))

    def ask_approval(self, verb: Verb, arguments: Arguments, *, reason: str, folder: Path | None) -> Path:
        self._do("ask", f"{words(verb, arguments)}: {reason}")
        self.signed = ()
        return (folder or Path("/var/lib")) / "approve-0123456789ab.json"

    def hand_in(self, request_id: str, file: Path) -> str:
        person = self.approvers[len(self.signed or ())]
        self._do("hand-in", f"{request_id} {file}")
        self.signed = (*(self.signed or ()), person)
        return person

    def collected(self) -> Bundle | None:
        self.asked("collected")
        return None if self.empty else a_bundle()

    def configured(self) -> tuple[dict[str, Value], Sequence[Change]]:
        self.asked("configured")
        return self.settings, self.pending

    def configure(self, key: str, value: str | None) -> None:
        self._do("configure", f"{key}={value}")
        self.pending = [Change(key, self.settings[key], value)]
        self.settings = {**self.settings, key: value}

    def _ask(self, question: str) -> None:
        self.asked(question)
        if self.database_is_down:
            raise DatabaseUnavailable

    def _do(self, what: str, to: object) -> None:
        self._ask(what)
        self.did.append((what, str(to)))

    def _code(self) -> OneTimeCode:
        return OneTimeCode("K7QD-4MXA-P2ZT", CodePurpose.SET_PASSWORD, NOW + timedelta(days=3))
