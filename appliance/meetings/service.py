"""What people do with meetings: find, rename, delete, listen; and, by ``Uploads``, send recordings in."""

from collections.abc import Callable

from sqlmodel import col, delete, select

from appliance.audit.model import AuditName
from appliance.audit.service import AuditTrail
from appliance.database.engine import Database, Tx
from appliance.identity.permissions import Permission, require
from appliance.jobs.service import JobService
from appliance.kernel.actor import Actor, ActorKind
from appliance.kernel.clock import Clock
from appliance.kernel.ids import JobId, MeetingId
from appliance.keyring.documents import seal, unseal
from appliance.keyring.errors import KeyDestroyed, KeyMissing
from appliance.keyring.model import Dek
from appliance.keyring.service import KeyRing
from appliance.keyring.stream import EncryptedReader
from appliance.meetings import activity, queries
from appliance.meetings.access import AccessWindow, reader_of
from appliance.meetings.activity import ActivityPage, Happening, SealedHappening
from appliance.meetings.admission import DISK_RESERVE_BYTES
from appliance.meetings.documents import DocumentStore, document_names
from appliance.meetings.errors import MeetingNotFound
from appliance.meetings.model import MeetingPage, MeetingRow, MeetingView, RecordingView, checked_title
from appliance.meetings.peaks import PEAKS_DOCUMENT
from appliance.meetings.ports import BlobStore
from appliance.meetings.queries import SealedMeeting
from appliance.meetings.recordings import RecordingFiles
from appliance.meetings.tables import MeetingTable, RecordingTable, UploadTable
from appliance.meetings.uploads import FILENAME, TITLE, Uploads
from appliance.notifications.service import Outbox
from appliance.settings import UploadSettings

MAX_PAGE = 200


