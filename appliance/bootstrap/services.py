"""What doors ask of the house, wired over an open database."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

from appliance.adapters.blobs import LocalBlobs
from appliance.adapters.huey_doorbell import HueyDoorbell
from appliance.adapters.job_listener import JobListener
from appliance.adapters.node_client import RemoteBlobs
from appliance.adapters.postgres import open_server
from appliance.adapters.read_through import ReadThroughBlobs
from appliance.adapters.root_key import FileKeyProvider
from appliance.audit.service import AuditTrail
from appliance.backups.outstanding import Outstanding
from appliance.bootstrap.main_box import open_main_box
from appliance.database.engine import Database
from appliance.database.errors import NotInitialised
from appliance.database.ports import DatabaseServer
from appliance.database.roles import DatabaseRole
from appliance.identity.accounts import AccountService
from appliance.identity.passwords import Passwords
from appliance.identity.service import IdentityService
from appliance.jobs.model import Saga, StepShape
from appliance.jobs.service import JobService
from appliance.kernel.clock import Clock, SystemClock
from appliance.kernel.ids import TenantId
from appliance.keyring.service import KeyRing
from appliance.licence.service import LICENCE_FILE, LicenceService
from appliance.meetings.documents import DocumentStore
from appliance.meetings.ports import BlobStore
from appliance.meetings.service import MeetingService
from appliance.meetings.steps import ValidateStep
from appliance.migrations.readiness import require_ready
from appliance.minutes.service import MinutesService
from appliance.minutes.steps import MinutesStep
from appliance.models.location import models_folder
from appliance.models.service import ModelRegistry
from appliance.nodes.keys import LeasedKeyRing
from appliance.notifications.service import Outbox
from appliance.notifications.steps import NotifyStep
from appliance.releases.trust import TRUST_PATH
from appliance.search.index import SegmentIndex
from appliance.search.service import SearchService
from appliance.search.steps import IndexStep
from appliance.settings import Settings
from appliance.speakers.documents import TurnStore
from appliance.speakers.steps import SpeakersStep
from appliance.tenants.queries import first_tenant
from appliance.transcripts.documents import TranscriptStore
from appliance.transcripts.editor import TranscriptEditing
from appliance.transcripts.service import TranscriptService
from appliance.transcripts.steps import MergeStep, TranscribeStep

RECORDING = "recording"
"""The kind of job that takes a recording to its minutes."""

_STEP_CLASSES = (ValidateStep, TranscribeStep, SpeakersStep, MergeStep, MinutesStep, IndexStep, NotifyStep)

# Name, queue and needs are class attributes of every step, so the classes themselves have the shape.
RECORDING_SHAPE = Saga(RECORDING, cast("tuple[StepShape, ...]", _STEP_CLASSES))
"""What a door needs to start such a job: the steps' names, queues and needs, without their engines."""


@dataclass(frozen=True)
class Services:
    """Everything that a door may ask of the house."""

    settings: Settings
    clock: Clock
    server: DatabaseServer
    database: Database
    audit: AuditTrail
    keyring: KeyRing
    blobs: BlobStore
    documents: DocumentStore
    outbox: Outbox
    identity: IdentityService
    accounts: AccountService
    models: ModelRegistry
    jobs: JobService
    job_listener: JobListener
    meetings: MeetingService
    transcripts: TranscriptService
    transcript_editing: TranscriptEditing
    minutes: MinutesService
    search: SearchService
    licence: LicenceService
    home_tenant: TenantId
    """The tenant that was set up first; operators on the machine act in it."""


@contextmanager
def open_services(settings: Settings, role: DatabaseRole) -> Iterator[Services]:
    """Everything, wired, while the database runs; closed at the end of the block.

    Raises:
        NotInitialised, DatabaseUnavailable: there is no database, or it does not answer.
        SchemaBehind, SchemaUnknown: the database was written by another release.
        NoTenant: the appliance was never set up.
    """
    server = open_server(settings)
    if not server.exists():
        raise NotInitialised
    with server.running():
        database = Database(server.url(role), pool_size=settings.database.pool_size)
        services = None
        try:
            require_ready(database)
            services = wire(settings, clock=SystemClock(), server=server, database=database)
            yield services
        finally:
            if services is not None:
                services.job_listener.close()
            database.dispose()


