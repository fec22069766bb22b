"""Finding, renaming, deleting and hearing meetings, over a real database."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from appliance.identity.errors import NotAllowed
from appliance.identity.permissions import Permission, Role
from appliance.jobs.model import JobState
from appliance.kernel.actor import Actor
from appliance.kernel.clock import FixedClock
from appliance.kernel.ids import MeetingId, TenantId, new_uuid
from appliance.keyring.errors import KeyDestroyed, SealBroken
from appliance.keyring.service import KeyRing
from appliance.meetings.access import ACCESS_WINDOW
from appliance.meetings.documents import DocumentStore
from appliance.meetings.errors import BadCursor, BlobMissing, MeetingNotFound, TitleInvalid
from appliance.meetings.model import MeetingState
from appliance.meetings.service import MeetingService
from appliance.notifications import queries as outbox
from appliance.notifications.model import MessageKind
from tests.factories.database import TestDatabase
from tests.factories.meetings import a_meeting, a_user, audit_names, recording_bytes


def titles(service: MeetingService, actor: Actor, *, limit: int = 50) -> list[str]:
    """All titles that ``actor`` sees, page by page."""
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = service.page(actor, cursor=cursor, limit=limit)
        seen += [meeting.title for meeting in page.meetings]
        cursor = page.next_cursor
        if cursor is None:
            return seen


def test_the_newest_meeting_comes_first_on_every_page(meetings: MeetingService, anna: Actor, clock: FixedClock) -> None:
    """Pages of any size show each meeting once, in the same order; also those of the same moment."""
    for number in range(7):
        a_meeting(meetings, anna, title=f"{number}", data=b"x")
        if number % 3 == 2:
            clock.advance(timedelta(minutes=1))
    everything = titles(meetings, anna)
    assert sorted(everything) == [str(number) for number in range(7)]
    assert everything[0] == "6"
    assert set(everything[1:4]) == {"3", "4", "5"}
    for limit in (1, 2, 3, 7):
        assert titles(meetings, anna, limit=limit) == everything


@pytest.mark.parametrize("cursor", ["x", "AAAA", "é", "=" * 32, "f" + "_" * 32, "f____" + "w" * 27])
def test_a_cursor_of_somebody_elses_making_is_refused(meetings: MeetingService, anna: Actor, cursor: str) -> None:
    """Whatever is in an address line, the answer is a clear one."""
    with pytest.raises(BadCursor):
        meetings.page(anna, cursor=cursor)


def test_everybody_sees_their_own_meetings(meetings: MeetingService, anna: Actor, bela: Actor) -> None:
    """And nothing tells them that there are others."""
    started = a_meeting(meetings, anna)
    assert titles(meetings, bela) == []
    for attempt in (
        lambda: meetings.get(bela, started.meeting_id),
        lambda: meetings.open_audio(bela, started.meeting_id),
        lambda: meetings.peaks(bela, started.meeting_id),
        lambda: meetings.rename(bela, started.meeting_id, "Enyém"),
        lambda: meetings.delete(bela, started.meeting_id),
        lambda: meetings.get(bela, MeetingId(new_uuid())),
    ):
        with pytest.raises(MeetingNotFound):
            attempt()
    assert titles(meetings, anna) == ["Vezetői értekezlet"]


def test_who_may_read_all_reads_and_changes_nothing(meetings: MeetingService, anna: Actor, tenant: TenantId) -> None:
    """Reading everything is no right to change anything."""
    started = a_meeting(meetings, anna)
    reader = a_user(tenant, extra=[Permission.MEETING_READ_ALL])
    assert titles(meetings, reader) == ["Vezetői értekezlet"]
    for attempt in (
        lambda: meetings.rename(reader, started.meeting_id, "Más"),
        lambda: meetings.delete(reader, started.meeting_id),
    ):
        with pytest.raises(MeetingNotFound):
            attempt()


def test_an_auditor_reads_no_meeting(meetings: MeetingService, anna: Actor, tenant: TenantId) -> None:
    """Who did what is theirs to see, what was said is not."""
    started = a_meeting(meetings, anna)
    auditor = a_user(tenant, role=Role.AUDITOR)
    with pytest.raises(NotAllowed):
        meetings.get(auditor, started.meeting_id)
    with pytest.raises(NotAllowed):
        meetings.page(auditor)


def test_a_title_lies_sealed_in_the_database(meetings: MeetingService, anna: Actor, db: TestDatabase) -> None:
    """A title is content; so is the name of the file."""
    a_meeting(meetings, anna, title="Felmondások", filename="titkos-terv.wav")
    with db.owner.reading(None) as tx:
        rows = tx.execute(
            text("SELECT m.title_sealed || r.filename_sealed FROM meeting m JOIN recording r ON r.meeting_id = m.id")
        )
        for sealed in rows.scalars():
            assert b"Felmond" not in bytes(sealed)
            assert b"titkos" not in bytes(sealed)


def test_a_new_title_replaces_the_old(
    meetings: MeetingService, anna: Actor, db: TestDatabase, tenant: TenantId
) -> None:
    """And the trail tells that it did, without telling either."""
    started = a_meeting(meetings, anna)
    assert meetings.rename(anna, started.meeting_id, "  Elnökségi\tülés ").title == "Elnökségi ülés"
    assert meetings.get(anna, started.meeting_id).title == "Elnökségi ülés"
    assert audit_names(db.web, tenant, started.meeting_id)[-1] == "meetings:meeting:renamed"
    with pytest.raises(TitleInvalid):
        meetings.rename(anna, started.meeting_id, " ")


@pytest.mark.parametrize(
    ("job", "state"),
    [
        (JobState.QUEUED, MeetingState.WAITING),
        (JobState.RUNNING, MeetingState.PROCESSING),
        (JobState.DONE, MeetingState.READY),
        (JobState.FAILED, MeetingState.FAILED),
        (JobState.CANCELLING, MeetingState.CANCELLED),
        (JobState.CANCELLED, MeetingState.CANCELLED),
    ],
)
def test_a_meeting_is_as_far_as_its_job(
    meetings: MeetingService, anna: Actor, db: TestDatabase, job: JobState, state: MeetingState
) -> None:
    """The state is the job's own; there is no second one that could disagree."""
    started = a_meeting(meetings, anna)
    with db.owner.transaction(None) as tx:
        tx.execute(
            text("UPDATE job SET state = :state, failure_code = 'test.failed', failure_message = 'It failed.'"),
            {"state": job.value},
        )
    assert meetings.get(anna, started.meeting_id).state is state
    assert meetings.page(anna).meetings[0].state is state


