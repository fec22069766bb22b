"""Use cases of the registry: invite a machine, let it in, hand it what its steps need, and let it go."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import text

from appliance.audit.model import AuditName, Outcome
from appliance.audit.service import AuditTrail
from appliance.database.engine import Database, Tx
from appliance.identity.permissions import Permission, require
from appliance.kernel.actor import Actor, ActorKind
from appliance.kernel.clock import Clock
from appliance.kernel.ids import MeetingId, TenantId, new_uuid
from appliance.keyring.service import KeyRing
from appliance.nodes import queries
from appliance.nodes.authority import Authority, Issued, requested_key
from appliance.nodes.errors import NodeExists, NodeNotFound, NodeRefused, NothingLeased, OtherRelease, TokenRefused
from appliance.nodes.model import (
    CERTIFICATE_LIFETIME,
    TOKEN_LIFETIME,
    Admission,
    NodeLease,
    NodeState,
    NodeView,
    Token,
    checked_name,
    database_role,
    secret_digest,
)

_BLOB = text("SELECT blob FROM recording WHERE meeting_id = :meeting")
REMEMBERED = 10_000
"""Attempts whose event is known to be written; when they are forgotten, an event is written twice."""
_SEEN_EVERY = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Knock:
    """A machine at the door with its token. ``host`` is how its workers will call themselves."""

    secret: str
    request: bytes
    host: str
    release: str
    address: str


class NodeService:
    """The machines that work for this one.

    Args:
        database: as the web role: the registry, which workers cannot change.
        work: as the worker role: who has which step under way, over all tenants.
        home: in whose trail it is put what happens to machines; they belong to no tenant.
        release: the version that runs here.
    """

    def __init__(
        self,
        *,
        database: Database,
        work: Database,
        audit: AuditTrail,
        clock: Clock,
        keyring: KeyRing,
        authority: Authority,
        home: TenantId,
        release: str,
    ) -> None:
        self._database = database
        self._work = work
        self._audit = audit
        self._clock = clock
        self._keyring = keyring
        self._authority = authority
        self._home = home
        self._release = release
        self._handed: set[tuple[UUID, UUID, str, int]] = set()

    def registered(self) -> list[NodeView]:
        """Every machine that is not removed."""
        with self._database.reading(None) as tx:
            return queries.nodes(tx)

    def show(self, name: str) -> tuple[NodeView, list[NodeLease]]:
        """One machine, and what it has under way.

        Raises:
            NodeNotFound: there is none of this name.
        """
        with self._database.reading(None) as tx:
            node = queries.node_named(tx, name)
        return node, self._leases(node)

    def invite(self, actor: Actor, name: str, *, address: str, lifetime: timedelta = TOKEN_LIFETIME) -> Token:
        """A token for a machine at ``address``; only its hash is kept. An earlier one for this name stops working.

        Raises:
            InvalidNodeName: ``name`` is none.
            NodeExists: a machine of this name has joined.
        """
        require(actor, Permission.NODE_MANAGE)
        checked_name(name)
        token, now = Token.new(self._authority.fingerprint), self._clock.now()
        with self._database.transaction(self._home) as tx:
            invited = tx.execute(
                text(
                    """
                    INSERT INTO node (id, name, address, state, token_hash, token_until, host, invited_at)
                    VALUES (:id, :name, :address, 'invited', :hash, :until, '', :now)
                    ON CONFLICT (name) WHERE state <> 'removed' DO UPDATE
                    SET address = :address, token_hash = :hash, token_until = :until, invited_at = :now
                    WHERE node.state = 'invited'
                    RETURNING id
                    """
                ),
                {
                    "id": new_uuid(),
                    "name": name,
                    "address": address,
                    "hash": token.digest,
                    "until": now + lifetime,
                    "now": now,
                },
            ).scalar()
            if invited is None:
                raise NodeExists(name=name)
            self._record(tx, AuditName.NODE_INVITED, actor, invited, name=name, address=address)
        return token

    def admit(self, knock: Knock) -> Admission:
        """Let a machine in that shows a good token; the token is used up.

        Raises:
            TokenRefused: no such token, or used, too old, or shown from another address.
            OtherRelease: the machine runs another version; the token stays good.
            RequestInvalid: its certificate request cannot be used; the token stays good.
        """
        key, now = requested_key(knock.request), self._clock.now()
        invited = self._invited(knock)
        if knock.release != self._release:
            raise OtherRelease(own=knock.release, main=self._release)
        role = database_role(invited.name)
        issued = self._issue(invited, key)
        with self._database.transaction(self._home) as tx:
            joined = tx.execute(
                text(
                    """
                    UPDATE node SET state = 'joined', token_hash = NULL, token_until = NULL, host = :host,
                           serial = :serial, certificate_until = :until, joined_at = :now, seen_at = :now
                    WHERE id = :id AND state = 'invited' AND token_hash = :hash RETURNING id
                    """
                ),
                {
                    "id": invited.id,
                    "host": knock.host,
                    "serial": issued.serial,
                    "until": issued.until,
                    "now": now,
                    "hash": secret_digest(knock.secret),
                },
            ).scalar()
            if joined is None:
                raise TokenRefused
            self._record(tx, AuditName.NODE_JOINED, self._machine(invited), invited.id, serial=issued.serial)
        return Admission(invited.name, role, issued.pem.decode("ascii"))

    def known(self, serial: str, *, address: str) -> NodeView:
        """Who shows this certificate; notes that it was seen.

        Raises:
            NodeRefused: nobody who may work for us, or from another address than the one it was invited from.
        """
        with self._database.reading(None) as tx:
            node = queries.node_with_certificate(tx, serial)
        if node is None or node.address != address:
            raise NodeRefused
        now = self._clock.now()
        if node.seen_at is None or now - node.seen_at > _SEEN_EVERY:
            with self._database.transaction(None) as tx:
                tx.execute(text("UPDATE node SET seen_at = :now WHERE id = :id"), {"now": now, "id": node.id})
        return node

    def renew(self, node: NodeView, request: bytes) -> bytes:
        """The next certificate of a machine; the one before is good until the renewal after this one.

        Raises:
            RequestInvalid: its request cannot be used.
            NodeRefused: it was removed meanwhile.
        """
        issued = self._issue(node, requested_key(request))
        with self._database.transaction(self._home) as tx:
            renewed = tx.execute(
                text(
                    "UPDATE node SET serial = :serial, previous_serial = serial, certificate_until = :until"
                    " WHERE id = :id AND state IN ('joined', 'draining') RETURNING id"
                ),
                {"id": node.id, "serial": issued.serial, "until": issued.until},
            ).scalar()
            if renewed is None:
                raise NodeRefused
            self._record(tx, AuditName.NODE_RENEWED, self._machine(node), node.id, serial=issued.serial)
        return issued.pem

    def meeting_key(self, node: NodeView, meeting_id: MeetingId) -> bytes:
        """The key of one meeting, for a machine that has a step of it under way; the trail says so once per attempt.

        Raises:
            NothingLeased: it has none.
            KeyDestroyed: the meeting was deleted.
        """
        lease = next((each for each in self._leases(node) if each.meeting_id == meeting_id), None)
        if lease is None:
            raise NothingLeased
        told = (node.id, meeting_id, lease.step, lease.attempt)
        if told in self._handed:
            with self._database.reading(lease.tenant_id) as tx:
                return self._keyring.meeting_key(tx, meeting_id).key
        with self._database.transaction(lease.tenant_id) as tx:
            key = self._keyring.meeting_key(tx, meeting_id).key
            self._audit.record(
                tx,
                AuditName.NODE_KEY_HANDED,
                actor=self._machine(node, lease.tenant_id),
                subject_type="meeting",
                subject_id=meeting_id,
                detail={"node": node.name, "step": lease.step, "attempt": lease.attempt},
            )
        if len(self._handed) >= REMEMBERED:
            self._handed.clear()
        self._handed.add(told)
        return key

    def require_blob(self, node: NodeView, name: str) -> None:
        """Let a machine read a recording's ciphertext, if it has a step of that meeting under way.

        Raises:
            NothingLeased: it has none.
        """
        for lease in self._leases(node):
            with self._database.reading(lease.tenant_id) as tx:
                if tx.execute(_BLOB, {"meeting": lease.meeting_id}).scalar() == name:
                    return
        raise NothingLeased

    def drain(self, actor: Actor, name: str) -> NodeView:
        """Let a machine take no new steps; it gives back those that it has.

        Raises:
            NodeNotFound: there is none of this name.
        """
        return self._turn(actor, name, NodeState.DRAINING, AuditName.NODE_DRAINED)

    def resume(self, actor: Actor, name: str) -> NodeView:
        """Let a drained machine work again.

        Raises:
            NodeNotFound: there is none of this name.
        """
        return self._turn(actor, name, NodeState.JOINED, AuditName.NODE_RESUMED)

    def remove(self, actor: Actor, name: str, *, lock_out: Callable[[NodeView], object]) -> int:
        """Take back everything that a machine may do; from how many meetings it ever had a key.

        Args:
            lock_out: takes its way into the database away, after the door no longer opens.

        Raises:
            NodeNotFound: there is none of this name.
        """
        require(actor, Permission.NODE_MANAGE)
        now = self._clock.now()
        with self._database.transaction(self._home) as tx:
            node = queries.node_named(tx, name)
            tx.execute(
                text(
                    "UPDATE node SET state = 'removed', removed_at = :now, token_hash = NULL, token_until = NULL"
                    " WHERE id = :id"
                ),
                {"now": now, "id": node.id},
            )
            self._record(tx, AuditName.NODE_REMOVED, actor, node.id, name=node.name, serial=node.serial)
        lock_out(node)
        return self._keys_handed(node)

    def refused(self, address: str, reason: str) -> None:
        """Put into the trail that somebody was not let in."""
        nobody = Actor(ActorKind.ANONYMOUS, self._home, "machine", origin=address)
        with self._database.transaction(self._home) as tx:
            self._audit.record(
                tx,
                AuditName.NODE_REFUSED,
                actor=nobody,
                subject_type="node",
                subject_id=None,
                outcome=Outcome.REFUSED,
                detail={"code": reason},
            )

    def _invited(self, knock: Knock) -> NodeView:
        with self._database.reading(None) as tx:
            found = tx.execute(
                text(
                    "SELECT name FROM node WHERE state = 'invited' AND token_hash = :hash"
                    " AND token_until > :now AND address = :address"
                ),
                {"hash": secret_digest(knock.secret), "now": self._clock.now(), "address": knock.address},
            ).scalar()
            if found is None:
                raise TokenRefused
            return queries.node_named(tx, found)

    def _issue(self, node: NodeView, key: ec.EllipticCurvePublicKey) -> Issued:
        return self._authority.issue(
            key,
            name=database_role(node.name),
            addresses=(node.address,),
            now=self._clock.now(),
            days=CERTIFICATE_LIFETIME.days,
        )

    def _turn(self, actor: Actor, name: str, state: NodeState, event: AuditName) -> NodeView:
        require(actor, Permission.NODE_MANAGE)
        with self._database.transaction(self._home) as tx:
            turned = tx.execute(
                text(
                    "UPDATE node SET state = :state WHERE name = :name AND state IN ('joined', 'draining') RETURNING id"
                ),
                {"state": state.value, "name": name},
            ).scalar()
            if turned is None:
                raise NodeNotFound(name=name)
            self._record(tx, event, actor, turned, name=name)
            return queries.node_named(tx, name)

    def _leases(self, node: NodeView) -> list[NodeLease]:
        if not node.host:
            return []
        with self._work.reading(None) as tx:
            return queries.leases_of(tx, node.host)

    def _keys_handed(self, node: NodeView) -> int:
        with self._database.reading(self._home) as tx:
            return int(
                tx.execute(
                    text(
                        "SELECT count(DISTINCT subject_id) FROM audit_event"
                        " WHERE name = :name AND detail::jsonb ->> 'node' = :node"
                    ),
                    {"name": AuditName.NODE_KEY_HANDED.value, "node": node.name},
                ).scalar_one()
            )

    def _machine(self, node: NodeView, tenant_id: TenantId | None = None) -> Actor:
        return Actor(ActorKind.SYSTEM, tenant_id or self._home, f"node {node.name}", origin=node.address)

    def _record(self, tx: Tx, event: AuditName, actor: Actor, node_id: UUID, **detail: str) -> None:
        self._audit.record(tx, event, actor=actor, subject_type="node", subject_id=node_id, detail=detail)
