"""What the appliance does on a disk that is full, run by ``test_full_disk`` where a small file system is mounted."""

import contextlib
import hashlib
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from appliance.adapters.postgres import EmbeddedServer
from appliance.adapters.postgres.provisioning import provision
from appliance.audit import service as trail
from appliance.audit.service import AuditTrail
from appliance.database.errors import DatabaseUnavailable
from appliance.database.roles import DatabaseRole
from appliance.jobs.context import StepContext
from appliance.jobs.model import JobState
from appliance.jobs.retrying import LeasePolicy
from appliance.kernel.clock import FixedClock
from appliance.kernel.ids import TenantId
from appliance.keyring.service import KeyRing
from appliance.meetings.admission import DISK_RESERVE_BYTES
from appliance.meetings.documents import DocumentStore
from appliance.meetings.errors import StorageFull
from appliance.migrations import runner
from appliance.settings import Settings, UploadSettings
from appliance.tenants.service import TenantService
from tests.factories.database import TestDatabase, libpq
from tests.factories.jobs import Workshop
from tests.factories.meetings import a_meeting_service, a_user, recording_bytes, send
from tests.factories.portal import Portal, portal_services
from tests.fakes.steps import one_step_saga

MIB = 1 << 20
SOON_S = 60.0
LONG_ENOUGH_S = 3.0
"""A step that fails for any other reason has used up its tries by then."""
POLICY = LeasePolicy(lease_s=30, heartbeat_s=0.5, reap_s=0.5, max_attempts=3, retry_s=0.1, stop_s=0.0)


class Filler:
    """Whatever else is on the disk; grows until nothing is left, and goes."""

    def __init__(self, disk: Path) -> None:
        self._file = disk / "filler"

    def fill(self, *, but: int = 0) -> None:
        """Take all room but so many bytes."""
        free = os.statvfs(self._file.parent)
        left = free.f_bavail * free.f_frsize - but
        with self._file.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while left > 0:
                left -= file.write(bytes(min(left, MIB)))

    def go(self) -> None:
        self._file.unlink(missing_ok=True)


