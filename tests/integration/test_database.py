"""Transactions on a real PostgreSQL."""

from sqlalchemy import text

from appliance.kernel.ids import TenantId
from tests.factories.database import TestDatabase


def test_a_transaction_sees_its_own_tenant(db: TestDatabase, tenant: TenantId) -> None:
    """Whose transaction it is decides what it sees."""
    with db.web.reading(tenant) as tx:
        assert tx.execute(text("SELECT name FROM tenant")).scalars().all() == ["Kékfa Egyesület"]
    with db.web.reading(None) as tx:
        assert tx.execute(text("SELECT name FROM tenant")).scalars().all() == []
