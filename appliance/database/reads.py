"""Hot reads: what a page asks all day, in one journey to the server and without the ORM.

The questions of one ``ask`` travel together (libpq's pipeline mode) and are one implicit transaction: PostgreSQL ends
it at the pipeline's sync, and with it the tenant and ``transaction_read_only``, both set as local by the first
statement. Statements stay prepared, values travel in binary, and a connection is not asked before every use whether it
lives: where it turns out dead, the read is asked once more on a new one. A read may be; nothing else comes this way.

PostgreSQL plans each statement once and not for every value: under row-level security the planning of a list costs four
times its execution. So a question must say in its text what its plan depends on: which conditions there are, and LIMIT.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, LiteralString, TypeVar, cast

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy.pool import Pool, QueuePool

from appliance.database.outages import is_connection_loss
from appliance.kernel.ids import TenantId

_T = TypeVar("_T")

Rows = Sequence[tuple[Any, ...]]

_BIND: Final = "SELECT set_config('app.tenant', %s, true), set_config('transaction_read_only', 'on', true)"


@dataclass(frozen=True, slots=True)
class Question:
    """One statement with psycopg's ``%(name)s`` placeholders, and their values; its plan does not know the values."""

    sql: LiteralString
    values: Mapping[str, Any] = field(default_factory=dict)


def limited(sql: LiteralString, most: int) -> LiteralString:
    """``sql`` with its LIMIT as text: whether an index or a sort is cheaper depends on it."""
    return f"{sql} LIMIT {most:d}"


class HotReads:
    """A few connections in autocommit mode, opened when they are needed.

    Args:
        connect: opens a psycopg connection in autocommit mode.
        size: how many there may be at once; whoever comes then waits.
    """

    def __init__(self, connect: Callable[[], Any], *, size: int) -> None:
        self._lock = threading.Lock()
        # As a LIFO: what one person needs at night stays on one connection, with its prepared statements.
        self._pool: Pool = QueuePool(
            lambda: _planning_once(connect()), pool_size=size, max_overflow=0, use_lifo=True, reset_on_return=None
        )

    def ask(self, tenant_id: TenantId, *questions: Question) -> list[Rows]:
        """The answers to all questions, seen as ``tenant_id``; PostgreSQL itself refuses a write.

        Raises:
            psycopg.OperationalError: the server does not answer, or went away twice.
        """
        return self._twice(lambda connection: _ask_together(connection, tenant_id, questions))

    def call(self, question: Question) -> Rows:
        """One statement that commits by itself, without a tenant: only functions of the database see rows there.

        It may be asked twice, so it must not matter when it is.

        Raises:
            psycopg.OperationalError: the server does not answer, or went away twice.
        """
        return self._twice(lambda connection: _execute(connection, question).fetchall())

    def close(self) -> None:
        """Close every connection."""
        self._pool.dispose()

    def _twice(self, read: Callable[[psycopg.Connection[Any]], _T]) -> _T:
        """Read on a connection that was open before; on a new one if that one or its server had gone."""
        pool = self._pool
        try:
            return _read_on(pool, read)
        except psycopg.OperationalError as error:
            if not is_connection_loss(error):
                raise
        with self._lock:
            if self._pool is pool:  # of several threads that lost their connections, one throws the pool away
                self._pool = pool.recreate()
        pool.dispose()
        return _read_on(self._pool, read)


def _planning_once(connection: psycopg.Connection[Any]) -> Any:
    connection.execute("SET plan_cache_mode = force_generic_plan")
    return connection


def _read_on(pool: Pool, read: Callable[[psycopg.Connection[Any]], _T]) -> _T:
    held = pool.connect()
    connection = cast("psycopg.Connection[Any]", held.dbapi_connection)
    try:
        return read(connection)
    finally:
        if connection.closed or connection.info.transaction_status is not TransactionStatus.IDLE:
            held.invalidate()
        held.close()


def _ask_together(
    connection: psycopg.Connection[Any], tenant_id: TenantId, questions: Sequence[Question]
) -> list[Rows]:
    with connection.pipeline():
        connection.execute(_BIND, (str(tenant_id),), prepare=True, binary=True)
        asked = [_execute(connection, question) for question in questions]
    return [cursor.fetchall() for cursor in asked]


def _execute(connection: psycopg.Connection[Any], question: Question) -> psycopg.Cursor[Any]:
    return connection.execute(question.sql, question.values, prepare=True, binary=True)