def test_deleting_destroys_everything(
    meetings: MeetingService,
    anna: Actor,
    db: TestDatabase,
    tenant: TenantId,
    keyring: KeyRing,
    documents: DocumentStore,
    blob_folder: Path,
) -> None:
    """Key, file, documents, index and messages are gone, the job is cancelled, the trail keeps the fact."""
    started = a_meeting(meetings, anna)
    with db.worker.transaction(tenant) as tx:
        documents.put(tx, started.meeting_id, "transcript", b"{}")
        meetings._outbox.post(
            tx, MessageKind.MEETING_READY, recipient_id=None, meeting_id=started.meeting_id, job_id=started.job_id
        )
    meetings.delete(anna, started.meeting_id)
    with pytest.raises(MeetingNotFound):
        meetings.get(anna, started.meeting_id)
    with db.worker.reading(tenant) as tx:
        with pytest.raises(KeyDestroyed):
            keyring.meeting_key(tx, started.meeting_id)
        assert outbox.of_meeting(tx, started.meeting_id) == []
        for table in ("meeting", "recording", "upload", "sealed_document", "blob_removal"):
            assert tx.execute(text(f"SELECT count(*) FROM {table}")).scalar() == 0
    assert [path for path in blob_folder.rglob("*") if path.is_file()] == []
    assert meetings._jobs.show(actor=anna, job_id=started.job_id).state in {JobState.CANCELLED, JobState.CANCELLING}
    assert audit_names(db.web, tenant, started.meeting_id)[-1] == "meetings:meeting:deleted"


def test_deleting_twice_changes_nothing(
    meetings: MeetingService, anna: Actor, db: TestDatabase, tenant: TenantId
) -> None:
    """A client that lost the answer asks again, and is told the same; the trail has one event."""
    started = a_meeting(meetings, anna)
    meetings.delete(anna, started.meeting_id)
    meetings.delete(anna, started.meeting_id)
    assert audit_names(db.web, tenant, started.meeting_id).count("meetings:meeting:deleted") == 1
    with pytest.raises(MeetingNotFound):
        meetings.delete(anna, MeetingId(new_uuid()))


