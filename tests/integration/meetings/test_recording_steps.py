"""The steps of a recording that these rooms contribute, run by the real runner over real files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from appliance.adapters.blobs import LocalBlobs
from appliance.adapters.media import SandboxedMedia
from appliance.audit.service import AuditTrail
from appliance.jobs.context import StepContext
from appliance.jobs.model import JobState, JobView, Saga, StepShape
from appliance.jobs.ports import Step
from appliance.kernel.actor import Actor
from appliance.kernel.clock import FixedClock
from appliance.kernel.ids import MeetingId, TenantId
from appliance.keyring.service import KeyRing
from appliance.meetings.documents import DocumentStore
from appliance.meetings.peaks import PEAKS_DOCUMENT
from appliance.meetings.recordings import RecordingFiles
from appliance.meetings.service import MeetingService
from appliance.meetings.steps import ValidateStep
from appliance.notifications import queries as outbox
from appliance.notifications.model import MessageKind
from appliance.notifications.service import Outbox
from appliance.notifications.steps import NotifyStep
from appliance.search.index import SegmentIndex
from appliance.search.steps import IndexStep
from tests.factories.database import TestDatabase
from tests.factories.jobs import Workshop
from tests.factories.media import FORMATS, Format, format_named, media_file
from tests.factories.meetings import a_meeting, a_meeting_service, audit_names
from tests.factories.transcripts import transcript
from tests.fakes.steps import ScriptedStep

SAID = transcript(("Speaker 1", "Kezdjük a költségvetéssel."), ("Speaker 2", "Rendben."), language="hu")


class OneTranscript:
    """A ``TranscriptSource`` in which everybody said the same."""

    def load(self, _tx: object, _meeting_id: object) -> Any:
        return SAID


@pytest.fixture(scope="module")
def media() -> Any:
    """The sandbox that opens foreign files."""
    opened = SandboxedMedia(max_duration_s=60)
    yield opened
    opened.close()


@pytest.fixture
def blobs(tmp_path: Path) -> LocalBlobs:
    return LocalBlobs(tmp_path)


@pytest.fixture
def validate(
    media: SandboxedMedia,
    blobs: LocalBlobs,
    keyring: KeyRing,
    clock: FixedClock,
    audit: AuditTrail,
    documents: DocumentStore,
) -> ValidateStep:
    files = RecordingFiles(blobs, keyring)
    return ValidateStep(files=files, documents=documents, probe=media, decoder=media, audit=audit, clock=clock)


Run = Callable[..., JobView]


@pytest.fixture
def process(
    db: TestDatabase,
    tenant: TenantId,
    keyring: KeyRing,
    audit: AuditTrail,
    clock: FixedClock,
    tmp_path: Path,
    anna: Actor,
) -> Run:
    """Sends a file in, works on it with the given steps until nothing is left to do, and shows the job."""

    def run(data: bytes, *steps: Step, filename: str = "felvétel.wav") -> JobView:
        saga: Saga[Any] = Saga("recording", steps)
        shapes: Saga[StepShape] = Saga("recording", tuple(steps))
        meetings = a_meeting_service(db.web, clock=clock, audit=audit, keyring=keyring, folder=tmp_path, saga=shapes)
        started = a_meeting(meetings, anna, data=data, filename=filename)
        shop = Workshop(db, tenant, keyring, audit, {"recording": saga})
        shop.run_everything()
        return shop.view(started.job_id)

    return run


@pytest.mark.parametrize("kind", FORMATS, ids=lambda kind: kind.extension)
def test_every_kind_of_recording_is_measured(
    process: Run, validate: ValidateStep, meetings: MeetingService, anna: Actor, kind: Format, db: TestDatabase
) -> None:
    """Its length is that of its sound, its waveform has a number for each twentieth of a second."""
    job = process(media_file(kind, duration_s=3.0), validate, filename=f"x.{kind.extension}")
    assert job.state is JobState.DONE, job.failure
    assert job.meeting_id is not None
    view = meetings.get(anna, job.meeting_id)
    assert view.recording is not None
    assert view.recording.duration_s == pytest.approx(3.0, abs=0.15)
    assert view.recording.has_video == kind.has_video
    peaks = np.frombuffer(meetings.peaks(anna, job.meeting_id) or b"", np.int8)
    assert len(peaks) == pytest.approx(60, abs=3)
    assert 10 < peaks.max() <= 127
    assert peaks.min() >= 0
    names = audit_names(db.web, anna.tenant_id, job.meeting_id)
    assert names[-1] == "meetings:recording:validated"


def wav(sound: np.ndarray) -> bytes:
    """``sound`` as a wav file."""
    return media_file(format_named("wav"), sound=sound)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (wav(np.zeros(32_000, np.int16)), "media.silent"),
        (wav(np.random.default_rng(1).integers(-20, 20, 32_000).astype(np.int16)), "media.silent"),
        (wav(np.full(100, 5000, np.int16)), "media.zero_length"),
        (b"This is a letter, and no recording." * 100, "media.not_media"),
        (wav((np.sin(np.arange(61 * 16_000) / 10) * 5000).astype(np.int16)), "media.too_long"),
    ],
    ids=["zeros", "hiss", "a click", "a letter", "an hour and more"],
)
def test_what_is_no_recording_is_refused_with_its_reason(
    process: Run, validate: ValidateStep, meetings: MeetingService, anna: Actor, data: bytes, code: str
) -> None:
    """The job says what is wrong and what to do; trying again is not tried."""
    job = process(data, validate)
    assert job.state is JobState.FAILED
    assert job.failure is not None
    assert job.failure.code == code
    assert job.failure.remedy
    assert job.steps[0].attempt == 2  # once to find out, once to undo
    assert job.meeting_id is not None
    assert meetings.get(anna, job.meeting_id).duration_s is None


def test_validating_can_be_undone(
    process: Run,
    validate: ValidateStep,
    db: TestDatabase,
    keyring: KeyRing,
    audit: AuditTrail,
    meetings: MeetingService,
    anna: Actor,
    documents: DocumentStore,
) -> None:
    """Nothing is known of the recording any more, and the recording is still there."""
    job = process(media_file(format_named("flac")), validate)
    shop = Workshop(db, anna.tenant_id, keyring, audit, {"recording": Saga("recording", (validate,))})
    shop.service.retry(actor=anna, job_id=job.id, from_step="validate")
    assert job.meeting_id is not None
    shop.worker().runner.drain()
    view = meetings.get(anna, job.meeting_id)
    assert view.duration_s is not None  # done again
    with db.worker.reading(anna.tenant_id) as tx:
        assert documents.revision(tx, job.meeting_id, PEAKS_DOCUMENT) == 1  # not on top of what was undone


def test_a_finished_recording_can_be_found_and_its_owner_is_told_once(
    process: Run,
    validate: ValidateStep,
    db: TestDatabase,
    keyring: KeyRing,
    audit: AuditTrail,
    clock: FixedClock,
    anna: Actor,
) -> None:
    """Index and outbox are filled; a retry from the index on owes no second message."""
    steps: tuple[Step, ...] = (
        validate,
        ScriptedStep("merge", ("validate",)),
        ScriptedStep("minutes", ("merge",)),
        IndexStep(transcripts=OneTranscript(), index=SegmentIndex(keyring), audit=audit),
        NotifyStep(outbox=Outbox(clock), audit=audit),
    )
    job = process(media_file(format_named("wav")), *steps)
    assert job.state is JobState.DONE, job.failure
    shop = Workshop(db, anna.tenant_id, keyring, audit, {"recording": Saga("recording", steps)})
    shop.service.retry(actor=anna, job_id=job.id, from_step="index")
    shop.run_everything()
    assert shop.view(job.id).state is JobState.DONE
    assert job.meeting_id is not None
    with db.worker.reading(None) as tx:
        (message,) = outbox.undelivered(tx, most=10)
    assert (message.kind, message.recipient_id) == (MessageKind.MEETING_READY, anna.user_id)
    assert (message.meeting_id, message.job_id) == (job.meeting_id, job.id)
    assert shop.scalar("SELECT count(*) FROM segment_lexemes") == 2


def test_deleting_a_meeting_under_way_ends_its_job(
    db: TestDatabase,
    tenant: TenantId,
    keyring: KeyRing,
    audit: AuditTrail,
    clock: FixedClock,
    tmp_path: Path,
    anna: Actor,
    documents: DocumentStore,
) -> None:
    """A step that finds its meeting's key destroyed leaves nothing behind, and the job ends cancelled."""
    deleted: list[MeetingId] = []

    def delete_midway(ctx: StepContext) -> None:
        meetings.delete(anna, ctx.meeting_id)
        deleted.append(ctx.meeting_id)
        with ctx.transaction() as tx:
            documents.put(tx, ctx.meeting_id, "transcript", b"too late")

    steps = (ScriptedStep("validate", does=delete_midway),)
    meetings = a_meeting_service(
        db.web,
        clock=clock,
        audit=audit,
        keyring=keyring,
        folder=tmp_path,
        saga=Saga("recording", tuple[StepShape, ...](steps)),
    )
    started = a_meeting(meetings, anna)
    shop = Workshop(db, tenant, keyring, audit, {"recording": Saga("recording", steps)})
    shop.run_everything()
    assert deleted == [started.meeting_id]
    assert shop.view(started.job_id).state is JobState.CANCELLED
    with db.owner.reading(None) as tx:
        assert tx.execute(text("SELECT count(*) FROM sealed_document")).scalar() == 0
