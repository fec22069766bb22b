"""The registry of machines over a real database, and a machine that knocks at its door."""

from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import text

from appliance.audit.service import AuditTrail
from appliance.identity.permissions import EVERY_PERMISSION
from appliance.kernel.actor import Actor, ActorKind
from appliance.kernel.clock import Clock
from appliance.kernel.ids import TenantId
from appliance.keyring.service import KeyRing
from appliance.nodes.authority import Authority, new_key, private_pem, request_for
from appliance.nodes.service import Knock, NodeService
from tests.factories.database import TestDatabase

RELEASE = "1.2.3"
ADDRESS = "127.0.0.1"
HOST = "lathe/12345678"


@dataclass
class MainBox:
    """The main box as far as the registry is concerned; its certificates lie in ``folder``."""

    db: TestDatabase
    tenant: TenantId
    keyring: KeyRing
    audit: AuditTrail
    clock: Clock
    folder: Path

    def __post_init__(self) -> None:
        self.authority.create(name="test", now=self.clock.now())
        self.service = NodeService(
            database=self.db.web,
            work=self.db.worker,
            audit=self.audit,
            clock=self.clock,
            keyring=self.keyring,
            authority=self.authority,
            home=self.tenant,
            release=RELEASE,
        )

    @property
    def authority(self) -> Authority:
        return Authority(self.folder / "authority.pem", self.folder / "authority.key")

    @property
    def operator(self) -> Actor:
        return Actor(ActorKind.OPERATOR, self.tenant, "root", origin="cli", permissions=frozenset(EVERY_PERMISSION))

    def events(self) -> list[str]:
        """What the trail says of machines."""
        with self.db.web.reading(self.tenant) as tx:
            found = tx.execute(text("SELECT name FROM audit_event WHERE name LIKE 'nodes:%' ORDER BY seq"))
            return [str(name) for (name,) in found]


@dataclass
class Machine:
    """Another machine with its own key."""

    folder: Path
    host: str = HOST
    key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)

    def knock(self, secret: str, *, address: str = ADDRESS, release: str = RELEASE) -> Knock:
        return Knock(secret, request_for(self.key, name="worker"), self.host, release, address)

    def keep(self, certificate: str) -> tuple[Path, Path]:
        """Write certificate and key where TLS finds them."""
        pair = self.folder / "node.pem", self.folder / "node.key"
        pair[0].write_text(certificate)
        pair[1].write_bytes(private_pem(self.key))
        return pair
