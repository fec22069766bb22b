"""A portal, and browsers that look at it."""

from collections.abc import Iterator

import pytest

from appliance.kernel.clock import FixedClock
from appliance.kernel.ids import TenantId
from appliance.settings import Settings
from tests.factories.database import TestDatabase
from tests.factories.identity import people_of
from tests.factories.portal import Browser, Portal, PortalServices


@pytest.fixture
def portal(db: TestDatabase, clock: FixedClock, tenant: TenantId) -> Portal:
    """The portal of one organisation in which nobody has an account."""
    people = people_of(db.web, clock, tenant)
    return Portal(PortalServices(Settings(), clock, db.web, people.identity, people.accounts), people)


@pytest.fixture
def stranger(portal: Portal) -> Iterator[Browser]:
    """A browser in which nobody is signed in."""
    with portal.browser() as browser:
        yield browser


@pytest.fixture
def anna(portal: Portal, stranger: Browser) -> Browser:
    """The browser of the first administrator."""
    return stranger.become(portal.people.administrator("anna@example.org"))
