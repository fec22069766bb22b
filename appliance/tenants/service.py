"""Founding a tenant; an operator's act, done as the owner role."""

from sqlalchemy import text

from appliance.database.engine import Tx
from appliance.kernel.clock import Clock
from appliance.kernel.ids import TenantId, new_uuid
from appliance.tenants.errors import TenantNameTaken
from appliance.tenants.model import clean_name


class TenantService:
    """Use cases of tenants.

    Its caller owns the transaction and writes the audit event: the trail is a room above this one.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def found(self, tx: Tx, name: str) -> TenantId:
        """Set up an organisation; its key is made next, by the keyring.

        Raises:
            TenantNameTaken: there is one of that name, in whatever case.
            TenantNameBlank: the name is empty.
        """
        cleaned = clean_name(name)
        tenant_id = TenantId(new_uuid())
        inserted = tx.execute(
            text(
                "INSERT INTO tenant (id, name, created_at) VALUES (:id, :name, :at)"
                " ON CONFLICT (lower(name)) DO NOTHING RETURNING id"
            ),
            {"id": tenant_id, "name": cleaned, "at": self._clock.now()},
        ).one_or_none()
        if inserted is None:
            raise TenantNameTaken(name=cleaned)
        return tenant_id
