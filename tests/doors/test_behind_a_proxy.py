"""A portal behind a reverse proxy: whose address limits and the audit trail see."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from litestar.testing import TestClient
from litestar.types import ASGIApp
from sqlalchemy import text

from appliance.identity.limits import PER_ACCOUNT_AND_ADDRESS
from appliance.kernel.clock import FixedClock
from appliance.kernel.ids import TenantId
from appliance.keyring.service import KeyRing
from appliance.settings import Settings, WebSettings
from tests.factories.database import TestDatabase
from tests.factories.portal import ORIGIN, Browser, Portal, portal_services
from web.app import create_app

PROXY, STRANGER = "10.0.0.1", "203.0.113.9"


def connected_from(app: ASGIApp, peer: str) -> ASGIApp:
    """The application as it is called when ``peer`` connects."""

    async def called(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scope = {**scope, "client": (peer, 4711)}
        await app(scope, receive, send)

    return called


@pytest.fixture
def behind_a_proxy(
    db: TestDatabase, clock: FixedClock, keyring: KeyRing, tenant: TenantId, settings: Settings
) -> Iterator[Portal]:
    """A portal that trusts the proxies of one network."""
    trusting = settings.model_copy(update={"web": WebSettings(trusted_proxies=("10.0.0.0/8",))})
    services, people = portal_services(db.web, clock=clock, keyring=keyring, tenant=tenant, settings=trusting)
    people.administrator("anna@example.org")
    yield Portal(services, people)
    services.job_listener.close()


@contextmanager
def browser_of(portal: Portal, peer: str) -> Iterator[Browser]:
    with TestClient(connected_from(create_app(portal.services), peer), base_url=ORIGIN) as client:
        yield Browser(client)


def guess(browser: Browser, forwarded: str) -> int:
    body = {"email": "anna@example.org", "password": "not this one"}
    return browser.http.post("/api/v1/sessions", json=body, headers={"x-forwarded-for": forwarded}).status_code


def origins(db: TestDatabase, tenant: TenantId, name: str) -> set[str]:
    with db.web.reading(tenant) as tx:
        rows = tx.execute(text("SELECT DISTINCT origin FROM audit_event WHERE name = :name"), {"name": name})
        return set(rows.scalars())


def test_clients_of_a_trusted_proxy_are_counted_each_for_themselves(
    behind_a_proxy: Portal, db: TestDatabase, tenant: TenantId
) -> None:
    """One who guesses empties their own bucket; the trail and the session name the real addresses."""
    with browser_of(behind_a_proxy, PROXY) as browser:
        for _ in range(PER_ACCOUNT_AND_ADDRESS.capacity):
            assert guess(browser, "6.6.6.6, 198.51.100.1") == 401
        assert guess(browser, "198.51.100.1") == 429
        assert guess(browser, "198.51.100.2") == 401
    assert origins(db, tenant, "identity:session:refused") == {"198.51.100.1", "198.51.100.2"}
    assert origins(db, tenant, "identity:attempts:limited") == {"198.51.100.1"}


def test_somebody_who_goes_around_the_proxy_cannot_choose_an_address(
    behind_a_proxy: Portal, db: TestDatabase, tenant: TenantId
) -> None:
    """A new forged address for every guess: one bucket none the less, and the forger's own in the trail."""
    with browser_of(behind_a_proxy, STRANGER) as browser:
        for number in range(PER_ACCOUNT_AND_ADDRESS.capacity):
            assert guess(browser, f"198.51.100.{number}, 10.0.0.{number}") == 401
        assert guess(browser, "198.51.100.99") == 429
    assert origins(db, tenant, "identity:session:refused") == {STRANGER}


def test_an_appliance_as_it_comes_believes_no_proxy(portal: Portal, db: TestDatabase, tenant: TenantId) -> None:
    """Whoever connects is who asks, even from an address that a proxy could have."""
    portal.people.administrator("anna@example.org")
    with browser_of(portal, PROXY) as browser:
        for number in range(PER_ACCOUNT_AND_ADDRESS.capacity):
            assert guess(browser, f"198.51.100.{number}") == 401
        assert guess(browser, "198.51.100.99") == 429
    assert origins(db, tenant, "identity:session:refused") == {PROXY}
