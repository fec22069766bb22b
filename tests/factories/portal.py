"""A portal of tests: the real application over real services, called without a network."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from litestar.testing import TestClient

from appliance.adapters.huey_doorbell import HueyDoorbell
from appliance.adapters.job_listener import JobListener
from appliance.audit.service import AuditTrail
from appliance.database.engine import Database
from appliance.identity.accounts import AccountService
from appliance.identity.model import NewSession
from appliance.identity.service import IdentityService
from appliance.jobs.service import JobService
from appliance.kernel.clock import Clock
from appliance.kernel.ids import TenantId
from appliance.keyring.service import KeyRing
from appliance.meetings.documents import DocumentStore
from appliance.meetings.service import MeetingService
from appliance.minutes.service import MinutesService
from appliance.models.service import ModelRegistry
from appliance.settings import Settings
from appliance.speakers.documents import TurnStore
from appliance.transcripts.documents import TranscriptStore
from appliance.transcripts.service import TranscriptService
from tests.factories.identity import PASSWORD, People, people_of
from tests.factories.meetings import a_meeting_service
from tests.fakes.steps import recording_saga
from web.app import create_app
from web.security.sessions import COOKIE

ORIGIN = "https://portal.test"


@dataclass
class PortalServices:
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
    documents: DocumentStore


def portal_services(
    database: Database, *, clock: Clock, keyring: KeyRing, tenant: TenantId, settings: Settings
) -> tuple[PortalServices, People]:
    """Real services with quick passwords, and jobs that nobody works on."""
    audit = AuditTrail(clock)
    people = people_of(database, clock, tenant)
    documents = DocumentStore(keyring, clock)
    meetings = a_meeting_service(
        database, clock=clock, audit=audit, keyring=keyring, folder=settings.blobs_path, upload=settings.upload
    )
    transcripts = TranscriptService(
        database=database,
        audit=audit,
        meetings=meetings,
        transcripts=TranscriptStore(documents),
        turns=TurnStore(documents),
    )
    services = PortalServices(
        settings=settings,
        clock=clock,
        database=database,
        home_tenant=tenant,
        identity=people.identity,
        accounts=people.accounts,
        meetings=meetings,
        jobs=JobService(database, sagas={"recording": recording_saga()}, doorbell=HueyDoorbell(), audit=audit),
        job_listener=JobListener(database),
        models=ModelRegistry(settings.models_path, clock=clock),
        transcripts=transcripts,
        minutes=MinutesService(
            database=database, audit=audit, meetings=meetings, documents=documents, transcripts=transcripts
        ),
        documents=documents,
    )
    return services, people


@dataclass
class Browser:
    """A client with cookies, and the token that its page would carry."""

    http: TestClient
    csrf_token: str = ""

    def become(self, session: NewSession) -> "Browser":
        """Go on as the owner of a session."""
        self.http.cookies.set(COOKIE, session.token, domain="portal.test", path="/")
        self.csrf_token = session.signed_in.csrf_token
        return self

    def sign_in(self, email: str, password: str = PASSWORD) -> "Browser":
        """Sign in as a page would."""
        answer = self.http.post("/api/v1/sessions", json={"email": email, "password": password})
        assert answer.status_code == 201, answer.text
        self.csrf_token = answer.json()["csrf_token"]
        return self

    @property
    def unsafe(self) -> dict[str, str]:
        """Headers of a change."""
        return {"x-csrf-token": self.csrf_token, "origin": ORIGIN, "sec-fetch-site": "same-origin"}


@dataclass
class Portal:
    """The application and its people."""

    services: PortalServices
    people: People

    @contextmanager
    def browser(self) -> Iterator[Browser]:
        """A browser that has never been here."""
        with TestClient(create_app(self.services), base_url=ORIGIN) as client:
            yield Browser(client)
