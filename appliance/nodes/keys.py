"""Keys on a machine that has no root key: one meeting's at a time, asked of the main box."""

from appliance.database.engine import Database, Tx
from appliance.kernel.clock import Clock
from appliance.kernel.ids import MeetingId, TenantId
from appliance.keyring.model import Dek, Kek
from appliance.keyring.queries import WrappedMeetingKey
from appliance.keyring.service import KeyRing
from appliance.nodes.errors import MainBoxRefuses
from appliance.nodes.ports import MainBox


class NoRootKey:
    """Fulfils ``KeyProvider`` on a machine that can wrap and unwrap nothing."""

    name = "none"

    def wrap(self, key: bytes, *, context: bytes) -> bytes:
        """Never.

        Raises:
            MainBoxRefuses: always.
        """
        raise MainBoxRefuses(reason="keys of tenants stay on the main box")

    def unwrap(self, wrapped: bytes, *, context: bytes) -> bytes:
        """Never, as ``wrap``."""
        raise MainBoxRefuses(reason="keys of tenants stay on the main box")


class LeasedKeyRing(KeyRing):
    """The keyring of a worker on another machine.

    The key of a meeting comes from the main box, which hands it out while a step of that meeting is under way here, and
    never otherwise. There is no tenant's key here: what takes one, such as the index of words, is the main box's work.
    """

    def __init__(self, main_box: MainBox, clock: Clock) -> None:
        super().__init__(NoRootKey(), clock)
        self._main_box = main_box

    def opened(self, database: Database, stored: object) -> dict[MeetingId, Dek]:
        """For pages, which this machine does not serve.

        Raises:
            MainBoxRefuses: always.
        """
        raise MainBoxRefuses(reason="keys of tenants stay on the main box")

    def _open(self, tx: Tx, stored: WrappedMeetingKey, wrapped: bytes) -> Dek:
        return Dek(stored.meeting_id, self._main_box.meeting_key(stored.meeting_id))

    def _kek(self, tx: Tx, tenant_id: TenantId, version: int | None = None) -> Kek:
        raise MainBoxRefuses(reason="keys of tenants stay on the main box")