class MeetingService(Uploads):
    """The use cases of meetings.

    Everybody sees their own meetings; with ``meeting:read_all`` those of the whole tenant. Changing and deleting are
    the owner's, and the operator's on the machine.
    """

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        audit: AuditTrail,
        keyring: KeyRing,
        jobs: JobService,
        blobs: BlobStore,
        documents: DocumentStore,
        outbox: Outbox,
        settings: UploadSettings,
        reserve_bytes: int = DISK_RESERVE_BYTES,
        admit: Callable[[], object] = lambda: None,
    ) -> None:
        super().__init__(
            database=database,
            clock=clock,
            audit=audit,
            keyring=keyring,
            jobs=jobs,
            blobs=blobs,
            documents=documents,
            settings=settings,
            reserve_bytes=reserve_bytes,
            admit=admit,
        )
        self._outbox = outbox
        self._files = RecordingFiles(blobs, keyring)
        self._listened = AccessWindow()

    def page(self, actor: Actor, *, cursor: str | None = None, limit: int = 50) -> MeetingPage:
        """A page of the meetings that ``actor`` may see, newest first; every page costs the same.

        Args:
            cursor: ``next_cursor`` of the page before.
            limit: 1 to 200; more is taken as 200.

        Raises:
            BadCursor: ``cursor`` is none of ours.
        """
        require(actor, Permission.MEETING_READ)
        most = max(1, min(limit, MAX_PAGE))
        after = queries.decode_cursor(cursor) if cursor else None
        question = queries.page(actor.tenant_id, reader=reader_of(actor), after=after, most=most + 1)
        (rows,) = self._database.ask(actor.tenant_id, question)
        found = [queries.keyed(row) for row in rows[:most]]
        keys = self._keyring.opened(self._database, [key for _, key in found])
        shown = tuple(_row(meeting, keys[meeting.id]) for meeting, _ in found if meeting.id in keys)
        return MeetingPage(shown, queries.encode_cursor(found[-1][0]) if len(rows) > most else None)

    def activity(self, actor: Actor, *, before: int | None = None, limit: int = 50) -> ActivityPage:
        """What happened in the meetings that ``actor`` may see, newest first, without their own reading.

        Args:
            before: ``next_before`` of the page before.
            limit: 1 to 200; more is taken as 200.
        """
        require(actor, Permission.MEETING_READ)
        most = max(1, min(limit, MAX_PAGE))
        question = activity.latest(
            actor.tenant_id, reader=reader_of(actor), asker=actor.user_id, before=before, most=most + 1
        )
        (rows,) = self._database.ask(actor.tenant_id, question)
        found = [activity.sealed_happening(row) for row in rows[:most]]
        keys = self._keyring.opened(self._database, {one.key.meeting_id: one.key for one in found}.values())
        told = tuple(_happening(one, keys[one.key.meeting_id]) for one in found if one.key.meeting_id in keys)
        return ActivityPage(told, found[-1].number if len(rows) > most else None)

    def get(self, actor: Actor, meeting_id: MeetingId) -> MeetingView:
        """One meeting, with what is known of its recording and which documents there are.

        Raises:
            MeetingNotFound: there is none, or ``actor`` may not know of it.
        """
        require(actor, Permission.MEETING_READ)
        rows, documents = self._database.ask(
            actor.tenant_id, queries.one(meeting_id, reader=reader_of(actor)), document_names(meeting_id)
        )
        if not rows:
            raise MeetingNotFound(meeting_id=meeting_id)
        sealed, key = queries.keyed(rows[0])
        keys = self._keyring.opened(self._database, [key])
        if meeting_id not in keys:
            raise KeyDestroyed(meeting_id=meeting_id)
        return _view_of(sealed, keys[meeting_id], tuple(name for (name,) in documents))

    def check_readable(self, tx: Tx, actor: Actor, meeting_id: MeetingId) -> None:
        """Let a room that keeps documents of meetings go on only for somebody who may read this one.

        Raises:
            MeetingNotFound: there is none, or ``actor`` may not know of it.
        """
        require(actor, Permission.MEETING_READ)
        self._readable(tx, actor, meeting_id)

    def check_editable(self, tx: Tx, actor: Actor, meeting_id: MeetingId) -> None:
        """As ``check_readable``, for changes: those are the owner's, and the operator's on the machine.

        Raises:
            MeetingNotFound: there is no such meeting of ``actor``'s own.
        """
        require(actor, Permission.MEETING_EDIT)
        self._own(tx, actor, meeting_id)

    def title(self, tx: Tx, actor: Actor, meeting_id: MeetingId) -> str:
        """The title alone, for rooms that show something of a meeting.

        Raises:
            MeetingNotFound: there is none, or ``actor`` may not know of it.
        """
        require(actor, Permission.MEETING_READ)
        return _title(*self._readable(tx, actor, meeting_id))

    def rename(self, actor: Actor, meeting_id: MeetingId, title: str) -> MeetingView:
        """Give a meeting another title.

        Raises:
            TitleInvalid: it is empty or too long.
            MeetingNotFound: there is no such meeting of ``actor``'s own.
        """
        require(actor, Permission.MEETING_EDIT)
        wanted = checked_title(title)
        with self._database.transaction(actor.tenant_id) as tx:
            meeting = self._own(tx, actor, meeting_id)
            dek = self._keyring.meeting_key(tx, meeting_id)
            meeting.title_sealed = seal(dek, wanted.encode(), purpose=TITLE)
            tx.flush()
            self._record_about(tx, AuditName.MEETING_RENAMED, actor, meeting_id)
            sealed, dek = self._readable(tx, actor, meeting_id)
            return _view_of(sealed, dek, self._documents.names(tx, meeting_id))

    def delete(self, actor: Actor, meeting_id: MeetingId) -> None:
        """Destroy a meeting: its key first of all, so that recording, documents and backups of both are unreadable.

        A job under way is cancelled. Deleting what was deleted before changes nothing.

        Raises:
            MeetingNotFound: there never was such a meeting, or it is not ``actor``'s own.
        """
        require(actor, Permission.MEETING_DELETE)
        with self._database.transaction(actor.tenant_id) as tx:
            try:
                meeting = self._own(tx, actor, meeting_id)
            except MeetingNotFound:
                if self._was_deleted(tx, meeting_id):
                    return
                raise
            self._jobs.cancel_meeting(tx, actor=actor, meeting_id=meeting_id)
            self._keyring.destroy_meeting_key(tx, meeting_id)
            blobs = self._delete_rows(tx, meeting)
            self._record_about(tx, AuditName.MEETING_DELETED, actor, meeting_id)
        for blob in blobs:
            self._removals.sweep_one(blob, actor.tenant_id)

    def open_audio(self, actor: Actor, meeting_id: MeetingId) -> EncryptedReader:
        """The recording as it was sent, seekable and decrypted in memory; the caller closes it.

        One event per listener, meeting and quarter of an hour, however many ranges a player asks for.

        Raises:
            MeetingNotFound, NoRecording.
            BlobMissing, StreamTruncated: the file on the disk was lost or cut.
        """
        require(actor, Permission.MEETING_READ)
        now = self._clock.now()
        access = (actor.session_id or actor.name, meeting_id)
        if self._listened.is_open(access, at=now):
            with self._database.reading(actor.tenant_id) as tx:
                self._readable(tx, actor, meeting_id)
                return self._files.open(tx, meeting_id)
        with self._database.transaction(actor.tenant_id) as tx:
            self._readable(tx, actor, meeting_id)
            reader = self._files.open(tx, meeting_id)
            self._record_about(tx, AuditName.RECORDING_OPENED, actor, meeting_id)
        self._listened.enter(access, at=now)
        return reader

    def peaks(self, actor: Actor, meeting_id: MeetingId) -> bytes | None:
        """The waveform, one signed byte per 50 ms; None until the recording was validated."""
        require(actor, Permission.MEETING_READ)
        with self._database.reading(actor.tenant_id) as tx:
            self._readable(tx, actor, meeting_id)
            return self._documents.get(tx, meeting_id, PEAKS_DOCUMENT)

    def _readable(self, tx: Tx, actor: Actor, meeting_id: MeetingId) -> tuple[SealedMeeting, Dek]:
        sealed = queries.meeting(tx, meeting_id, reader=reader_of(actor))
        if sealed is None:
            raise MeetingNotFound(meeting_id=meeting_id)
        return sealed, self._keyring.meeting_key(tx, meeting_id)

    def _own(self, tx: Tx, actor: Actor, meeting_id: MeetingId) -> MeetingTable:
        question = select(MeetingTable).where(MeetingTable.id == meeting_id).with_for_update()
        if actor.kind is not ActorKind.OPERATOR:
            question = question.where(MeetingTable.owner_id == actor.user_id)
        meeting = tx.exec(question).one_or_none()
        if meeting is None:
            raise MeetingNotFound(meeting_id=meeting_id)
        return meeting

    def _was_deleted(self, tx: Tx, meeting_id: MeetingId) -> bool:
        try:
            self._keyring.meeting_key(tx, meeting_id)
        except KeyDestroyed:
            return True
        except KeyMissing:
            return False
        return False

    def _delete_rows(self, tx: Tx, meeting: MeetingTable) -> list[str]:
        """Delete everything but the files, and say which those are; what hangs on the meeting goes with it."""
        blobs = [*tx.exec(select(RecordingTable.blob).where(RecordingTable.meeting_id == meeting.id))]
        for blob in blobs:
            self._removals.queue(tx, blob)
        self._outbox.forget(tx, MeetingId(meeting.id))
        tx.exec(delete(UploadTable).where(col(UploadTable.meeting_id) == meeting.id))
        tx.exec(delete(MeetingTable).where(col(MeetingTable.id) == meeting.id))
        return blobs

    def _record_about(self, tx: Tx, event: AuditName, actor: Actor, meeting_id: MeetingId) -> None:
        self._audit.record(tx, event, actor=actor, subject_type="meeting", subject_id=meeting_id)