@pytest.fixture
def disk() -> Iterator[Path]:
    """A folder of this test alone on the small file system, which is empty again afterwards."""
    folder = Path(os.environ["HANGJEGYZET_TEST_SMALL_DISK"]) / "d"
    folder.mkdir(mode=0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def filler(disk: Path) -> Iterator[Filler]:
    filler = Filler(disk)
    yield filler
    filler.go()


def test_a_recording_without_room_is_refused_before_its_first_byte(
    db: TestDatabase, clock: FixedClock, keyring: KeyRing, tenant: TenantId, disk: Path
) -> None:
    """Over HTTP, with the reason, what is free and what to do; no file, no row and no key are left."""
    settings = Settings(data_dir=disk / "portal", upload=UploadSettings(max_bytes=1 << 40))
    services, people = portal_services(db.web, clock=clock, keyring=keyring, tenant=tenant, settings=settings)
    free = os.statvfs(disk)
    too_much = free.f_bavail * free.f_frsize + MIB
    with Portal(services, people).browser() as browser:
        browser.become(people.administrator("anna@example.org"))
        answer = browser.http.post(
            "/api/v1/uploads", json={"filename": "ülés.wav", "size_bytes": too_much}, headers=browser.unsafe
        )
    assert answer.status_code == 503
    problem = answer.json()
    assert problem["code"] == "upload.storage_full"
    assert "free" in str(problem)
    assert "larger disk" in str(problem)
    services.job_listener.close()
    assert [path for path in disk.rglob("*") if path.is_file()] == []
    with db.owner.reading(tenant) as tx:
        for table in ("upload", "meeting", "meeting_key", "job"):
            assert tx.connection().exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one() == 0


def test_room_is_left_for_the_database(
    db: TestDatabase, clock: FixedClock, keyring: KeyRing, audit: AuditTrail, tenant: TenantId, disk: Path
) -> None:
    """A product's disk of this size takes no recording at all: what is free belongs to PostgreSQL's log."""
    meetings = a_meeting_service(
        db.web, clock=clock, audit=audit, keyring=keyring, folder=disk / "blobs", reserve_bytes=DISK_RESERVE_BYTES
    )
    with pytest.raises(StorageFull):
        meetings.start_upload(a_user(tenant), filename="a.wav", size_bytes=1)


def test_a_disk_that_fills_up_on_the_way_loses_nothing(
    db: TestDatabase,
    clock: FixedClock,
    keyring: KeyRing,
    audit: AuditTrail,
    tenant: TenantId,
    disk: Path,
    filler: Filler,
) -> None:
    """What was told to the sender stays, a torn chunk does not; with room again the same upload goes through."""
    blobs = disk / "blobs"
    meetings = a_meeting_service(db.web, clock=clock, audit=audit, keyring=keyring, folder=blobs)
    anna, data = a_user(tenant), recording_bytes(12 * MIB)
    upload = meetings.start_upload(anna, filename="ülés.wav", size_bytes=len(data))
    filler.fill(but=5 * MIB)
    with pytest.raises(StorageFull) as refusal:
        send(meetings, anna, upload.id, data)
    assert "no room" in str(refusal.value)
    kept = meetings.upload(anna, upload.id).offset
    assert 3 * MIB <= kept < 5 * MIB
    for _ in range(3):  # as often as a client may try meanwhile
        with pytest.raises(StorageFull):
            send(meetings, anna, upload.id, data)
    kept = meetings.upload(anna, upload.id).offset
    assert kept % 65_536 == 0
    (left,) = [path for path in blobs.rglob("*") if path.is_file()]
    assert left.stat().st_size <= 5 * MIB
    filler.go()
    assert send(meetings, anna, upload.id, data) == len(data)
    started = meetings.complete(anna, upload.id, sha256=hashlib.sha256(data).digest())
    with meetings.open_audio(anna, started.meeting_id) as audio:
        assert audio.read() == data
    meetings.delete(anna, started.meeting_id)
    assert [path for path in blobs.rglob("*") if path.is_file()] == []


def test_an_abandoned_upload_gives_its_room_back(
    db: TestDatabase,
    clock: FixedClock,
    keyring: KeyRing,
    audit: AuditTrail,
    tenant: TenantId,
    disk: Path,
    filler: Filler,
) -> None:
    """Even on a full disk a half-sent recording can be given up, and nothing of it stays."""
    blobs = disk / "blobs"
    meetings = a_meeting_service(db.web, clock=clock, audit=audit, keyring=keyring, folder=blobs)
    anna, data = a_user(tenant), recording_bytes(6 * MIB)
    upload = meetings.start_upload(anna, filename="ülés.wav", size_bytes=len(data))
    filler.fill(but=2 * MIB)
    with pytest.raises(StorageFull):
        send(meetings, anna, upload.id, data)
    meetings.abandon(anna, upload.id)
    assert [path for path in blobs.rglob("*") if path.is_file()] == []


# --- PostgreSQL itself ------------------------------------------------------------------------------------------------


@pytest.fixture
def own_server(disk: Path, postgres_bin_dir: Path) -> Iterator[EmbeddedServer]:
    """A durable server whose folder is on the small disk."""
    server = EmbeddedServer(disk / "server", bin_dir=postgres_bin_dir)
    with server.running():
        yield server


@pytest.fixture
def shop(own_server: EmbeddedServer, clock: FixedClock, keyring: KeyRing, audit: AuditTrail) -> Iterator[Workshop]:
    """Jobs whose one step stores a document of several MiB."""
    provision(own_server.superuser_url(), "small")
    runner.upgrade(own_server.url(DatabaseRole.OWNER, "small"))
    db = TestDatabase(own_server, "small")
    with db.owner.transaction(None) as tx:
        tenant = TenantService(clock).found(tx, "Kékfa Egyesület")
        keyring.create_tenant_key(tx, tenant)
    documents = DocumentStore(keyring, clock)

    def write(ctx: StepContext) -> None:
        with ctx.transaction() as tx:
            documents.put(tx, ctx.meeting_id, "minutes", recording_bytes(4 * MIB))
            ctx.finish(tx)

    saga = one_step_saga(write)
    yield Workshop(db, tenant, keyring, audit, {saga.kind: saga}, POLICY)
    db.dispose()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON_S
    while True:
        with contextlib.suppress(DatabaseUnavailable, psycopg.OperationalError):
            if condition():
                return
        assert time.monotonic() < deadline
        time.sleep(0.1)


def a_meeting_row(shop: Workshop) -> Any:
    """A meeting that documents may hang on."""
    meeting_id = shop.meeting()
    shop.tamper(
        "INSERT INTO meeting (id, tenant_id, title_sealed, created_at) VALUES (:id, :tenant, '', now())",
        id=meeting_id,
        tenant=shop.tenant,
    )
    return meeting_id


def test_a_job_waits_for_room_and_goes_on(
    shop: Workshop, own_server: EmbeddedServer, filler: Filler, capsys: pytest.CaptureFixture[str]
) -> None:
    """For longer than any failure would be forgiven; then it is done, as if nothing had been, and nothing twice."""
    job_id = shop.start(meeting_id=a_meeting_row(shop))
    _spare_log(own_server)
    worker = shop.worker()
    filler.fill(but=MIB)
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.1):
            with contextlib.suppress(DatabaseUnavailable):
                worker.runner.drain()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        time.sleep(LONG_ENOUGH_S)
        waiting = shop.view(job_id)
        assert waiting.state is JobState.RUNNING
        assert [(step.state.is_leased or step.state.is_claimable, step.tries) for step in waiting.steps] == [(True, 0)]
        assert "full disk" in capsys.readouterr().out
        filler.go()
        until(lambda: shop.view(job_id).state is JobState.DONE)
    finally:
        over.set()
        thread.join(SOON_S)
    assert shop.scalar("SELECT count(*) FROM sealed_document") == 1
    assert shop.scalar("SELECT count(*) FROM audit_event WHERE name = 'jobs:job:done'") == 1


