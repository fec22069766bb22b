"""A meeting service over a real database and a real folder, and people who use it."""

from pathlib import Path

import pytest

from appliance.audit.service import AuditTrail
from appliance.kernel.actor import Actor
from appliance.kernel.clock import FixedClock
from appliance.kernel.ids import TenantId
from appliance.keyring.service import KeyRing
from appliance.meetings.documents import DocumentStore
from appliance.meetings.service import MeetingService
from appliance.settings import UploadSettings
from tests.factories.database import TestDatabase
from tests.factories.meetings import a_meeting_service, a_user, an_operator


@pytest.fixture
def blob_folder(tmp_path: Path) -> Path:
    """Where recordings lie."""
    return tmp_path / "blobs"


@pytest.fixture
def limits() -> UploadSettings:
    """Small limits, so that tests need no big files."""
    return UploadSettings(max_bytes=10_000_000, slice_bytes=1 << 20, max_open=4)


@pytest.fixture
def meetings(
    db: TestDatabase, clock: FixedClock, audit: AuditTrail, keyring: KeyRing, blob_folder: Path, limits: UploadSettings
) -> MeetingService:
    """As the web process has it."""
    return a_meeting_service(db.web, clock=clock, audit=audit, keyring=keyring, folder=blob_folder, upload=limits)


@pytest.fixture
def scheduler(
    db: TestDatabase, clock: FixedClock, audit: AuditTrail, keyring: KeyRing, blob_folder: Path, limits: UploadSettings
) -> MeetingService:
    """As the scheduler has it, which sees uploads of all tenants."""
    return a_meeting_service(db.worker, clock=clock, audit=audit, keyring=keyring, folder=blob_folder, upload=limits)


@pytest.fixture
def documents(clock: FixedClock, keyring: KeyRing) -> DocumentStore:
    return DocumentStore(keyring, clock)


@pytest.fixture
def anna(tenant: TenantId) -> Actor:
    """A member."""
    return a_user(tenant)


@pytest.fixture
def bela(tenant: TenantId) -> Actor:
    """Another member of the same organisation."""
    return a_user(tenant)


@pytest.fixture
def operator(tenant: TenantId) -> Actor:
    """Somebody with a shell."""
    return an_operator(tenant)
