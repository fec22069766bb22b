"""A real database backed up by the real pgBackRest: while people write, and back again in a folder or in place."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from appliance.adapters.scratch_servers import LocalScratchServers
from appliance.backups.errors import EngineFailed, NoBackup
from appliance.backups.model import AtBackup, AtTime, BackupKind, Latest
from appliance.database.ports import DatabaseServer
from appliance.database.roles import DatabaseRole
from tests.factories.backups import ArchivedServer, archived_server, missing_programs

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing_programs()), reason=missing_programs())]


@pytest.fixture(scope="module")
def live(scratch: Path) -> Iterator[ArchivedServer]:
    """A server with a table, backed up once."""
    with archived_server(scratch / "archived") as server:
        server.sql("CREATE TABLE line (id bigserial PRIMARY KEY, word text)")
        server.sql("ALTER TABLE line OWNER TO hangjegyzet_owner")
        server.sql("INSERT INTO line (word) VALUES ('first')")
        server.database.take(BackupKind.FULL)
        yield server


@pytest.fixture
def folder(scratch: Path, request: pytest.FixtureRequest) -> Path:
    """Where a test restores to."""
    return scratch / f"r{abs(hash(request.node.name)) % 10000}"


def words(server: DatabaseServer) -> list[str]:
    """What a restored database holds."""
    url = server.url(DatabaseRole.OWNER).replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute("SELECT word FROM line ORDER BY id")]


def test_a_backup_holds_what_was_committed_until_it_ended(live: ArchivedServer, folder: Path) -> None:
    """Taken while somebody writes, it is consistent; what came later is not in it."""
    over = threading.Event()

    def write() -> None:
        while not over.is_set():
            live.sql("INSERT INTO line (word) VALUES ('meanwhile')")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = live.database.take(BackupKind.INCREMENTAL)
    finally:
        over.set()
        writer.join()
    live.sql("INSERT INTO line (word) VALUES ('afterwards')")
    assert made.kind is BackupKind.INCREMENTAL
    assert made.needs == (live.database.backups()[0].label,)
    assert live.database.restore(AtBackup(made.label), into=folder) == made
    with LocalScratchServers(live.engine.account).running(folder) as server:
        found = words(server)
    assert found[0] == "first"
    assert "meanwhile" in found
    assert "afterwards" not in found


def test_the_latest_moment_is_what_was_archived_last(live: ArchivedServer, folder: Path) -> None:
    """Whatever came before a mark is in the archived log when the mark is set."""
    live.sql("INSERT INTO line (word) VALUES ('latest')")
    live.database.mark("latest")
    live.database.restore(Latest(), into=folder)
    with LocalScratchServers(live.engine.account).running(folder) as server:
        assert words(server)[-1] == "latest"


def test_a_moment_in_time_has_what_was_before_it(live: ArchivedServer, folder: Path) -> None:
    """A restore to a time has what was committed by then, and nothing after."""
    live.sql("INSERT INTO line (word) VALUES ('before')")
    time.sleep(0.2)
    moment = datetime.now(UTC)
    time.sleep(0.2)
    live.sql("INSERT INTO line (word) VALUES ('after')")
    live.database.mark("after-time")
    live.database.restore(AtTime(moment), into=folder)
    with LocalScratchServers(live.engine.account).running(folder) as server:
        assert words(server)[-1] == "before"


def test_a_time_after_the_last_commit_is_the_last_commit(live: ArchivedServer, folder: Path) -> None:
    """Where nothing was committed after the wanted moment, the end of the log is that moment."""
    live.sql("INSERT INTO line (word) VALUES ('last of all')")
    live.database.mark("last-of-all")
    live.database.restore(AtTime(datetime.now(UTC)), into=folder)
    with LocalScratchServers(live.engine.account).running(folder) as server:
        assert words(server)[-1] == "last of all"


def test_a_scratch_server_can_be_written_to_and_archives_nothing(live: ArchivedServer, folder: Path) -> None:
    """A rehearsal may change what it likes: the repository and the running server do not notice."""
    live.database.mark("before-rehearsal")
    live.database.restore(Latest(), into=folder)
    archived = sorted((live.engine.repository / "archive").rglob("*.zst"))
    before = len(live.sql("SELECT FROM line"))
    with LocalScratchServers(live.engine.account).running(folder) as server:
        url = server.url(DatabaseRole.OWNER).replace("postgresql+psycopg", "postgresql")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("DROP TABLE line")
    assert len(live.sql("SELECT FROM line")) == before
    assert sorted((live.engine.repository / "archive").rglob("*.zst")) == archived


def test_rewinding_to_a_mark_undoes_what_came_after(live: ArchivedServer) -> None:
    """A destructive change after the mark is gone with it, and the server goes on and archives from there."""
    live.sql("INSERT INTO line (word) VALUES ('kept')")
    mark = live.database.mark("upgrade-1")
    live.sql("DROP TABLE line")
    live.database.rewind(mark)
    assert live.sql("SELECT word FROM line ORDER BY id DESC LIMIT 1") == [("kept",)]
    live.sql("INSERT INTO line (word) VALUES ('on the new timeline')")
    again = live.database.mark("upgrade-2")
    live.sql("DELETE FROM line")
    live.database.rewind(again)
    assert live.sql("SELECT word FROM line ORDER BY id DESC LIMIT 1") == [("on the new timeline",)]


def test_what_was_rewound_stays_gone_in_every_later_restore(live: ArchivedServer, folder: Path) -> None:
    """The log of what was undone is in the archive too; the latest moment is the one that people live in, at once."""
    live.sql("INSERT INTO line (word) VALUES ('lived in')")
    mark = live.database.mark("fork")
    live.sql("INSERT INTO line (word) VALUES ('abandoned')")
    live.database.mark("abandoned")
    live.database.rewind(mark)
    live.database.restore(Latest(), into=folder)
    with LocalScratchServers(live.engine.account).running(folder) as server:
        assert words(server)[-1] == "lived in"


def test_a_rewind_that_was_broken_off_is_repeated(live: ArchivedServer) -> None:
    """Files half put back are no obstacle: the same rewind again ends well."""
    live.sql("INSERT INTO line (word) VALUES ('steadfast')")
    mark = live.database.mark("broken-off")
    live.sql("DROP TABLE line")
    live.stop()
    for path in sorted((live.files / "base").rglob("*"))[:40]:
        if path.is_file():
            path.unlink()
    (live.files / "global" / "pg_control").unlink()
    (live.files / "postmaster.pid").write_text("1\n")
    live.database.rewind(mark)
    assert live.sql("SELECT word FROM line ORDER BY id DESC LIMIT 1") == [("steadfast",)]


def test_a_moment_before_every_backup_is_refused(live: ArchivedServer, folder: Path) -> None:
    """Nothing leads there, and that is said before anything is touched."""
    with pytest.raises(NoBackup):
        live.database.restore(AtTime(datetime.now(UTC) - timedelta(days=1)), into=folder)
    assert not folder.exists()


def test_the_archive_says_how_far_it_got(live: ArchivedServer) -> None:
    """What was committed and not archived is told, and is no more once it is."""
    live.sql("INSERT INTO line (word) VALUES ('exposed')")
    assert live.database.archive().pending_s > 0
    live.database.mark("covered")
    state = live.database.archive()
    assert state.pending_s == 0
    assert state.gap is False
    assert state.last_at is not None


def test_a_damaged_repository_is_found(live: ArchivedServer) -> None:
    """Verification is content until a byte of a backup changes; it then says which."""
    assert live.database.verify() == ()
    victim = max((live.engine.repository / "backup").rglob("*.zst"), key=lambda file: file.stat().st_size)
    content = victim.read_bytes()
    victim.write_bytes(content[:-40] + bytes(40))
    try:
        assert live.database.verify() != ()
    finally:
        victim.write_bytes(content)
    assert live.database.verify() == ()


def test_a_backup_is_forgotten_with_those_that_need_it(live: ArchivedServer) -> None:
    """The last full backup stays, whatever is asked."""
    first = live.database.backups()[0]
    live.database.take(BackupKind.FULL)
    live.database.expire(first.label)
    left = live.database.backups()
    assert first.label not in {backup.label for backup in left}
    assert all(first.label not in backup.needs for backup in left)
    assert left
    with pytest.raises(EngineFailed):
        live.database.expire(next(backup.label for backup in left if backup.kind is BackupKind.FULL))
