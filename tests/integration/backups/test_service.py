"""Backups of a whole appliance on a real database: taken, listed, verified, kept up, forgotten, proven."""

import hashlib
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.adapters.age import Age
from appliance.adapters.scratch_servers import LocalScratchServers
from appliance.audit.model import AuditName
from appliance.audit.service import AuditTrail
from appliance.backups.copier import Copier
from appliance.backups.depot import SUMS, Depot
from appliance.backups.drill import Rehearsal
from appliance.backups.errors import (
    CustodiansMissing,
    KeyFitsNot,
    NoBackup,
    SetDamaged,
    TargetFailed,
    TargetUnreachable,
)
from appliance.backups.model import BackupKind
from appliance.backups.outstanding import Outstanding, Owed
from appliance.backups.restore import RestoreService, Wish, read_archive
from appliance.backups.retention import Retention
from appliance.backups.service import BackupService, Machine
from appliance.backups.sets import BLOB_LIST, MACHINE
from appliance.backups.state import read_state
from appliance.database.engine import Database
from appliance.database.roles import DatabaseRole
from appliance.entry.provision import operator
from appliance.kernel.clock import FixedClock, SystemClock
from appliance.keyring.errors import EnvelopeForged
from appliance.keyring.signing import Signer, new_private_key, read_private_key
from appliance.migrations import runner
from appliance.tenants.service import TenantService
from tests.factories.backups import ArchivedServer, archived_server, missing_programs

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing_programs()), reason=missing_programs())]
KEY = new_private_key()
RECORDINGS = ("ab/0000-ab", "cd/0000-cd")


class Unreachable:
    """A further place whose wire is cut."""

    name = "away"

    def send_all(self, folder: Path, *, forget: bool) -> None:
        """Fails."""
        raise TargetUnreachable(target=self.name, reason="no route")

    def send_new(self, folder: Path, *, since: datetime | None) -> None:
        """Fails."""
        raise TargetUnreachable(target=self.name, reason="no route")

    def fetch(self, folder: Path) -> None:
        """Fails."""
        raise TargetUnreachable(target=self.name, reason="no route")


@dataclass
class Site:
    """A machine with an organisation, two recordings and two custodians."""

    server: ArchivedServer
    live: Database
    depot: Depot
    folder: Path
    recipients: list[str]
    clock: FixedClock

    def service(
        self,
        *,
        custodians: int = 2,
        targets: tuple[Unreachable, ...] = (),
        daily: int = 14,
        owed: frozenset[str] = frozenset(),
    ) -> BackupService:
        """The use cases."""
        signer = Signer(read_private_key(KEY), self.clock)
        return BackupService(
            depot=self.depot,
            database=self.server.database,
            live=self.live,
            envelope=Age(),
            signer=signer,
            public_key=signer.public_key,
            machine=Machine(
                host="box",
                release="0.1.0",
                schema=runner.head(),
                models=("whisper-base",),
                database_version=15,
                blobs=self.folder / "stored",
                files=(self.folder / "etc/hangjegyzet/secrets",),
                root=self.folder,
                owed=lambda: owed,
            ),
            custodians=self.recipients[:custodians],
            targets=targets,
            retention=Retention(daily, 0, 0),
            clock=self.clock,
        )


@contextmanager
def opened(url: str) -> Iterator[Database]:
    """A database, closed afterwards."""
    database = Database(url, pool_size=1)
    try:
        yield database
    finally:
        database.dispose()


