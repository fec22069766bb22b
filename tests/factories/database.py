"""Databases of tests: made in milliseconds from a migrated template, dropped afterwards."""

import os
import signal
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
from sqlalchemy import make_url

from appliance.adapters.postgres import EmbeddedServer
from appliance.adapters.postgres.process import is_alive
from appliance.adapters.postgres.provisioning import provision, rights_sql
from appliance.database.engine import Database
from appliance.database.roles import DatabaseRole


@dataclass
class TestDatabase:
    """A database of one test, with a way in for each role."""

    __test__ = False

    server: EmbeddedServer
    name: str
    _open: dict[DatabaseRole, Database] = field(default_factory=dict)

    @property
    def web(self) -> Database:
        """As the process that serves people."""
        return self._as(DatabaseRole.WEB)

    @property
    def worker(self) -> Database:
        """As a process that works on jobs."""
        return self._as(DatabaseRole.WORKER)

    @property
    def owner(self) -> Database:
        """As the operator who owns the tables."""
        return self._as(DatabaseRole.OWNER)

    @property
    def owner_url(self) -> str:
        return self.server.url(DatabaseRole.OWNER, self.name)

    @property
    def web_url(self) -> str:
        return self.server.url(DatabaseRole.WEB, self.name)

    @property
    def worker_url(self) -> str:
        return self.server.url(DatabaseRole.WORKER, self.name)

    @property
    def superuser_url(self) -> str:
        """Past every policy and trigger: for playing somebody who tampers."""
        return self.server.superuser_url(self.name)

    def connect(self, url: str) -> psycopg.Connection[tuple[object, ...]]:
        """A plain connection in autocommit mode; the test closes it."""
        return psycopg.connect(libpq(url), autocommit=True)

    def dispose(self) -> None:
        for database in self._open.values():
            database.dispose()

    def _as(self, role: DatabaseRole) -> Database:
        if role not in self._open:
            self._open[role] = Database(self.server.url(role, self.name), pool_size=4)
        return self._open[role]


@contextmanager
def new_database(server: EmbeddedServer, *, template: str | None) -> Iterator[TestDatabase]:
    """A database for the length of a block: a copy of ``template``, or one in which no migration has run."""
    database = TestDatabase(server, f"t_{uuid.uuid4().hex}")
    if template is None:
        provision(server.superuser_url(), database.name)
    else:
        # Copying files is quicker than writing them all to the log, where nobody waits for the disk.
        made = f"CREATE DATABASE {database.name} TEMPLATE {template} STRATEGY file_copy OWNER {DatabaseRole.OWNER}"
        _administer(server, made)
        with database.connect(database.superuser_url) as connection:
            connection.execute(rights_sql(database.name).encode())
    try:
        yield database
    finally:
        database.dispose()
        _administer(server, f"DROP DATABASE IF EXISTS {database.name} WITH (FORCE)")


def kill_server(server: EmbeddedServer) -> int:
    """Kill the main process of a server, as a crash would, and wait until it is dead; returns its number."""
    pid = server.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while is_alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return pid


def libpq(url: str) -> str:
    """An address as psycopg takes it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def _administer(server: EmbeddedServer, statement: str) -> None:
    with psycopg.connect(libpq(server.superuser_url()), autocommit=True) as connection:
        connection.execute(statement.encode())
