"""People of tests: made through the same services as real ones, with passwords that hash quickly."""

from dataclasses import dataclass

from appliance.audit.service import AuditTrail
from appliance.database.engine import Database
from appliance.identity.accounts import AccountService
from appliance.identity.model import Client, NewSession
from appliance.identity.passwords import Passwords
from appliance.identity.permissions import EVERY_PERMISSION, Role
from appliance.identity.service import IdentityService
from appliance.kernel.actor import Actor, ActorKind
from appliance.kernel.clock import Clock
from appliance.kernel.ids import TenantId

PASSWORD = "correct horse battery staple"
HOME = Client(address="192.0.2.10", user_agent="a browser at home")
QUICK_PASSWORDS = Passwords(time_cost=1, memory_kib=64)
"""Real Argon2id with parameters that a test has time for."""

IDLE_S = 3600.0
ABSOLUTE_S = 24 * 3600.0


@dataclass(frozen=True)
class People:
    """The identity room over one database, and the ways in which tests get people."""

    identity: IdentityService
    accounts: AccountService
    tenant: TenantId

    @property
    def operator(self) -> Actor:
        """Somebody with a shell on the machine."""
        return Actor(
            kind=ActorKind.OPERATOR, tenant_id=self.tenant, name="root", origin="cli", permissions=EVERY_PERMISSION
        )

    def administrator(self, email: str = "anna@example.org", *, client: Client = HOME) -> NewSession:
        """The first administrator, signed in; once per tenant."""
        code = self.identity.issue_first_code(self.operator)
        return self.identity.become_first_administrator(
            code=code.code, email=email, name="Kovács Anna", password=PASSWORD, client=client
        )

    def person(self, email: str, role: Role = Role.MEMBER, *, client: Client = HOME) -> NewSession:
        """Somebody else, signed in."""
        _, code = self.accounts.create(self.operator, email=email, name=email.split("@")[0], role=role)
        return self.identity.set_password_with_code(code=code.code, password=PASSWORD, client=client)


def people_of(database: Database, clock: Clock, tenant: TenantId) -> People:
    """The identity room with quick passwords."""
    audit = AuditTrail(clock)
    identity = IdentityService(
        database, audit, clock, session_idle_s=IDLE_S, session_absolute_s=ABSOLUTE_S, passwords=QUICK_PASSWORDS
    )
    return People(identity, AccountService(database, audit, clock), tenant)
