"""Reads of tenants."""

from sqlalchemy import text

from appliance.database.engine import Tx
from appliance.kernel.ids import TenantId
from appliance.tenants.errors import NoTenant, TenantMissing
from appliance.tenants.model import TenantView


def first_tenant(tx: Tx) -> TenantId:
    """The tenant that was set up first: whose trail takes what happens before anybody has signed in.

    Raises:
        NoTenant: the appliance was never set up.
    """
    found = tx.execute(text("SELECT first_tenant()")).scalar_one()
    if found is None:
        raise NoTenant
    return TenantId(found)


def show_tenant(tx: Tx, tenant_id: TenantId) -> TenantView:
    """One tenant, as far as the transaction may see it.

    Raises:
        TenantMissing: there is none, or it is not for these eyes.
    """
    row = tx.execute(text("SELECT id, name, created_at FROM tenant WHERE id = :id"), {"id": tenant_id}).one_or_none()
    if row is None:
        raise TenantMissing(tenant_id=tenant_id)
    return TenantView(TenantId(row.id), row.name, row.created_at)


def list_tenants(tx: Tx) -> list[TenantView]:
    """All tenants that the transaction may see, oldest first: every one for workers, its own for the web."""
    rows = tx.execute(text("SELECT id, name, created_at FROM tenant ORDER BY created_at, id"))
    return [TenantView(TenantId(row.id), row.name, row.created_at) for row in rows]
