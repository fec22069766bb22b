"""A portal of tests: the real application over real services, called without a network."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from litestar.testing import TestClient

from appliance.database.engine import Database
from appliance.identity.accounts import AccountService
from appliance.identity.model import NewSession
from appliance.identity.service import IdentityService
from appliance.kernel.clock import Clock
from appliance.settings import Settings
from tests.factories.identity import PASSWORD, People
from web.app import create_app
from web.security.sessions import COOKIE

ORIGIN = "https://portal.test"


@dataclass
class PortalServices:
    """What the portal needs, put together by hand."""

    settings: Settings
    clock: Clock
    database: Database
    identity: IdentityService
    accounts: AccountService


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
