"""Servers over restored folders: the house's own launcher over the distribution's programs."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from appliance.adapters.pgbackrest import DATABASE_FILES, ENDED_TOO_EARLY, POLL_S, forget_target
from appliance.adapters.postgres import EmbeddedServer
from appliance.adapters.postgres.account import ServerAccount
from appliance.adapters.postgres.binaries import DISTRIBUTION
from appliance.adapters.postgres.cluster import SUPERUSER
from appliance.adapters.postgres.process import find_postmaster, last_words
from appliance.backups.errors import ServerWontStart
from appliance.database.errors import ServerDidNotStart
from appliance.database.ports import DatabaseServer


class LocalScratchServers:
    """``ScratchServers`` on this machine, run by the account that wrote the restored files."""

    def __init__(self, account: ServerAccount) -> None:
        self._account = account

    @contextmanager
    def running(self, folder: Path) -> Iterator[DatabaseServer]:
        """As the port says."""
        files = folder / DATABASE_FILES
        try:
            version = (files / "PG_VERSION").read_text().strip()
        except OSError as error:
            raise ServerWontStart(reason="the folder holds no database") from error
        server = EmbeddedServer(
            folder, bin_dir=DISTRIBUTION / version / "bin", os_user=self._account.name, watched=False
        )
        try:
            _start(server, files)
        except ServerDidNotStart as error:
            raise ServerWontStart(reason=last_words(server.layout.log)) from error
        try:
            yield server
        finally:
            server.leave()


def _start(server: EmbeddedServer, files: Path) -> None:
    try:
        _replay(server)
    except ServerDidNotStart:
        if ENDED_TOO_EARLY not in server.layout.log.read_text("utf-8", "replace"):
            raise
        forget_target(files)
        _replay(server)


def _replay(server: EmbeddedServer) -> None:
    """Start it and wait until the log is replayed: it answers questions before that, from the past.

    Raises:
        ServerDidNotStart: it ended.
    """
    server.join()
    try:
        while _in_recovery(server):
            time.sleep(POLL_S)
    except BaseException:
        server.leave()
        raise


def _in_recovery(server: EmbeddedServer) -> bool:
    try:
        with psycopg.connect(
            host=str(server.layout.socket_dir), user=SUPERUSER, dbname="postgres", connect_timeout=10
        ) as connection:
            return connection.execute("SELECT pg_is_in_recovery()").fetchone() != (False,)
    except psycopg.OperationalError as error:
        if find_postmaster(server.layout) is None:
            raise ServerDidNotStart(reason=last_words(server.layout.log), log=server.layout.log) from error
        return True
