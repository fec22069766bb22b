"""The embedded server as its users see it: there while somebody needs it, gone with the last one.

Who needs it holds a shared lock on one file for as long as it lives; the kernel drops that lock even on SIGKILL.
Whoever leaves last stops the server. When all users were killed the server runs on, and the next one takes it over.
"""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import structlog
from sqlalchemy import URL, make_url

from appliance.adapters.postgres import cluster, layout, process
from appliance.adapters.postgres.account import ServerAccount, account_for, ourselves
from appliance.adapters.postgres.binaries import Binaries, find_binaries
from appliance.adapters.postgres.locks import SharedLock, exclusive
from appliance.database.errors import AccessRefused, DatabaseUnavailable, ServerInUse, ServerNotPrepared
from appliance.database.hungarian import require_hungarian
from appliance.database.ports import DatabaseServer, ServerStatus
from appliance.database.roles import DATABASE_NAME, DatabaseRole
from appliance.kernel.errors import Unavailable
from appliance.settings import Settings

log = structlog.get_logger(__name__)

CONNECT_LIMIT_S = 30
REFUSALS = ("authentication failed", "Permission denied")
"""A refused connection carries no SQLSTATE; these are the server's words and the system's, for the socket's folder."""
WATCH_S = 1.0
WATCH_LIMIT_S = 30.0
DRIVER = "postgresql+psycopg"


def open_server(settings: Settings) -> DatabaseServer:
    """The server that the settings ask for: somebody else's by its address, or our own."""
    if settings.database.url:
        return ExternalServer(settings.database.url, owner_url=settings.database.owner_url)
    return EmbeddedServer(settings.data_dir, bin_dir=settings.database.bin_dir, os_user=settings.database.os_user)


class EmbeddedServer:
    """A PostgreSQL of our own in the data folder, reached through a socket and by nobody else.

    Args:
        data_dir: the appliance's data folder; made when missing.
        bin_dir: folder of the programs; unset looks in the wheel, then in the distribution.
        os_user: whom to run as when we are root.
        durable: false only for tests, see ``cluster.server_settings``.
        watched: every process that needs the server looks after it, once a second; false only for tests that do so
            themselves.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        bin_dir: Path | None = None,
        os_user: str | None = None,
        durable: bool = True,
        watched: bool = True,
    ) -> None:
        self.layout = layout.Layout(data_dir.absolute())
        self._bin_dir = bin_dir
        self._os_user = os_user
        self._durable = durable
        self._watched = watched
        self._process: subprocess.Popen[bytes] | None = None
        self._users = SharedLock(self.layout.users)
        self._tools: tuple[ServerAccount, Binaries] | None = None
        self._thread_gate = threading.RLock()

    def exists(self) -> bool:
        """Whether its files were made; asked by whoever must not make them by looking."""
        return self.layout.exists

    @contextmanager
    def running(self) -> Iterator[None]:
        """The server runs inside this block: created the first time, adopted when it runs, revived when it dies."""
        self.join()
        over = threading.Event()
        watch = threading.Thread(target=self.watch, args=(over,), name="postgres-watch", daemon=True)
        if self._watched:
            watch.start()
        try:
            yield
        finally:
            over.set()
            if self._watched:
                watch.join()
            self.leave()

    def join(self) -> None:
        """Count as one who needs the server, and start it unless it runs."""
        layout.prepare_data_dir(self.layout)
        with self._gate():
            self._start()
            self._users.hold()

    def leave(self) -> None:
        """Need it no more; the last one to leave stops it, unless it is to stand."""
        with self._gate():
            last = self._users.release()
            if last and not self.layout.standing.exists():
                process.stop(self.layout, self._process)
                self._process = None

    def stand(self) -> None:
        """Start it, and let it stay up without users."""
        layout.prepare_data_dir(self.layout)
        with self._gate():
            self._start()
            self.layout.standing.touch(mode=0o600)

    def fall(self) -> None:
        """Stop a standing server.

        Raises:
            ServerInUse: processes of the appliance still need it; it then stops with the last of them.
        """
        if not self.layout.data_dir.is_dir():
            return
        with self._gate():
            self.layout.standing.unlink(missing_ok=True)
            if not self._users.is_unused():
                raise ServerInUse(place=str(self.layout.data_dir))
            process.stop(self.layout, self._process)
            self._process = None

    def ensure(self) -> bool:
        """Start it again if it died; true when it had to."""
        if self._process is not None:
            self._process.poll()  # collects a dead one that was our child
        if process.find_postmaster(self.layout) is not None:
            return False
        log.warning("database_died", place=str(self.layout.data_dir))
        with self._gate():
            self._start()
        return True

    def watch(self, until: threading.Event) -> None:
        """Keep it alive until the event is set; the body of a thread."""
        pause_s = WATCH_S
        while not until.wait(pause_s):
            try:
                self.ensure()
                pause_s = WATCH_S
            except (Unavailable, OSError):
                pause_s = min(pause_s * 2, WATCH_LIMIT_S)
                log.exception("database_restart_failed", tries_again_in_s=pause_s)

    def status(self) -> ServerStatus:
        """Whether it runs, and where."""
        found = process.find_postmaster(self.layout)
        version = (self.layout.cluster / "PG_VERSION").read_text().strip() if self.layout.exists else ""
        return ServerStatus(
            kind="embedded",
            running=found is not None and found.ready,
            version=version,
            place=str(self.layout.cluster),
            pid=found.pid if found else None,
            standing=self.layout.standing.exists(),
        )

    def url(self, role: DatabaseRole, database: str = DATABASE_NAME) -> str:
        """The address for SQLAlchemy; it works in any process on this machine that the server's map knows."""
        return self._url(role, database)

    def superuser_url(self, database: str = "postgres") -> str:
        """The address of the bootstrap role, for making roles and databases."""
        return self._url(cluster.SUPERUSER, database)

    def client_command(self, program: str, role: DatabaseRole, database: str = DATABASE_NAME) -> list[str]:
        """A command line that connects one of PostgreSQL's own programs, such as ``psql``, as a role."""
        _, binaries = self._account_and_binaries()
        return [binaries.program(program), _libpq(self.url(role, database))]

    def _url(self, role: str, database: str) -> str:
        query = {"host": str(self.layout.socket_dir)}
        return URL.create(DRIVER, username=role, database=database, query=query).render_as_string(hide_password=False)

    def _start(self) -> None:
        """Make sure that it runs and is fit; one that we started and that is not does not stay. The gate is ours."""
        found = process.find_postmaster(self.layout)
        if found is None:
            self._launch()
        elif not found.ready:
            process.wait_until_ready(self.layout, None)
        try:
            self._require_fit()
        except BaseException:
            if found is None:
                process.stop(self.layout, self._process)
            raise

    def _require_fit(self) -> None:
        try:
            with psycopg.connect(_libpq(self.superuser_url()), connect_timeout=CONNECT_LIMIT_S) as connection:
                require_hungarian(connection)
        except psycopg.OperationalError as error:
            if any(words in str(error) for words in REFUSALS):
                raise AccessRefused(place=self.layout.data_dir, user=ourselves()) from error
            raise DatabaseUnavailable from error

    def _launch(self) -> None:
        account, binaries = self._account_and_binaries()
        layout.prepare_cluster_parent(self.layout, account)
        if not self.layout.exists:
            cluster.create_cluster(self.layout, binaries, account, durable=self._durable)
        cluster.require_same_version(self.layout, binaries)
        socket_dir = layout.prepare_socket_dir(self.layout, account)
        cluster.write_configuration(self.layout, account, socket_dir=socket_dir, durable=self._durable)
        self._process = process.spawn(self.layout, binaries, account)
        found = process.wait_until_ready(self.layout, self._process)
        log.info("database_started", pid=found.pid, version=binaries.version, user=account.name)

    def _account_and_binaries(self) -> tuple[ServerAccount, Binaries]:
        if self._tools is None:
            account = account_for(self.layout.cluster, self._os_user)
            self._tools = account, find_binaries(self._bin_dir, account)
        return self._tools

    @contextmanager
    def _gate(self) -> Iterator[None]:
        """One starter or stopper at a time, over threads and processes."""
        with self._thread_gate, exclusive(self.layout.gate):
            yield


