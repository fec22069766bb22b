"""Builders of people, services and meetings for tests."""

import hashlib
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from uuid import UUID

from sqlalchemy import text

from appliance.adapters.blobs import LocalBlobs
from appliance.adapters.huey_doorbell import HueyDoorbell
from appliance.audit.service import AuditTrail
from appliance.database.engine import Database
from appliance.identity.permissions import EVERY_PERMISSION, Role, permissions_of
from appliance.jobs.model import Saga, StepShape
from appliance.jobs.service import JobService
from appliance.kernel.actor import Actor, ActorKind
from appliance.kernel.clock import Clock
from appliance.kernel.ids import SessionId, TenantId, UploadId, UserId, new_uuid
from appliance.keyring.service import KeyRing
from appliance.meetings.documents import DocumentStore
from appliance.meetings.service import MeetingService
from appliance.meetings.uploads import StartedMeeting
from appliance.notifications.service import Outbox
from appliance.settings import UploadSettings
from tests.fakes.steps import recording_saga

RECORDING: Saga[StepShape] = Saga("recording", recording_saga().steps)


def a_user(
    tenant: TenantId, *, role: Role = Role.MEMBER, extra: Iterable[str] = (), user_id: UserId | None = None
) -> Actor:
    """Somebody signed in."""
    user_id = user_id or UserId(new_uuid())
    return Actor(
        ActorKind.USER,
        tenant,
        f"{user_id.hex[-6:]}@example.org",
        user_id=user_id,
        session_id=SessionId(new_uuid()),
        permissions=frozenset(permissions_of(role)) | frozenset(extra),
    )


def an_operator(tenant: TenantId) -> Actor:
    """Somebody with a shell on the machine."""
    return Actor(ActorKind.OPERATOR, tenant, "root", permissions=frozenset(EVERY_PERMISSION))


def a_meeting_service(
    database: Database,
    *,
    clock: Clock,
    audit: AuditTrail,
    keyring: KeyRing,
    folder: Path,
    upload: UploadSettings | None = None,
    reserve_bytes: int = 0,
    saga: Saga[StepShape] = RECORDING,
) -> MeetingService:
    """The real thing over ``database``, with jobs that nobody works on unless a test does."""
    return MeetingService(
        database=database,
        clock=clock,
        audit=audit,
        keyring=keyring,
        jobs=JobService(database, sagas={"recording": saga}, doorbell=HueyDoorbell(), audit=audit),
        blobs=LocalBlobs(folder),
        documents=DocumentStore(keyring, clock),
        outbox=Outbox(clock),
        settings=upload or UploadSettings(),
        reserve_bytes=reserve_bytes,
    )


def recording_bytes(size: int = 200_000, *, seed: int = 1) -> bytes:
    """Something as long as a recording; nobody here listens to it."""
    return random.Random(seed).randbytes(size)


def send(service: MeetingService, actor: Actor, upload_id: UploadId, data: bytes, *, slice_bytes: int = 1 << 20) -> int:
    """Send all of ``data`` that is missing, in slices, and say where the upload stands."""
    offset = service.upload(actor, upload_id).offset
    while offset < len(data):
        piece = data[offset : offset + slice_bytes]
        digest = hashlib.sha256(piece).digest()
        with service.append(actor, upload_id, offset=offset, length=len(piece), sha256=digest) as writer:
            writer.write(piece)
            offset = writer.finish()
    return offset


def a_meeting(
    service: MeetingService,
    actor: Actor,
    *,
    title: str | None = "Vezetői értekezlet",
    filename: str = "felvetel.wav",
    data: bytes | None = None,
    words: Sequence[str] = (),
) -> StartedMeeting:
    """A meeting whose recording was sent."""
    content = recording_bytes() if data is None else data
    upload = service.start_upload(actor, filename=filename, size_bytes=len(content), title=title, words=words)
    send(service, actor, upload.id, content)
    return service.complete(actor, upload.id, sha256=hashlib.sha256(content).digest())


def audit_names(database: Database, tenant: TenantId, subject_id: UUID) -> list[str]:
    """What the trail says about one thing, oldest first."""
    with database.reading(tenant) as tx:
        rows = tx.execute(text("SELECT name FROM audit_event WHERE subject_id = :id ORDER BY seq"), {"id": subject_id})
        return list(rows.scalars())
