"""Uploads over a real database and a real disk: what is told, what survives, what is refused."""

import hashlib
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from appliance.adapters.blobs import LocalBlobs
from appliance.identity.errors import NotAllowed
from appliance.identity.permissions import Role
from appliance.jobs.model import JobState
from appliance.kernel.actor import Actor
from appliance.kernel.clock import FixedClock
from appliance.kernel.ids import TenantId
from appliance.keyring.stream import CHUNK_BYTES
from appliance.meetings.errors import (
    EmptyFile,
    OffsetMismatch,
    SliceDamaged,
    SliceInvalid,
    StorageFull,
    TooManyUploads,
    UploadBusy,
    UploadDamaged,
    UploadFinished,
    UploadIncomplete,
    UploadNotFound,
    UploadTooLarge,
)
from appliance.meetings.model import FINISHED_UPLOAD_KEPT, UPLOAD_KEPT, UploadView
from appliance.meetings.service import MeetingService
from appliance.settings import UploadSettings
from tests.factories.database import TestDatabase
from tests.factories.meetings import a_meeting, a_user, audit_names, recording_bytes, send

DATA = recording_bytes(5 * CHUNK_BYTES + 321)


@pytest.fixture
def upload(meetings: MeetingService, anna: Actor) -> UploadView:
    """An upload of ``DATA`` by Anna, not begun."""
    return meetings.start_upload(anna, filename="C:\\felvételek\\tárgyalás.m4a", size_bytes=len(DATA), language="hu")


def test_a_recording_sent_in_slices_becomes_a_meeting(
    meetings: MeetingService, anna: Actor, upload: UploadView, db: TestDatabase, tenant: TenantId
) -> None:
    """The meeting, its recording and its job are there together, and the trail says so."""
    send(meetings, anna, upload.id, DATA, slice_bytes=2 * CHUNK_BYTES)
    started = meetings.complete(anna, upload.id, sha256=hashlib.sha256(DATA).digest())
    view = meetings.get(anna, started.meeting_id)
    assert view.title == "tárgyalás"
    assert view.language == "hu"
    assert view.job_id == started.job_id
    assert view.recording is not None
    assert (view.recording.filename, view.recording.size_bytes) == ("tárgyalás.m4a", len(DATA))
    with meetings.open_audio(anna, started.meeting_id) as audio:
        assert audio.read() == DATA
    names = audit_names(db.web, tenant, started.meeting_id)
    assert names == ["meetings:upload:started", "meetings:upload:completed", "meetings:recording:opened"]


def test_limits_are_told_before_the_first_byte(meetings: MeetingService) -> None:
    """A client learns what would be refused."""
    limits = meetings.limits()
    assert (limits.max_bytes, limits.slice_bytes, limits.chunk_bytes) == (10_000_000, 1 << 20, CHUNK_BYTES)
    assert limits.free_bytes > 0


def test_too_large_and_empty_are_refused_before_the_first_byte(meetings: MeetingService, anna: Actor) -> None:
    """Nobody sends gigabytes to be told no."""
    with pytest.raises(UploadTooLarge):
        meetings.start_upload(anna, filename="a.wav", size_bytes=10_000_001)
    with pytest.raises(EmptyFile):
        meetings.start_upload(anna, filename="a.wav", size_bytes=0)


