"""A portal of tests: the real application over real services, called without a network."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from litestar.testing import TestClient

from appliance.adapters.postgres.server import ExternalServer
from appliance.bootstrap.services import Services, compose
from appliance.database.engine import Database
from appliance.identity.model import NewSession
from appliance.kernel.clock import Clock
from appliance.kernel.ids import TenantId
from appliance.keyring.service import KeyRing
from appliance.settings import Settings
from tests.factories.identity import ABSOLUTE_S, IDLE_S, PASSWORD, QUICK_PASSWORDS, People
from web.app import create_app
from web.security.sessions import COOKIE

ORIGIN = "https://portal.test"


def portal_services(
    database: Database, *, clock: Clock, keyring: KeyRing, tenant: TenantId, settings: Settings
) -> tuple[Services, People]:
    """What the appliance itself would hand to its portal, with quick passwords and sessions of a known length."""
    web = settings.web.model_copy(update={"session_idle_s": int(IDLE_S), "session_absolute_s": int(ABSOLUTE_S)})
    # Named, so that no test ever sees or changes the packs that setup installed for this user.
    own = settings.model_copy(update={"web": web, "models_dir": settings.models_dir or settings.data_dir / "models"})
    services = compose(
        own,
        clock=clock,
        server=ExternalServer(database.url),
        database=database,
        keyring=keyring,
        home_tenant=tenant,
        passwords=QUICK_PASSWORDS,
    )
    return services, People(services.identity, services.accounts, tenant)


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

    services: Services
    people: People

    @contextmanager
    def browser(self) -> Iterator[Browser]:
        """A browser that has never been here."""
        with TestClient(create_app(self.services), base_url=ORIGIN) as client:
            yield Browser(client)
