"""Connections and transactions: one transaction per use case, bound to one tenant.

The tenant is set with ``set_config('app.tenant', …, is_local => true)`` at the start of the transaction, so that a pooled
connection can never carry it into the next one. A transaction without a tenant sees no row of any protected table.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import Engine, create_engine, text
from sqlmodel import Session

from appliance.kernel.ids import TenantId


class Tx(Session):
    """One open transaction of one use case.

    ``tenant_id`` is whose rows it sees. ``before_commit`` registers work that must be the last of the transaction, such
    as appending to a chain whose head is locked until the commit.
    """

    def __init__(self, engine: Engine, tenant_id: TenantId | None) -> None:
        super().__init__(engine, expire_on_commit=False)
        self.tenant_id = tenant_id
        self._last: list[Callable[[], None]] = []

    def before_commit(self, action: Callable[[], None]) -> None:
        """Run ``action`` once, inside this transaction, right before it commits."""
        self._last.append(action)

    def finish(self) -> None:
        """Run what was registered, then commit."""
        for action in self._last:
            action()
        self.commit()


class Database:
    """The application's way to PostgreSQL, as one of its unprivileged roles.

    Args:
        url: ``postgresql+psycopg://ROLE@/DATABASE?host=SOCKET_DIR`` or a TCP address.
        pool_size: connections kept open by this process.
    """

    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        self.url = url
        self.engine = create_engine(
            url,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_pre_ping=True,
            connect_args={"prepare_threshold": 3},
        )

    @contextmanager
    def transaction(self, tenant_id: TenantId | None) -> Iterator[Tx]:
        """One transaction that sees the rows of ``tenant_id`` alone; commits at the end, rolls back on an error."""
        with Tx(self.engine, tenant_id) as tx:
            if tenant_id is not None:
                tx.execute(text("SELECT set_config('app.tenant', :tenant, true)"), {"tenant": str(tenant_id)})
            yield tx
            tx.finish()

    @contextmanager
    def reading(self, tenant_id: TenantId | None) -> Iterator[Tx]:
        """As ``transaction``, read-only: PostgreSQL itself refuses a write."""
        with Tx(self.engine, tenant_id) as tx:
            tx.execute(text("SET TRANSACTION READ ONLY"))
            if tenant_id is not None:
                tx.execute(text("SELECT set_config('app.tenant', :tenant, true)"), {"tenant": str(tenant_id)})
            yield tx

    def raw_connection(self) -> psycopg.Connection[Any]:
        """A psycopg connection outside the pool in autocommit mode, for LISTEN and for Huey; the caller closes it."""
        url = self.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        return psycopg.connect(url, autocommit=True)

    def dispose(self) -> None:
        """Close the pool."""
        self.engine.dispose()