def test_postgres_comes_back_by_itself_when_there_is_room(
    shop: Workshop, own_server: EmbeddedServer, filler: Filler
) -> None:
    """It stops rather than lose what it promised; everything that was committed is there afterwards, and no more."""
    shop.tamper("CREATE TABLE ledger (number int PRIMARY KEY, filling text)")
    filler.fill(but=20 * MIB)
    promised = _rows_until_nothing_fits(shop)
    died = _run_the_log_dry(own_server)
    filler.go()
    until(lambda: shop.scalar("SELECT count(*) FROM ledger") >= promised)
    assert died, "the log was to run out of room, and did not"
    assert promised > 3
    assert shop.scalar("SELECT count(*) FROM ledger") in {promised, promised + 1}
    assert shop.scalar("SELECT min(length(filling)) FROM ledger") == 30000 * 36
    shop.tamper("INSERT INTO ledger VALUES (-1, 'afterwards')")
    with shop.db.owner.reading(shop.tenant) as tx:
        assert trail.verify(tx, shop.tenant).intact


def _rows_until_nothing_fits(shop: Workshop) -> int:
    """How many rows of a MiB were committed before one was refused, with the error that doors and workers know."""
    for number in range(1000):
        try:
            with shop.db.owner.transaction(shop.tenant) as tx:
                tx.connection().exec_driver_sql(
                    "INSERT INTO ledger SELECT %(number)s, string_agg(gen_random_uuid()::text, '')"
                    " FROM generate_series(1, 30000)",
                    {"number": number},
                )
        except DatabaseUnavailable:
            return number
    pytest.fail("the disk was never full")


def _spare_log(server: EmbeddedServer) -> None:
    """Let the server keep segments of its log in reserve, as one has that worked for a while."""
    with psycopg.connect(libpq(server.superuser_url("small")), autocommit=True) as connection:
        for _ in range(4):
            connection.execute("SELECT pg_logical_emit_message(false, 'filler', 'x')")
            connection.execute("SELECT pg_switch_wal()")
            connection.execute("CHECKPOINT")


def _run_the_log_dry(server: EmbeddedServer) -> bool:
    """Use up the segments of the write-ahead log that lie ready; true when the server had to stop."""
    pid = server.status().pid
    with (
        contextlib.suppress(psycopg.OperationalError),
        psycopg.connect(libpq(server.superuser_url("small")), autocommit=True) as connection,
    ):
        for _ in range(40):
            connection.execute("SELECT pg_logical_emit_message(false, 'filler', repeat('x', 1000000))")
            connection.execute("SELECT pg_switch_wal()")
    time.sleep(0.5)
    return server.status().pid != pid or not server.status().running