def test_a_crash_after_the_deletion_leaves_the_file_to_the_sweeper(
    meetings: MeetingService,
    scheduler: MeetingService,
    anna: Actor,
    clock: FixedClock,
    blob_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The bytes mean nothing without their key, and their room is given back a minute later."""
    started = a_meeting(meetings, anna)
    with monkeypatch.context() as patch:
        patch.setattr(meetings._removals, "sweep_one", lambda *_: None)
        meetings.delete(anna, started.meeting_id)
    assert scheduler.sweep_blobs() == 0
    clock.advance(timedelta(minutes=2))
    assert scheduler.sweep_blobs() == 1
    assert scheduler.sweep_blobs() == 0
    assert [path for path in blob_folder.rglob("*") if path.is_file()] == []


def test_listening_is_recorded_once_in_a_while(
    meetings: MeetingService, anna: Actor, clock: FixedClock, db: TestDatabase, tenant: TenantId
) -> None:
    """Hundreds of ranges are one event; an hour later, or by somebody else, it is another."""
    started = a_meeting(meetings, anna)
    reader = a_user(tenant, extra=[Permission.MEETING_READ_ALL])

    def listen(actor: Actor) -> int:
        for start in range(0, 150_000, 50_000):
            with meetings.open_audio(actor, started.meeting_id) as audio:
                audio.seek(start)
                assert audio.read(10) == recording_bytes()[start : start + 10]
        return audit_names(db.web, tenant, started.meeting_id).count("meetings:recording:opened")

    assert listen(anna) == 1
    assert listen(reader) == 2
    clock.advance(ACCESS_WINDOW)
    assert listen(anna) == 3


def test_a_lost_file_is_said_to_be_lost(meetings: MeetingService, anna: Actor, blob_folder: Path) -> None:
    """It is damage, not silence."""
    started = a_meeting(meetings, anna)
    for path in (blob_folder / "stored").rglob("*"):
        if path.is_file():
            path.unlink()
    with pytest.raises(BlobMissing):
        meetings.open_audio(anna, started.meeting_id)


def test_documents_are_kept_in_revisions(
    meetings: MeetingService, anna: Actor, db: TestDatabase, tenant: TenantId, documents: DocumentStore
) -> None:
    """Each writing is a new revision, the newest is read, and names tell what there is."""
    started = a_meeting(meetings, anna)
    with db.worker.transaction(tenant) as tx:
        assert documents.get(tx, started.meeting_id, "transcript") is None
        assert documents.put(tx, started.meeting_id, "transcript", b"first") == 1
        assert documents.put(tx, started.meeting_id, "transcript", b"second") == 2
        documents.put(tx, started.meeting_id, "minutes", b"")
        assert documents.get(tx, started.meeting_id, "transcript") == b"second"
        assert documents.revision(tx, started.meeting_id, "transcript") == 2
    assert meetings.get(anna, started.meeting_id).documents == ("minutes", "transcript")
    with db.worker.transaction(tenant) as tx:
        documents.delete(tx, started.meeting_id, "transcript", "minutes", "never-there")
        assert documents.names(tx, started.meeting_id) == ()


def test_a_document_put_in_the_place_of_another_does_not_open(
    meetings: MeetingService, anna: Actor, db: TestDatabase, tenant: TenantId, documents: DocumentStore
) -> None:
    """Neither under another name, nor as an older revision: whoever writes to the database can't rewrite history."""
    started = a_meeting(meetings, anna)
    with db.worker.transaction(tenant) as tx:
        documents.put(tx, started.meeting_id, "transcript", b"what was said")
        documents.put(tx, started.meeting_id, "minutes", b"what was decided")
    with db.owner.transaction(None) as tx:
        tx.execute(text("UPDATE sealed_document d SET sealed = o.sealed FROM sealed_document o WHERE d.name > o.name"))
    with db.worker.reading(tenant) as tx, pytest.raises(SealBroken):
        documents.get(tx, started.meeting_id, "transcript")
    with db.owner.transaction(None) as tx:
        tx.execute(text("UPDATE sealed_document SET revision = revision + 1"))
    with db.worker.reading(tenant) as tx, pytest.raises(SealBroken):
        documents.get(tx, started.meeting_id, "minutes")


def test_one_organisation_never_sees_another(meetings: MeetingService, anna: Actor, found_tenant: object) -> None:
    """Not even with every permission there is."""
    a_meeting(meetings, anna)
    stranger = a_user(found_tenant("Másik Kft."), extra=[Permission.MEETING_READ_ALL])  # type: ignore[operator]
    assert titles(meetings, stranger) == []
