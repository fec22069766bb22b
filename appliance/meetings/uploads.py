"""How a recording comes in: declared, admitted, sent in slices that resume anywhere, verified, and made a meeting."""

import hashlib
import hmac
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import col, select

from appliance.audit.model import AuditName
from appliance.audit.service import AuditTrail
from appliance.database.engine import Database, Tx
from appliance.identity.permissions import Permission, require
from appliance.jobs.service import JobService
from appliance.kernel.actor import Actor, ActorKind
from appliance.kernel.clock import Clock
from appliance.kernel.ids import JobId, MeetingId, TenantId, UploadId, new_uuid
from appliance.keyring.documents import seal, unseal
from appliance.keyring.model import Dek
from appliance.keyring.service import KeyRing
from appliance.keyring.stream import CHUNK_BYTES
from appliance.meetings import queries
from appliance.meetings.admission import DISK_RESERVE_BYTES, check_declaration, check_open_uploads, reserve_room
from appliance.meetings.documents import DocumentStore
from appliance.meetings.errors import (
    BlobBusy,
    BlobStored,
    OffsetMismatch,
    SliceInvalid,
    UploadBusy,
    UploadDamaged,
    UploadFinished,
    UploadIncomplete,
    UploadNotFound,
)
from appliance.meetings.intake import Intake
from appliance.meetings.model import (
    FINISHED_UPLOAD_KEPT,
    UPLOAD_KEPT,
    UploadLimits,
    UploadView,
    slice_problem,
)
from appliance.meetings.ports import BlobStore
from appliance.meetings.removals import Removals
from appliance.meetings.slices import SliceWriter
from appliance.meetings.tables import MeetingTable, RecordingTable, UploadTable
from appliance.meetings.vocabulary import VOCABULARY, packed
from appliance.settings import UploadSettings

RECORDING_JOB = "recording"
"""The kind of job that a completed upload starts."""

TITLE = "meeting/title"
FILENAME = "recording/filename"
"""What a sealed value is, so that one can't be put in the place of another."""

_EXPIRED_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class StartedMeeting:
    """What a completed upload became."""

    meeting_id: MeetingId
    job_id: JobId