def test_room_promised_to_others_is_not_promised_again(
    meetings: MeetingService, anna: Actor, bela: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Open uploads count with what they still need, whoever they belong to."""
    monkeypatch.setattr(LocalBlobs, "free_bytes", lambda _blobs: 15_000_000)
    first = meetings.start_upload(anna, filename="a.wav", size_bytes=10_000_000)
    with pytest.raises(StorageFull):
        meetings.start_upload(bela, filename="b.wav", size_bytes=10_000_000)
    meetings.abandon(anna, first.id)
    meetings.start_upload(bela, filename="b.wav", size_bytes=10_000_000)


def test_one_person_may_leave_so_many_uploads_unfinished(
    meetings: MeetingService, anna: Actor, bela: Actor, clock: FixedClock, limits: UploadSettings
) -> None:
    """The limit is each person's own; completing, giving up and expiring each make room again."""
    first, second, *_ = [meetings.start_upload(anna, filename="a.wav", size_bytes=9) for _ in range(limits.max_open)]
    with pytest.raises(TooManyUploads) as refusal:
        meetings.start_upload(anna, filename="one too many.wav", size_bytes=9)
    assert refusal.value.fields == {"count": limits.max_open, "limit": limits.max_open}
    assert len(meetings.open_uploads(anna)) == limits.max_open
    meetings.start_upload(bela, filename="b.wav", size_bytes=9)
    send(meetings, anna, first.id, bytes(9))
    meetings.complete(anna, first.id)
    meetings.start_upload(anna, filename="c.wav", size_bytes=9)
    meetings.abandon(anna, second.id)
    meetings.start_upload(anna, filename="d.wav", size_bytes=9)
    clock.advance(UPLOAD_KEPT + timedelta(seconds=1))
    meetings.start_upload(anna, filename="e.wav", size_bytes=9)


def test_open_uploads_are_listed_for_their_owner(
    meetings: MeetingService, anna: Actor, bela: Actor, upload: UploadView
) -> None:
    """With names and offsets, so that each can be continued or given up; nobody else's, and none that is complete."""
    done = meetings.start_upload(anna, filename="kész.wav", size_bytes=9)
    send(meetings, anna, done.id, bytes(9))
    meetings.complete(anna, done.id)
    assert [(view.id, view.filename) for view in meetings.open_uploads(anna)] == [(upload.id, "tárgyalás.m4a")]
    assert meetings.open_uploads(bela) == ()


def test_an_upload_goes_on_where_it_stands(meetings: MeetingService, anna: Actor, upload: UploadView) -> None:
    """The offset is asked for, not remembered: also by another process."""
    with meetings.append(anna, upload.id, offset=0) as writer:
        writer.write(DATA[: 2 * CHUNK_BYTES + 999])  # and then the connection breaks
    assert meetings.upload(anna, upload.id).offset == 2 * CHUNK_BYTES
    assert send(meetings, anna, upload.id, DATA) == len(DATA)
    started = meetings.complete(anna, upload.id)
    with meetings.open_audio(anna, started.meeting_id) as audio:
        assert audio.read() == DATA


def test_a_wrong_offset_is_answered_with_the_right_one(
    meetings: MeetingService, anna: Actor, upload: UploadView
) -> None:
    """A gap or a repetition never gets into the file."""
    with meetings.append(anna, upload.id, offset=0) as writer:
        writer.write(DATA[:CHUNK_BYTES])
        writer.finish()
    for wrong in (0, 2 * CHUNK_BYTES, 17):
        with pytest.raises(OffsetMismatch) as refusal:
            meetings.append(anna, upload.id, offset=wrong)
        assert refusal.value.fields["offset"] == CHUNK_BYTES


def test_a_damaged_slice_is_refused_and_can_be_sent_again(
    meetings: MeetingService, anna: Actor, upload: UploadView
) -> None:
    """The checksum decides, and nothing of the slice stays."""
    with meetings.append(anna, upload.id, offset=0, sha256=hashlib.sha256(DATA[:CHUNK_BYTES]).digest()) as writer:
        writer.write(recording_bytes(CHUNK_BYTES, seed=9))
        with pytest.raises(SliceDamaged):
            writer.finish()
    assert meetings.upload(anna, upload.id).offset == 0
    assert send(meetings, anna, upload.id, DATA) == len(DATA)
    meetings.complete(anna, upload.id, sha256=hashlib.sha256(DATA).digest())


def test_impossible_slices_are_refused_before_their_first_byte(
    meetings: MeetingService, anna: Actor, upload: UploadView
) -> None:
    """Too long, crooked, or behind the end."""
    for length in (0, 1, CHUNK_BYTES + 1, len(DATA) + 1, 2 << 20):
        with pytest.raises(SliceInvalid):
            meetings.append(anna, upload.id, offset=0, length=length)


def test_of_two_writers_one_wins(meetings: MeetingService, anna: Actor, upload: UploadView) -> None:
    """Their bytes never mix, and the other is told to wait."""
    with meetings.append(anna, upload.id, offset=0) as writer:
        with pytest.raises(UploadBusy):
            meetings.append(anna, upload.id, offset=0)
        with pytest.raises(UploadBusy):
            meetings.complete(anna, upload.id)
        writer.write(DATA[:CHUNK_BYTES])
        assert writer.finish() == CHUNK_BYTES
    assert send(meetings, anna, upload.id, DATA) == len(DATA)


def test_many_writers_at_once_leave_a_whole_file(meetings: MeetingService, anna: Actor, upload: UploadView) -> None:
    """Eight clients with the same file fight for every slice; the file is right in the end."""

    def fight() -> None:
        while (offset := meetings.upload(anna, upload.id).offset) < len(DATA):
            try:
                with meetings.append(anna, upload.id, offset=offset) as writer:
                    writer.write(DATA[offset : offset + CHUNK_BYTES])
                    writer.finish()
            except (UploadBusy, OffsetMismatch):
                continue

    fighters = [threading.Thread(target=fight) for _ in range(8)]
    for fighter in fighters:
        fighter.start()
    for fighter in fighters:
        fighter.join(60)
    meetings.complete(anna, upload.id, sha256=hashlib.sha256(DATA).digest())


def test_completing_too_early_says_what_is_missing(meetings: MeetingService, anna: Actor, upload: UploadView) -> None:
    """A recording without its end is no recording."""
    with pytest.raises(UploadIncomplete):
        meetings.complete(anna, upload.id)


def test_completing_twice_gives_the_same_meeting(meetings: MeetingService, anna: Actor, upload: UploadView) -> None:
    """A client that lost the answer asks again, and no second job is started."""
    send(meetings, anna, upload.id, DATA)
    assert meetings.complete(anna, upload.id) == meetings.complete(anna, upload.id)
    assert meetings.upload(anna, upload.id).job_id is not None
    with pytest.raises(UploadFinished):
        meetings.append(anna, upload.id, offset=0)


def test_a_crash_between_storing_and_committing_is_made_good(
    meetings: MeetingService, anna: Actor, upload: UploadView, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file was moved, the meeting was not written: completing again finishes it."""
    send(meetings, anna, upload.id, DATA)

    def crash(*_args: object, **_options: object) -> None:
        raise RuntimeError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(meetings, "_become_meeting", crash)
        with pytest.raises(RuntimeError):
            meetings.complete(anna, upload.id)
    started = meetings.complete(anna, upload.id)
    with meetings.open_audio(anna, started.meeting_id) as audio:
        assert audio.read() == DATA


def test_another_file_than_announced_is_found_out(meetings: MeetingService, anna: Actor, upload: UploadView) -> None:
    """A file that changed between two slices is not taken for the one that was chosen."""
    send(meetings, anna, upload.id, DATA)
    with pytest.raises(UploadDamaged):
        meetings.complete(anna, upload.id, sha256=hashlib.sha256(b"another").digest())


def test_ciphertext_changed_on_the_disk_is_found_out(
    meetings: MeetingService, anna: Actor, upload: UploadView, blob_folder: Path
) -> None:
    """A failing disk shows at once, and not on the day that somebody listens."""
    send(meetings, anna, upload.id, DATA)
    (incoming,) = (blob_folder / "incoming").iterdir()
    sealed = bytearray(incoming.read_bytes())
    sealed[len(sealed) // 2] ^= 1
    incoming.write_bytes(sealed)
    with pytest.raises(UploadDamaged):
        meetings.complete(anna, upload.id)


def test_somebody_elses_upload_does_not_exist(meetings: MeetingService, bela: Actor, upload: UploadView) -> None:
    """Neither to be looked at, nor to be written to, completed or given up."""
    for attempt in (
        lambda: meetings.upload(bela, upload.id),
        lambda: meetings.append(bela, upload.id, offset=0),
        lambda: meetings.complete(bela, upload.id),
        lambda: meetings.abandon(bela, upload.id),
    ):
        with pytest.raises(UploadNotFound):
            attempt()


def test_an_auditor_sends_nothing_in(meetings: MeetingService, tenant: TenantId) -> None:
    """Sending needs a permission that not every role has."""
    with pytest.raises(NotAllowed):
        meetings.start_upload(a_user(tenant, role=Role.AUDITOR), filename="a.wav", size_bytes=10)


def test_an_upload_that_was_given_up_leaves_nothing(
    meetings: MeetingService, anna: Actor, upload: UploadView, blob_folder: Path
) -> None:
    """Neither bytes nor a way back."""
    with meetings.append(anna, upload.id, offset=0) as writer:
        writer.write(DATA)
    meetings.abandon(anna, upload.id)
    assert [path for path in blob_folder.rglob("*") if path.is_file()] == []
    with pytest.raises(UploadNotFound):
        meetings.upload(anna, upload.id)


def test_an_upload_that_nothing_arrives_for_expires(
    meetings: MeetingService,
    scheduler: MeetingService,
    anna: Actor,
    upload: UploadView,
    clock: FixedClock,
    blob_folder: Path,
    db: TestDatabase,
    tenant: TenantId,
) -> None:
    """Each slice gives it another two days; then its room is given back, and the trail says why."""
    clock.advance(UPLOAD_KEPT - timedelta(hours=1))
    with meetings.append(anna, upload.id, offset=0) as writer:
        writer.write(DATA[:CHUNK_BYTES])
        writer.finish()
    clock.advance(timedelta(hours=2))
    assert scheduler.expire_uploads() == 0
    clock.advance(UPLOAD_KEPT)
    assert scheduler.expire_uploads() == 1
    assert [path for path in blob_folder.rglob("*") if path.is_file()] == []
    with pytest.raises(UploadNotFound):
        meetings.upload(anna, upload.id)
    assert audit_names(db.web, tenant, upload.meeting_id)[-1] == "meetings:upload:expired"


def test_a_finished_upload_is_forgotten_and_its_meeting_stays(
    meetings: MeetingService, scheduler: MeetingService, anna: Actor, clock: FixedClock
) -> None:
    """Expiry never touches what has become a meeting."""
    started = a_meeting(meetings, anna, data=DATA)
    clock.advance(FINISHED_UPLOAD_KEPT + timedelta(seconds=1))
    assert scheduler.expire_uploads() == 1
    assert scheduler.expire_uploads() == 0
    with meetings.open_audio(anna, started.meeting_id) as audio:
        assert audio.read() == DATA


def test_a_job_waits_for_the_recording(meetings: MeetingService, anna: Actor) -> None:
    """Its options say what was said about the recording, and nothing of its content."""
    upload = meetings.start_upload(anna, filename="a.wav", size_bytes=len(DATA), language="en", speakers=4)
    send(meetings, anna, upload.id, DATA)
    started = meetings.complete(anna, upload.id)
    job = meetings._jobs.show(actor=anna, job_id=started.job_id)
    assert job.state is JobState.QUEUED
    assert job.meeting_id == started.meeting_id
