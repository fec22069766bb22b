"""Connections and transactions: one transaction per use case, bound to one tenant.

The tenant is set with ``set_config('app.tenant', …, is_local => true)`` at the start of the transaction, so that a
pooled connection can never carry it into the next one. A transaction without a tenant sees no row of any protected
table.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.orm import SessionTransaction
from sqlmodel import Session

from appliance.database.outages import told_plainly
from appliance.database.reads import HotReads, Question, Rows
from appliance.kernel.ids import TenantId

CONNECT_LIMIT_S = 10


class Tx(Session):
    """One open transaction of one use case; ``tenant_id`` is whose rows it sees."""

    def __init__(self, engine: Engine, tenant_id: TenantId | None, *, read_only: bool = False) -> None:
        super().__init__(engine, expire_on_commit=False)
        self.tenant_id = tenant_id
        self.read_only = read_only
        self._before_commit: list[Callable[[], None]] = []
        self._last_acts: list[Callable[[], None]] = []

    def before_commit(self, action: Callable[[], None]) -> None:
        """Run ``action`` once, inside this transaction, when the use case is through; in the order given."""
        self._before_commit.append(action)

    def as_last_act(self, action: Callable[[], None]) -> None:
        """Run ``action`` after all of those, right before the commit.

        For what locks a row that everybody needs, such as the head of a chain: whoever takes that lock takes no other
        after it, so two transactions never wait for each other.
        """
        self._last_acts.append(action)

    def finish(self) -> None:
        """Run what was registered, and what that registers, then commit."""
        while self._before_commit or self._last_acts:
            waiting = self._before_commit or self._last_acts
            waiting.pop(0)()
        self.commit()


_BIND = "SELECT set_config('app.tenant', %(tenant)s, true)"
_BIND_READING = f"{_BIND}, set_config('transaction_read_only', 'on', true)"
"""Both in one question: every read of a page begins with it."""


@event.listens_for(Tx, "after_begin")
def _bind(session: Session, _transaction: SessionTransaction, connection: Connection) -> None:
    """Bind every transaction of the session, so that one that goes on after a commit is bound as well."""
    if not isinstance(session, Tx):
        return
    if session.tenant_id is not None:
        statement = _BIND_READING if session.read_only else _BIND
        connection.exec_driver_sql(statement, {"tenant": str(session.tenant_id)})
    elif session.read_only:
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")


class Database:
    """The application's way to PostgreSQL, as one of its unprivileged roles.

    Args:
        url: ``postgresql+psycopg://ROLE@/DATABASE?host=SOCKET_DIR`` or a TCP address.
        pool_size: connections kept open by this process for transactions, and as many for hot reads.
    """

    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        self.url = url
        self.engine = create_engine(
            url,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={"prepare_threshold": 3, "connect_timeout": CONNECT_LIMIT_S},
        )
        self._hot = HotReads(self.raw_connection, size=pool_size)

    @contextmanager
    def transaction(self, tenant_id: TenantId | None) -> Iterator[Tx]:
        """One transaction that sees the rows of ``tenant_id`` alone; commits at the end, rolls back on an error.

        Raises:
            DatabaseUnavailable: the server does not answer or went away; nothing of this transaction was kept, unless
                it went away in the very moment of the commit.
            DataDamaged: a page on the disk failed its checksum.
        """
        with told_plainly(), Tx(self.engine, tenant_id) as tx:
            yield tx
            tx.finish()

    @contextmanager
    def reading(self, tenant_id: TenantId | None) -> Iterator[Tx]:
        """As ``transaction``, read-only: PostgreSQL itself refuses a write.

        Raises:
            DatabaseUnavailable: the server does not answer or went away.
        """
        with told_plainly(), Tx(self.engine, tenant_id, read_only=True) as tx:
            yield tx
            # A rollback would do as well, but psycopg then forgets every prepared statement of the connection.
            tx.commit()

    def ask(self, tenant_id: TenantId, *questions: Question) -> list[Rows]:
        """The answers to hot reads, all in one journey and one read-only transaction; a fifth of a session's price.

        Raises:
            DatabaseUnavailable: the server does not answer.
        """
        with told_plainly():
            return self._hot.ask(tenant_id, *questions)

    def call(self, question: Question) -> Rows:
        """One statement that commits by itself, without a tenant.

        For the one question that every request asks before it knows whose it is. It may be asked twice.

        Raises:
            DatabaseUnavailable: the server does not answer.
        """
        with told_plainly():
            return self._hot.call(question)

    def raw_connection(self) -> psycopg.Connection[Any]:
        """A psycopg connection outside the pool in autocommit mode, for LISTEN and for Huey; the caller closes it.

        Raises:
            DatabaseUnavailable: the server does not answer.
        """
        url = self.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        with told_plainly():
            return psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_LIMIT_S)

    def dispose(self) -> None:
        """Close all connections."""
        self._hot.close()
        self.engine.dispose()