class Uploads:
    """The use cases of uploads; ``MeetingService`` adds those of meetings.

    Slices are no events of the audit trail: an upload is begun, and it ends in one of three ways, each of which is.

    Args:
        admit: raises when no new recording may begin, as after the end of a licence.
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
        settings: UploadSettings,
        reserve_bytes: int = DISK_RESERVE_BYTES,
        admit: Callable[[], object] = lambda: None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._audit = audit
        self._keyring = keyring
        self._jobs = jobs
        self._blobs = blobs
        self._documents = documents
        self._settings = settings
        self._reserve_bytes = reserve_bytes
        self._admit = admit
        self._removals = Removals(database, blobs, clock)

    def limits(self) -> UploadLimits:
        """What a client must know before it sends the first byte."""
        return UploadLimits(
            max_bytes=self._settings.max_bytes,
            slice_bytes=self._settings.slice_bytes,
            chunk_bytes=CHUNK_BYTES,
            max_duration_s=self._settings.max_duration_s,
            free_bytes=max(0, self._blobs.free_bytes() - self._reserve_bytes),
        )

    def start_upload(
        self,
        actor: Actor,
        *,
        filename: str,
        size_bytes: int,
        title: str | None = None,
        language: str | None = None,
        speakers: int | None = None,
        words: Sequence[str] = (),
    ) -> UploadView:
        """Admit a recording of ``size_bytes``, and promise it room.

        Args:
            title: of the meeting; the file's name when there is none.
            language: of what is said, as ``hu`` or ``en``; None has it recognised.
            speakers: how many people speak, when it is known.
            words: names and terms to expect.

        Raises:
            LicenceEnded, EmptyFile, UploadTooLarge, UploadInvalid, TitleInvalid, VocabularyTooLong, StorageFull,
                TooManyUploads: all before a byte was sent.
        """
        require(actor, Permission.MEETING_CREATE)
        self._admit()
        declared = check_declaration(
            filename=filename,
            size_bytes=size_bytes,
            title=title,
            language=language,
            speakers=speakers,
            words=words,
            max_bytes=self._settings.max_bytes,
        )
        now = self._clock.now()
        upload_id, meeting_id = UploadId(new_uuid()), MeetingId(new_uuid())
        with self._database.transaction(actor.tenant_id) as tx:
            reserve_room(tx, size_bytes, free_bytes=self._blobs.free_bytes(), reserve_bytes=self._reserve_bytes)
            check_open_uploads(tx, actor.user_id, limit=self._settings.max_open, now=now)
            dek = self._keyring.create_meeting_key(tx, actor.tenant_id, meeting_id)
            upload = UploadTable(
                id=upload_id,
                tenant_id=actor.tenant_id,
                owner_id=actor.user_id,
                meeting_id=meeting_id,
                blob=new_uuid().hex,
                filename_sealed=seal(dek, declared.filename.encode(), purpose=FILENAME),
                title_sealed=seal(dek, declared.title.encode(), purpose=TITLE),
                vocabulary_sealed=_sealed_words(dek, declared.vocabulary),
                language=language,
                speakers=speakers,
                size_bytes=size_bytes,
                created_at=now,
                expires_at=now + UPLOAD_KEPT,
            )
            tx.add(upload)
            self._record(tx, AuditName.UPLOAD_STARTED, actor, upload, size_bytes=size_bytes)
            return _view(upload, declared.filename)

    def upload(self, actor: Actor, upload_id: UploadId) -> UploadView:
        """Where an upload stands.

        Raises:
            UploadNotFound: there is none, or it is somebody else's.
        """
        require(actor, Permission.MEETING_CREATE)
        with self._database.reading(actor.tenant_id) as tx:
            upload = self._find(tx, actor, upload_id)
            dek = self._keyring.meeting_key(tx, MeetingId(upload.meeting_id))
            return _opened(upload, dek)

    def open_uploads(self, actor: Actor) -> tuple[UploadView, ...]:
        """One's own uploads that are not complete, oldest first: to go on with them or to give them up."""
        require(actor, Permission.MEETING_CREATE)
        question = (
            select(UploadTable)
            .where(UploadTable.owner_id == actor.user_id, col(UploadTable.job_id).is_(None))
            .order_by(col(UploadTable.created_at), col(UploadTable.id))
        )
        with self._database.reading(actor.tenant_id) as tx:
            found = tx.exec(question).all()
            keys = self._keyring.meeting_keys(tx, [MeetingId(upload.meeting_id) for upload in found])
        return tuple(_opened(upload, keys[MeetingId(upload.meeting_id)]) for upload in found)

    def append(
        self,
        actor: Actor,
        upload_id: UploadId,
        *,
        offset: int,
        length: int | None = None,
        sha256: bytes | None = None,
    ) -> SliceWriter:
        """Begin a slice at ``offset``; feed it to the writer that comes back, then ``finish`` it.

        Args:
            length: of the slice where it is known beforehand: an impossible one is refused before its first byte.
            sha256: of the slice, as its sender counted it.

        Raises:
            OffsetMismatch: the upload stands elsewhere; the error's ``offset`` says where.
            UploadBusy: somebody else is sending to it at this moment.
            UploadFinished, UploadNotFound, SliceInvalid.
        """
        require(actor, Permission.MEETING_CREATE)
        with self._database.reading(actor.tenant_id) as tx:
            upload = self._find(tx, actor, upload_id)
            dek = self._keyring.meeting_key(tx, MeetingId(upload.meeting_id))
        _refuse_finished(upload)
        with ExitStack() as held:
            intake = self._open_intake(held, upload, dek)
            if offset != intake.offset:
                self._settle(actor.tenant_id, upload_id, intake.offset)
                raise OffsetMismatch(given=offset, offset=intake.offset)
            self._check_slice(offset, length, upload.size_bytes)
            return SliceWriter(
                intake,
                size_bytes=upload.size_bytes,
                slice_bytes=self._settings.slice_bytes,
                announced=sha256,
                settle=lambda settled: self._settle(actor.tenant_id, upload_id, settled),
                release=held.pop_all().close,
            )

    def complete(self, actor: Actor, upload_id: UploadId, *, sha256: bytes | None = None) -> StartedMeeting:
        """Make a meeting of an upload, and start its job in the same transaction.

        The stored file is read back and decrypted whole, so that a damaged disk is found now and not when somebody
        listens. Asking again gives the same answer: a client may have lost the first one.

        Args:
            sha256: of the whole file, as its sender counted it.

        Raises:
            UploadIncomplete: bytes are missing.
            UploadDamaged: the file is not what was announced, or its ciphertext was changed on the disk.
        """
        require(actor, Permission.MEETING_CREATE)
        with self._database.reading(actor.tenant_id) as tx:
            upload = self._find(tx, actor, upload_id)
            dek = self._keyring.meeting_key(tx, MeetingId(upload.meeting_id))
        if upload.job_id is None and not self._blobs.is_stored(upload.blob):
            self._verify_and_store(upload, dek, sha256)
        with self._database.transaction(actor.tenant_id) as tx:
            locked = self._find(tx, actor, upload_id, lock=True)
            if locked.job_id is None:
                locked.job_id = self._become_meeting(tx, actor, locked)
            return StartedMeeting(MeetingId(locked.meeting_id), JobId(locked.job_id))

    def abandon(self, actor: Actor, upload_id: UploadId) -> None:
        """Give an upload up: its key is destroyed and its bytes are removed.

        Raises:
            UploadFinished: it has become a meeting; delete that.
        """
        require(actor, Permission.MEETING_CREATE)
        with self._database.transaction(actor.tenant_id) as tx:
            upload = self._find(tx, actor, upload_id, lock=True)
            _refuse_finished(upload)
            self._forget(tx, actor, upload, AuditName.UPLOAD_ABANDONED)
        self._removals.sweep_one(upload.blob, actor.tenant_id)

    def expire_uploads(self) -> int:
        """Give up all uploads that nothing arrived for in a long time, of every tenant; how many those were.

        For the scheduler, whose role sees uploads of all tenants. Finished ones are merely forgotten.
        """
        with self._database.reading(None) as tx:
            expired = queries.expired_uploads(tx, now=self._clock.now(), most=_EXPIRED_AT_ONCE)
        for upload_id, tenant_id in expired:
            self._expire(upload_id, tenant_id)
        return len(expired)

    def sweep_blobs(self) -> int:
        """Remove what deletions left on the disk because a process died in between; for the scheduler."""
        return self._removals.sweep()

    def _expire(self, upload_id: UploadId, tenant_id: TenantId) -> None:
        actor = Actor(ActorKind.SYSTEM, tenant_id, "scheduler")
        with self._database.transaction(tenant_id) as tx:
            upload = tx.get(UploadTable, upload_id, with_for_update=True)
            if upload is None or upload.expires_at >= self._clock.now():
                return
            if upload.job_id is not None:
                tx.delete(upload)
                return
            self._forget(tx, actor, upload, AuditName.UPLOAD_EXPIRED)
        self._removals.sweep_one(upload.blob, tenant_id)

    def _forget(self, tx: Tx, actor: Actor, upload: UploadTable, event: AuditName) -> None:
        self._keyring.destroy_meeting_key(tx, MeetingId(upload.meeting_id))
        self._removals.queue(tx, upload.blob)
        tx.delete(upload)
        self._record(tx, event, actor, upload, offset_bytes=upload.offset_bytes)

    def _find(self, tx: Tx, actor: Actor, upload_id: UploadId, *, lock: bool = False) -> UploadTable:
        question = select(UploadTable).where(UploadTable.id == upload_id)
        if actor.kind is not ActorKind.OPERATOR:
            question = question.where(UploadTable.owner_id == actor.user_id)
        upload = tx.exec(question.with_for_update() if lock else question).one_or_none()
        if upload is None:
            raise UploadNotFound(upload_id=upload_id)
        return upload

    def _open_intake(self, held: ExitStack, upload: UploadTable, dek: Dek) -> Intake:
        try:
            blob = held.enter_context(self._blobs.incoming(upload.blob))
        except BlobBusy as busy:
            raise UploadBusy(upload_id=upload.id, offset=upload.offset_bytes) from busy
        except BlobStored as stored:
            raise UploadFinished(upload_id=upload.id, meeting_id=upload.meeting_id) from stored
        intake = Intake(blob, dek, size_bytes=upload.size_bytes)
        intake.open(trusted_bytes=upload.offset_bytes)
        return intake

    def _check_slice(self, offset: int, length: int | None, size_bytes: int) -> None:
        if length is None:
            return
        limit = self._settings.slice_bytes
        if problem := slice_problem(offset=offset, length=length, size_bytes=size_bytes, slice_bytes=limit):
            raise SliceInvalid(reason=problem, chunk_bytes=CHUNK_BYTES, slice_bytes=limit)

    def _settle(self, tenant_id: TenantId, upload_id: UploadId, offset: int) -> None:
        """Store how much is durable; an upload that was given up meanwhile stays given up."""
        with self._database.transaction(tenant_id) as tx:
            upload = tx.get(UploadTable, upload_id, with_for_update=True)
            if upload is not None and upload.job_id is None:
                upload.offset_bytes = offset
                upload.expires_at = self._clock.now() + UPLOAD_KEPT

    def _verify_and_store(self, upload: UploadTable, dek: Dek, sha256: bytes | None) -> None:
        with ExitStack() as held:
            intake = self._open_intake(held, upload, dek)
            if intake.offset < upload.size_bytes:
                raise UploadIncomplete(offset=intake.offset, size=upload.size_bytes)
            digest = hashlib.sha256()
            intake.verify(digest)
            if sha256 is not None and not hmac.compare_digest(digest.digest(), sha256):
                raise UploadDamaged(reason="its SHA-256 is not the one announced")
            intake.store()

    def _become_meeting(self, tx: Tx, actor: Actor, upload: UploadTable) -> UUID:
        now = self._clock.now()
        meeting_id = MeetingId(upload.meeting_id)
        meeting = MeetingTable(
            id=meeting_id,
            tenant_id=upload.tenant_id,
            owner_id=upload.owner_id,
            title_sealed=upload.title_sealed,
            language=upload.language,
            speakers=upload.speakers,
            created_at=now,
        )
        tx.add(meeting)
        tx.flush()
        tx.add(
            RecordingTable(
                meeting_id=meeting_id,
                tenant_id=upload.tenant_id,
                blob=upload.blob,
                filename_sealed=upload.filename_sealed,
                size_bytes=upload.size_bytes,
            )
        )
        if upload.vocabulary_sealed is not None:
            dek = self._keyring.meeting_key(tx, meeting_id)
            words = unseal(dek, upload.vocabulary_sealed, purpose=VOCABULARY)
            self._documents.put(tx, meeting_id, VOCABULARY, words)
        options = {"language": upload.language, "speakers": upload.speakers}
        job_id = self._jobs.start(tx, actor=actor, kind=RECORDING_JOB, meeting_id=meeting_id, options=options)
        meeting.job_id = job_id
        upload.offset_bytes = upload.size_bytes
        upload.expires_at = now + FINISHED_UPLOAD_KEPT
        self._record(tx, AuditName.UPLOAD_COMPLETED, actor, upload, job_id=str(job_id))
        return job_id

    def _record(self, tx: Tx, event: AuditName, actor: Actor, upload: UploadTable, **detail: str | int | None) -> None:
        detail["upload_id"] = str(upload.id)
        self._audit.record(tx, event, actor=actor, subject_type="meeting", subject_id=upload.meeting_id, detail=detail)


def _sealed_words(dek: Dek, words: tuple[str, ...]) -> bytes | None:
    return seal(dek, packed(words), purpose=VOCABULARY) if words else None


def _refuse_finished(upload: UploadTable) -> None:
    if upload.job_id is not None:
        raise UploadFinished(upload_id=upload.id, meeting_id=upload.meeting_id)


def _opened(upload: UploadTable, dek: Dek) -> UploadView:
    return _view(upload, unseal(dek, upload.filename_sealed, purpose=FILENAME).decode())


def _view(upload: UploadTable, filename: str) -> UploadView:
    return UploadView(
        id=UploadId(upload.id),
        meeting_id=MeetingId(upload.meeting_id),
        filename=filename,
        size_bytes=upload.size_bytes,
        offset=upload.offset_bytes,
        expires_at=upload.expires_at,
        job_id=None if upload.job_id is None else JobId(upload.job_id),
    )
