"""What the portal needs from the appliance; the composition root hands in something that has it all."""

from typing import Protocol

from appliance.database.engine import Database
from appliance.identity.accounts import AccountService
from appliance.identity.service import IdentityService
from appliance.kernel.clock import Clock
from appliance.settings import Settings


class WebServices(Protocol):
    """The services behind the portal's doors."""

    @property
    def settings(self) -> Settings: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def database(self) -> Database: ...
    @property
    def identity(self) -> IdentityService: ...
    @property
    def accounts(self) -> AccountService: ...
