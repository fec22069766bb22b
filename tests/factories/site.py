"""The portal of browser tests: the real application over real services, served on the loopback."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from litestar import Litestar

from appliance.adapters.huey_doorbell import HueyDoorbell
from appliance.adapters.job_listener import JobListener
from appliance.adapters.root_key import MemoryKeyProvider
from appliance.audit.service import AuditTrail
from appliance.database.engine import Database
from appliance.identity.accounts import AccountService
from appliance.identity.service import IdentityService
from appliance.jobs.service import JobService
from appliance.kernel.clock import Clock, SystemClock
from appliance.kernel.ids import TenantId
from appliance.keyring.service import KeyRing
from appliance.meetings.documents import DocumentStore
from appliance.meetings.service import MeetingService
from appliance.minutes.service import MinutesService
from appliance.models.service import ModelRegistry
from appliance.settings import Settings, UploadSettings
from appliance.speakers.documents import TurnStore
from appliance.tenants.service import TenantService
from appliance.transcripts.documents import TranscriptStore
from appliance.transcripts.service import TranscriptService
from tests.factories.database import TestDatabase
from tests.factories.identity import People, people_of
from tests.factories.meetings import a_meeting_service
from tests.fakes.steps import recording_saga
from web.app import create_app
from web.server import listener_for, serve_until


@dataclass
class SiteServices:
    """What the portal needs, put together by hand."""

    settings: Settings
    clock: Clock
    database: Database
    home_tenant: TenantId
    identity: IdentityService
    accounts: AccountService
    meetings: MeetingService
    jobs: JobService
    job_listener: JobListener
    models: ModelRegistry
    transcripts: TranscriptService
    minutes: MinutesService
    keyring: KeyRing
    audit: AuditTrail


@dataclass
class Site:
    """A portal that answers at ``url``, and its people."""

    url: str
    services: SiteServices
    people: People


@contextmanager
def a_site(
    db: TestDatabase, folder: Path, *, models: Path | None = None, upload: UploadSettings | None = None, port: int = 0
) -> Iterator[Site]:
    """The portal of a new organisation in which nobody has an account."""
    clock = SystemClock()
    keyring = KeyRing(MemoryKeyProvider(), clock)
    audit = AuditTrail(clock)
    with db.owner.transaction(None) as tx:
        tenant = TenantService(clock).found(tx, "Kékfa Egyesület")
        keyring.create_tenant_key(tx, tenant)
    people = people_of(db.web, clock, tenant)
    meetings = a_meeting_service(
        db.web, clock=clock, audit=audit, keyring=keyring, folder=folder / "blobs", upload=upload
    )
    documents = DocumentStore(keyring, clock)
    transcripts = TranscriptService(
        database=db.web,
        audit=audit,
        meetings=meetings,
        transcripts=TranscriptStore(documents),
        turns=TurnStore(documents),
    )
    services = SiteServices(
        settings=Settings(upload=upload or UploadSettings()),
        clock=clock,
        database=db.web,
        home_tenant=tenant,
        identity=people.identity,
        accounts=people.accounts,
        meetings=meetings,
        jobs=JobService(db.web, sagas={"recording": recording_saga()}, doorbell=HueyDoorbell(), audit=audit),
        job_listener=JobListener(db.web),
        models=ModelRegistry(models or folder / "models", clock=clock),
        transcripts=transcripts,
        minutes=MinutesService(
            database=db.web, audit=audit, meetings=meetings, documents=documents, transcripts=transcripts
        ),
        keyring=keyring,
        audit=audit,
    )
    with _served(create_app(services), port) as url:
        yield Site(url, services, people)
    services.job_listener.close()


@contextmanager
def _served(app: Litestar, port: int) -> Iterator[str]:
    """Serve on the loopback, in a thread of this process; port 0 takes a free one."""
    listener = listener_for("127.0.0.1", port, None)
    stop, answers = asyncio.Event(), threading.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        await serve_until(stop, app, listener, ready=lambda _: answers.set())

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="site", daemon=True)
    thread.start()
    try:
        assert answers.wait(30), "the portal does not answer"
        yield listener.url
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        thread.join(15)
        assert not thread.is_alive(), "the portal did not stop"
