"""What every test may lean on: a real PostgreSQL of one's own, a migrated database per test, a tenant with its key."""

import os
import platform
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import settings

from appliance.adapters.postgres import EmbeddedServer
from appliance.adapters.postgres.binaries import distribution_bin_dir, wheel_bin_dir
from appliance.adapters.postgres.process import find_postmaster, is_alive
from appliance.adapters.postgres.provisioning import provision
from appliance.adapters.root_key import MemoryKeyProvider
from appliance.audit.service import AuditTrail
from appliance.database.roles import DatabaseRole
from appliance.kernel.clock import FixedClock
from appliance.kernel.ids import TenantId
from appliance.kernel.units import GIB
from appliance.keyring.service import KeyRing
from appliance.migrations import runner
from appliance.models.offline import go_offline
from appliance.tenants.service import TenantService
from tests.factories.database import TestDatabase, new_database

go_offline()  # as every process of ours does first: which test comes first must not decide what a library sees
settings.register_profile("suite", deadline=None)  # a busy machine is slow, not wrong
settings.load_profile("suite")

TEMPLATE = "hangjegyzet_template"
SCRATCH_PREFIX = "hj-test-"
MEMORY = Path("/dev/shm")  # folders in it are made by ourselves, passable and unreadable
MEMORY_NEEDED = 2 * GIB
"""The log of a server grows to half a GiB, and each database takes ten MiB."""
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
"""The time that a test's clock starts at."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--postgres",
        choices=("embedded", "distribution"),
        default=os.environ.get("HANGJEGYZET_TEST_PG", "embedded"),
        help="which PostgreSQL the suite runs on: the wheel's, or the one that the distribution installed",
    )


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """A short folder that an unprivileged server can enter, unlike pytest's own; leftovers of killed runs go."""
    with _own_folder(Path(tempfile.gettempdir())) as folder:
        yield folder


@pytest.fixture(scope="session")
def postgres_bin_dir(request: pytest.FixtureRequest) -> Path:
    """The programs that this run of the suite was asked to use."""
    wanted = request.config.getoption("--postgres")
    found = wheel_bin_dir() if wanted == "embedded" else distribution_bin_dir()
    if wanted == "distribution" and _is_ubuntu_22() and (found is None or found.parent.name == "14"):
        pytest.skip("Ubuntu 22.04 brings PostgreSQL 14, and the oldest supported one is 15")
    if found is None:
        pytest.fail(f"there is no {wanted} PostgreSQL on this machine")
    return found


@pytest.fixture(scope="session")
def quick_scratch(scratch: Path) -> Iterator[Path]:
    """A folder in memory where there is room: on a disk, a database of one's own costs 20 times as much."""
    if not _has_room(MEMORY):
        yield scratch
        return
    with _own_folder(MEMORY) as folder:
        yield folder


@pytest.fixture(scope="session")
def postgres_server(quick_scratch: Path, postgres_bin_dir: Path) -> Iterator[EmbeddedServer]:
    """One running server for the whole session; databases in it are cheap."""
    server = EmbeddedServer(quick_scratch / "session", bin_dir=postgres_bin_dir, durable=False)
    with server.running():
        provision(server.superuser_url(), TEMPLATE)
        runner.upgrade(server.url(DatabaseRole.OWNER, TEMPLATE))
        yield server


@pytest.fixture
def db(postgres_server: EmbeddedServer) -> Iterator[TestDatabase]:
    """A fresh, migrated database, gone after the test."""
    with new_database(postgres_server, template=TEMPLATE) as database:
        yield database


@pytest.fixture
def empty_db(postgres_server: EmbeddedServer) -> Iterator[TestDatabase]:
    """A database with roles and rights in which no migration has run."""
    with new_database(postgres_server, template=None) as database:
        yield database


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands until the test moves it."""
    return FixedClock(NOON)


@pytest.fixture
def keyring(clock: FixedClock) -> KeyRing:
    """A keyring under a root key of this test alone."""
    return KeyRing(MemoryKeyProvider(), clock)


@pytest.fixture
def audit(clock: FixedClock) -> AuditTrail:
    """A trail that takes its times from the test's clock."""
    return AuditTrail(clock)


@pytest.fixture
def found_tenant(db: TestDatabase, clock: FixedClock, keyring: KeyRing) -> Callable[[str], TenantId]:
    """Founds tenants, each with its key."""

    def found(name: str) -> TenantId:
        with db.owner.transaction(None) as tx:
            tenant_id = TenantService(clock).found(tx, name)
            keyring.create_tenant_key(tx, tenant_id)
        return tenant_id

    return found


@pytest.fixture
def tenant(found_tenant: Callable[[str], TenantId]) -> TenantId:
    """An organisation with its key."""
    return found_tenant("Kékfa Egyesület")


def _is_ubuntu_22() -> bool:
    release = platform.freedesktop_os_release()
    return (release["ID"], release.get("VERSION_ID")) == ("ubuntu", "22.04")


def _has_room(memory: Path) -> bool:
    return os.access(memory, os.W_OK) and shutil.disk_usage(memory).free >= MEMORY_NEEDED


@contextmanager
def _own_folder(root: Path) -> Iterator[Path]:
    _sweep(root)
    folder = root / f"{SCRATCH_PREFIX}{os.getpid()}"
    folder.mkdir(mode=0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def _sweep(root: Path) -> None:
    """End servers and remove folders of test runs that were killed."""
    for folder in root.glob(f"{SCRATCH_PREFIX}[0-9]*"):
        if is_alive(int(folder.name.removeprefix(SCRATCH_PREFIX))):
            continue
        for cluster in folder.glob("*/postgres"):
            found = find_postmaster(EmbeddedServer(cluster.parent).layout)
            if found is not None:
                os.kill(found.pid, signal.SIGQUIT)
        shutil.rmtree(folder, ignore_errors=True)