@pytest.fixture(scope="module")
def site(scratch: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Made once: each test leaves it usable."""
    folder = tmp_path_factory.mktemp("site")
    secrets = folder / "etc/hangjegyzet/secrets"
    secrets.mkdir(parents=True)
    (secrets / "root.key").write_bytes(b"r" * 32)
    (secrets / "signing.key").write_bytes(KEY)
    for name in RECORDINGS:
        (folder / "stored" / name).parent.mkdir(parents=True)
        (folder / "stored" / name).write_bytes(name.encode() * 500)
    recipients = []
    for name in ("first", "second"):
        subprocess.run(["age-keygen", "-o", folder / name], check=True, capture_output=True)
        done = subprocess.run(["age-keygen", "-y", folder / name], check=True, capture_output=True, text=True)
        recipients.append(done.stdout.strip())
    depot = scratch / "service" / "depot"
    (scratch / "service").mkdir()
    (scratch / "service").chmod(0o711)
    depot.mkdir(mode=0o755)
    with archived_server(scratch / "service" / "server", repository=depot / "pgbackrest") as server:
        url = server.embedded.url(DatabaseRole.OWNER)
        runner.upgrade(url)
        with opened(url) as live:
            clock = FixedClock(datetime.now(UTC))
            with live.transaction(None) as tx:
                tenant = TenantService(clock).found(tx, "Kékfa Egyesület")
                trail = AuditTrail(clock)
                trail.record(
                    tx, AuditName.TENANT_FOUNDED, actor=operator(tenant), subject_type="tenant", subject_id=tenant
                )
            yield Site(server, live, Depot(depot), folder, recipients, clock)


def quiet(_: str) -> None:
    """Nobody listens."""


def test_nothing_is_kept_that_one_person_alone_could_open(site: Site) -> None:
    """Fewer than two custodians are refused before anything is copied."""
    with pytest.raises(CustodiansMissing):
        site.service(custodians=1).run(quiet)
    assert site.depot.set_ids() == []


def test_a_backup_is_taken_verified_and_proven(site: Site, scratch: Path) -> None:
    """Everything is in it, signed; a rehearsal restores it and finds nothing wrong."""
    service = site.service()
    taken = service.run(quiet)
    described = taken.described
    assert described.database.kind is BackupKind.FULL
    assert described.blobs.count == len(RECORDINGS)
    assert described.rows_after["tenant"] == 1
    assert described.trails[0].seq == 1
    assert service.describe("latest") == described
    assert service.verify("latest", quiet) == []
    rehearsal = Rehearsal(
        depot=site.depot,
        database=site.server.database,
        scratch=LocalScratchServers(site.server.engine.account),
        folder=scratch / "drill",
        clock=SystemClock(),
    )
    held = rehearsal.hold(described, quiet)
    assert held.passed, held.payload()
    assert list((scratch / "drill").iterdir()) == []


def test_only_a_custodian_opens_the_keys(site: Site, tmp_path: Path) -> None:
    """Either of the two, and nobody else."""
    sealed = site.depot.read(site.depot.set_ids()[-1], MACHINE, limit=1 << 20)
    for name in ("first", "second"):
        files = read_archive(Age().open(sealed, site.folder / name), set_id="x")
        assert files["etc/hangjegyzet/secrets/root.key"] == b"r" * 32
    subprocess.run(["age-keygen", "-o", tmp_path / "stranger"], check=True, capture_output=True)
    with pytest.raises(KeyFitsNot):
        Age().open(sealed, tmp_path / "stranger")


def test_a_restore_is_planned_with_a_custodians_key_alone(site: Site, tmp_path: Path) -> None:
    """On a machine that knows nothing: the signature is checked with the key that the envelope holds."""
    service = RestoreService(
        depot=Depot(tmp_path),
        source=None,  # type: ignore[arg-type]  # a plan fetches nothing
        installation=None,  # type: ignore[arg-type]  # nor does it change anything
        envelope=Age(),
        public_key=None,
        folder=tmp_path,
    )
    plan = service.plan(Wish(set="latest"), catalogue=site.depot, key=site.folder / "second")
    assert plan.described.host == "box"
    assert not plan.own
    with pytest.raises(NoBackup):
        service.plan(Wish(at="2020-01-01T00:00:00+00:00"), catalogue=site.depot, key=site.folder / "second")


def test_what_is_new_follows_and_a_place_that_is_away_is_named(site: Site) -> None:
    """A pass copies what came; one place that fails hinders nothing here, and is told."""
    extra = site.folder / "stored/ef/0000-ef"
    extra.parent.mkdir(exist_ok=True)
    extra.write_bytes(b"new")
    with pytest.raises(TargetFailed, match="away"):
        site.service(targets=(Unreachable(),)).follow(quiet)
    assert "ef/0000-ef" in site.depot.sums()
    assert "no route" in read_state(site.depot.folder).failed["away"]
    extra.unlink()


def test_a_forged_or_damaged_set_is_found(site: Site) -> None:
    """One letter in the description, one line in the list, one byte of a recording."""
    service = site.service()
    name = site.depot.set_ids()[-1]
    for file, change in (
        ("backup.json", lambda content: content.replace(b'"host":"box"', b'"host":"bax"')),
        (BLOB_LIST, lambda content: content.replace(b"ab/", b"ba/", 1)),
    ):
        path = site.depot.sets / name / file
        content = path.read_bytes()
        path.write_bytes(change(content))
        with pytest.raises((EnvelopeForged, SetDamaged)) if file == "backup.json" else _nothing():
            assert service.verify(name, quiet) != []
        path.write_bytes(content)
    recording = site.depot.blobs / RECORDINGS[0]
    recording.chmod(0o600)
    content = recording.read_bytes()
    recording.write_bytes(b"X" + content[1:])
    assert any(RECORDINGS[0] in fault for fault in service.verify(name, quiet))
    recording.write_bytes(content)
    assert service.verify(name, quiet) == []


def test_old_backups_are_forgotten_with_what_only_they_need(site: Site) -> None:
    """The newest stays, a recording that was deleted goes with the last set that lists it."""
    gone = site.folder / "stored" / RECORDINGS[1]
    content = gone.read_bytes()
    gone.unlink()
    try:
        site.clock.advance(timedelta(days=1))
        newest = site.service().run(quiet, kind=BackupKind.FULL).described.id
        pruned = site.service(daily=1).prune(quiet)
        assert site.depot.set_ids() == [newest]
        assert len(pruned.sets) == 1
        assert RECORDINGS[1] not in site.depot.sums()
        assert len(site.server.database.backups()) == 1
        assert site.service().verify("latest", quiet) == []
    finally:
        gone.write_bytes(content)


def test_a_backup_while_recordings_are_copied_claims_what_it_has_and_forgets_nothing(site: Site) -> None:
    """One that is in these very backups is kept, one that is on another disk is not claimed, and none is forgotten."""
    elsewhere = site.folder / "stick"
    here, away = (site.folder / "stored" / name for name in RECORDINGS)
    site.service().follow(quiet)
    kept = {path: path.read_bytes() for path in (here, away)}
    (elsewhere / away.parent.name).mkdir(parents=True)
    away.rename(elsewhere / RECORDINGS[1])
    here.unlink()
    (site.depot.blobs / RECORDINGS[1]).unlink()
    (elsewhere / SUMS).touch()
    outstanding = Outstanding(site.folder)
    sources = {here: site.depot.blobs, away: elsewhere}
    outstanding.owe(
        {
            path.name: Owed(hashlib.sha256(kept[path]).hexdigest(), len(kept[path]), str(source))
            for path, source in sources.items()
        },
        site.clock.now(),
    )
    owed = frozenset(RECORDINGS)
    try:
        site.clock.advance(timedelta(days=1))
        described = site.service(owed=owed).run(quiet).described
        assert list(site.depot.blob_list(described.id, BLOB_LIST)) == [RECORDINGS[0]]
        before = site.depot.set_ids()
        assert site.service(owed=owed, daily=1).prune(quiet).sets == ()
        assert site.depot.set_ids() == before
    finally:
        Copier(outstanding, site.folder / "stored", clock=site.clock, stop=threading.Event()).run()
    assert {path: path.read_bytes() for path in kept} == kept
    site.clock.advance(timedelta(days=1))
    assert site.service().run(quiet).described.blobs.count == len(RECORDINGS)


@contextmanager
def _nothing() -> Iterator[None]:
    """No error is expected."""
    yield
