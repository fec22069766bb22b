"""A portal, and browsers that look at it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.kernel.clock import FixedClock
from appliance.kernel.ids import TenantId
from appliance.keyring.service import KeyRing
from appliance.settings import Settings, UploadSettings
from tests.factories.database import TestDatabase
from tests.factories.portal import Browser, Portal, portal_services


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A data folder of its own, and limits that need no big files."""
    return Settings(data_dir=tmp_path, upload=UploadSettings(max_bytes=10_000_000, slice_bytes=1 << 20))


@pytest.fixture
def portal(
    db: TestDatabase, clock: FixedClock, keyring: KeyRing, tenant: TenantId, settings: Settings
) -> Iterator[Portal]:
    """The portal of one organisation in which nobody has an account."""
    services, people = portal_services(db.web, clock=clock, keyring=keyring, tenant=tenant, settings=settings)
    yield Portal(services, people)
    services.job_listener.close()


@pytest.fixture
def stranger(portal: Portal) -> Iterator[Browser]:
    """A browser in which nobody is signed in."""
    with portal.browser() as browser:
        yield browser


@pytest.fixture
def anna(portal: Portal, stranger: Browser) -> Browser:
    """The browser of the first administrator."""
    return stranger.become(portal.people.administrator("anna@example.org"))