def wire(settings: Settings, *, clock: Clock, server: DatabaseServer, database: Database) -> Services:
    """The services over an open database."""
    with database.reading(None) as tx:
        home_tenant = first_tenant(tx)
    main_box = open_main_box(settings)
    if main_box is None:
        keyring = KeyRing(FileKeyProvider(settings.root_key_path), clock)
        blobs: BlobStore = own_blobs(settings)
    else:
        keyring, blobs = LeasedKeyRing(main_box, clock), RemoteBlobs(main_box)
    return compose(
        settings,
        clock=clock,
        server=server,
        database=database,
        keyring=keyring,
        home_tenant=home_tenant,
        blobs=blobs,
    )


def own_blobs(settings: Settings) -> BlobStore:
    """Recordings on this machine, and those that a restore still owes it."""
    return ReadThroughBlobs(LocalBlobs(settings.blobs_path), Outstanding(settings.blobs_path))


def compose(
    settings: Settings,
    *,
    clock: Clock,
    server: DatabaseServer,
    database: Database,
    keyring: KeyRing,
    home_tenant: TenantId,
    passwords: Passwords | None = None,
    blobs: BlobStore | None = None,
) -> Services:
    """The services over what they stand on; asks the database nothing yet.

    Args:
        passwords: how passwords are hashed, where that is to be quicker than people's deserve.
        blobs: where recordings are; unset, on this machine.
    """
    audit = AuditTrail(clock)
    blobs = blobs or own_blobs(settings)
    documents = DocumentStore(keyring, clock)
    outbox = Outbox(clock)
    jobs = JobService(database, sagas={RECORDING: RECORDING_SHAPE}, doorbell=HueyDoorbell(), audit=audit)
    licence = LicenceService(
        LICENCE_FILE,
        trust_folder=TRUST_PATH,
        mark_file=settings.data_dir / "state" / "licence-seen.json",
        clock=clock,
    )
    meetings = MeetingService(
        database=database,
        clock=clock,
        audit=audit,
        keyring=keyring,
        jobs=jobs,
        blobs=blobs,
        documents=documents,
        outbox=outbox,
        settings=settings.upload,
        admit=licence.require_new_recordings,
    )
    transcripts = TranscriptService(
        database=database,
        audit=audit,
        meetings=meetings,
        transcripts=TranscriptStore(documents),
        turns=TurnStore(documents),
        watchers=(SegmentIndex(keyring),),
        clock=clock,
    )
    return Services(
        settings=settings,
        clock=clock,
        server=server,
        database=database,
        audit=audit,
        keyring=keyring,
        blobs=blobs,
        documents=documents,
        outbox=outbox,
        identity=IdentityService(
            database,
            audit,
            clock,
            session_idle_s=settings.web.session_idle_s,
            session_absolute_s=settings.web.session_absolute_s,
            passwords=passwords,
        ),
        accounts=AccountService(database, audit, clock),
        models=ModelRegistry(models_folder(settings), clock=clock),
        jobs=jobs,
        job_listener=JobListener(database),
        meetings=meetings,
        transcripts=transcripts,
        transcript_editing=TranscriptEditing(
            database=database,
            clock=clock,
            audit=audit,
            meetings=meetings,
            transcripts=TranscriptStore(documents),
            turns=TurnStore(documents),
            watchers=(SegmentIndex(keyring),),
        ),
        minutes=MinutesService(
            database=database, audit=audit, meetings=meetings, documents=documents, transcripts=transcripts
        ),
        search=SearchService(
            database=database, audit=audit, keyring=keyring, meetings=meetings, transcripts=transcripts
        ),
        licence=licence,
        home_tenant=home_tenant,
    )