class ExternalServer:
    """A PostgreSQL that somebody else runs.

    Who asks is put into the address; passwords come from PGPASSFILE, or there are client certificates. A user with
    another name than our roles stays: that is who this machine is, as a worker's certificate is made out to one role.

    Args:
        owner_url: the address for the owner of the tables, where that is another one: only root reads its certificate.
    """

    def __init__(self, url: str, *, owner_url: str | None = None) -> None:
        self._address = make_url(url)
        self._owner_address = make_url(owner_url or url)

    def exists(self) -> bool:
        """As far as we are concerned; whether it answers is another question."""
        return True

    @contextmanager
    def running(self) -> Iterator[None]:
        """Only makes sure that it answers the appliance."""
        status = self.status()
        if not status.running:
            raise ServerNotPrepared(place=status.place)
        yield

    def ensure(self) -> bool:
        """Nothing of ours to start."""
        return False

    def status(self) -> ServerStatus:
        """Whether it answers, asked as the web role."""
        place = self._address.render_as_string(hide_password=True)
        try:
            with psycopg.connect(_libpq(self.url(DatabaseRole.WEB)), connect_timeout=5) as connection:
                version = connection.info.server_version
        except psycopg.OperationalError:
            return ServerStatus(kind="external", running=False, version="", place=place)
        return ServerStatus(kind="external", running=True, version=str(version // 10000), place=place)

    def client_command(self, program: str, role: DatabaseRole, database: str = DATABASE_NAME) -> list[str]:
        """As the embedded server's; the program is the distribution's."""
        return [program, _libpq(self.url(role, database))]

    def url(self, role: DatabaseRole, database: str = DATABASE_NAME) -> str:
        """The address with the role put in."""
        given = self._owner_address if role is DatabaseRole.OWNER else self._address
        is_ours = given.username is None or given.username in set(DatabaseRole)
        address = given.set(
            drivername=DRIVER,
            username=role.value if is_ours else given.username,
            database=given.database or database,
        )
        return address.render_as_string(hide_password=False)


def _libpq(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