def _title(sealed: SealedMeeting, dek: Dek) -> str:
    return unseal(dek, sealed.title_sealed, purpose=TITLE).decode()


def _happening(sealed: SealedHappening, dek: Dek) -> Happening:
    return Happening(
        number=sealed.number,
        at=sealed.at,
        name=AuditName(sealed.name),
        actor_kind=ActorKind(sealed.actor_kind),
        person=sealed.person,
        meeting_id=sealed.key.meeting_id,
        meeting_title=unseal(dek, sealed.title_sealed, purpose=TITLE).decode(),
    )


def _row(sealed: SealedMeeting, dek: Dek) -> MeetingRow:
    return MeetingRow(
        id=sealed.id,
        title=_title(sealed, dek),
        owner_id=sealed.owner_id,
        created_at=sealed.created_at,
        state=sealed.state,
        job_id=None if sealed.job_id is None else JobId(sealed.job_id),
        duration_s=sealed.duration_s,
        size_bytes=sealed.size_bytes,
        language=sealed.language,
    )


def _view_of(sealed: SealedMeeting, dek: Dek, documents: tuple[str, ...]) -> MeetingView:
    return MeetingView(
        id=sealed.id,
        title=_title(sealed, dek),
        owner_id=sealed.owner_id,
        created_at=sealed.created_at,
        state=sealed.state,
        job_id=None if sealed.job_id is None else JobId(sealed.job_id),
        language=sealed.language,
        speakers=sealed.speakers,
        recording=_recording(sealed, dek),
        documents=documents,
    )


def _recording(sealed: SealedMeeting, dek: Dek) -> RecordingView | None:
    if sealed.filename_sealed is None or sealed.size_bytes is None:
        return None
    return RecordingView(
        filename=unseal(dek, sealed.filename_sealed, purpose=FILENAME).decode(),
        size_bytes=sealed.size_bytes,
        duration_s=sealed.duration_s,
        container=sealed.container,
        codec=sealed.codec,
        channels=sealed.channels,
        sample_rate=sealed.sample_rate,
        has_video=sealed.has_video,
    )
