"""Jobs on a real database: a service as doors have it, and workers that a test moves by hand."""

from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from sqlalchemy import text

from appliance.adapters.huey_doorbell import HueyDoorbell
from appliance.audit.service import AuditTrail
from appliance.identity.permissions import EVERY_PERMISSION, Permission
from appliance.jobs import roster
from appliance.jobs.leased import LeasedContext, StopSignal
from appliance.jobs.leases import Leases
from appliance.jobs.ledger import Ledger
from appliance.jobs.model import JobView, Lease, Queue, Saga
from appliance.jobs.ports import Step
from appliance.jobs.processes import WorkerProcess, this_process
from appliance.jobs.reaper import Reaper
from appliance.jobs.retrying import LeasePolicy
from appliance.jobs.runner import Sagas, StepRunner, known_steps
from appliance.jobs.service import JobService
from appliance.kernel.actor import Actor, ActorKind
from appliance.kernel.ids import JobId, MeetingId, TenantId, UserId, new_uuid
from appliance.keyring.service import KeyRing
from tests.factories.database import TestDatabase

PROMPT = LeasePolicy(lease_s=30, heartbeat_s=0.1, reap_s=0.1, max_attempts=3, retry_s=0.0, stop_s=0.0)
"""Retries without a pause, so that a test need not wait."""


def person(tenant_id: TenantId, *, user_id: UserId | None = None, sees_all: bool = False) -> Actor:
    """A signed-in member, or somebody who looks after everybody's jobs."""
    permissions = EVERY_PERMISSION if sees_all else EVERY_PERMISSION - {Permission.JOB_MANAGE_ALL}
    return Actor(
        kind=ActorKind.USER,
        tenant_id=tenant_id,
        name="anna@example.test",
        user_id=user_id or UserId(new_uuid()),
        permissions=frozenset(permissions),
    )


@dataclass
class Workshop:
    """Everything that jobs need, over one database."""

    db: TestDatabase
    tenant: TenantId
    keyring: KeyRing
    audit: AuditTrail
    sagas: Sagas
    policy: LeasePolicy = PROMPT
    doorbell: HueyDoorbell = field(default_factory=HueyDoorbell)
    stop: StopSignal = field(default_factory=lambda: StopSignal(patience_s=0.0))

    @property
    def service(self) -> JobService:
        """As the web process has it."""
        return JobService(self.db.web, sagas=self.sagas, doorbell=self.doorbell, audit=self.audit)

    @property
    def ledger(self) -> Ledger:
        return Ledger(doorbell=self.doorbell, audit=self.audit)

    def meeting(self) -> MeetingId:
        """A meeting with its key."""
        meeting_id = MeetingId(new_uuid())
        with self.db.owner.transaction(self.tenant) as tx:
            self.keyring.create_meeting_key(tx, self.tenant, meeting_id)
        return meeting_id

    def start(self, *, owner: Actor | None = None, priority: int = 0, meeting_id: MeetingId | None = None) -> JobId:
        """A new job of the only saga."""
        actor = owner or person(self.tenant)
        kind = next(iter(self.sagas))
        with self.db.web.transaction(actor.tenant_id) as tx:
            return self.service.start(tx, actor=actor, kind=kind, meeting_id=meeting_id, priority=priority)

    def view(self, job_id: UUID) -> JobView:
        return self.service.show(actor=self.boss, job_id=job_id)

    @property
    def boss(self) -> Actor:
        return person(self.tenant, sees_all=True)

    def worker(self, queue: Queue = Queue.GENERAL, **process: Any) -> "Worker":
        """A worker process of a queue; ``process`` makes it another one than this."""
        return Worker(self, queue, replace(this_process(queue), **process))

    def reaper(self, **process: Any) -> Reaper:
        return Reaper(
            self.db.worker,
            self.ledger,
            doorbell=self.doorbell,
            process=replace(this_process(Queue.GENERAL), **process),
            policy=self.policy,
        )

    def run_everything(self) -> None:
        """Let every queue work until nothing is ready anywhere."""
        workers = [self.worker(queue) for queue in Queue]
        while any(self._ready(queue) for queue in Queue):
            for worker in workers:
                worker.runner.drain()

    def scalar(self, statement: str, **values: Any) -> Any:
        """One value, as the owner of the tables."""
        with self.db.owner.reading(self.tenant) as tx:
            return tx.execute(text(statement), values).scalar_one_or_none()

    def tamper(self, statement: str, **values: Any) -> None:
        """Change rows, as the owner of the tables."""
        with self.db.owner.transaction(self.tenant) as tx:
            tx.execute(text(statement), values)

    def _ready(self, queue: Queue) -> int:
        with self.db.worker.reading(None) as tx:
            return int(tx.execute(text("SELECT count(*) FROM job_line WHERE queue = :q"), {"q": queue}).scalar_one())


class Worker:
    """One worker process, as far as the database can tell."""

    def __init__(self, shop: Workshop, queue: Queue, process: WorkerProcess) -> None:
        self.shop = shop
        self.queue = queue
        self.process = process
        self.leases = Leases(
            shop.db.worker, shop.ledger, process=process, policy=shop.policy, known=known_steps(shop.sagas)
        )
        self.runner = StepRunner(
            database=shop.db.worker,
            leases=self.leases,
            keyring=shop.keyring,
            sagas=shop.sagas,
            queue=queue,
            policy=shop.policy,
            stop=shop.stop,
        )
        with shop.db.worker.transaction(None) as tx:
            roster.sign_in(tx, process, queue)

    def claim(self) -> Lease | None:
        """Take the next step, and do nothing with it."""
        return self.leases.claim(self.queue, alone=True).lease

    def must_claim(self) -> Lease:
        lease = self.claim()
        assert lease is not None, "nothing was ready"
        return lease

    def context(self, lease: Lease) -> LeasedContext:
        shop = self.shop
        return LeasedContext(lease, database=shop.db.worker, leases=self.leases, keyring=shop.keyring, stop=shop.stop)

    def finish(self, lease: Lease) -> None:
        with self.transaction() as tx:
            self.leases.finish(tx, lease)

    def transaction(self) -> Any:
        return self.shop.db.worker.transaction(self.shop.tenant)


def saga_map(saga: Saga[Any]) -> dict[str, Saga[Step]]:
    """The sagas of a house that knows one kind of job."""
    return {saga.kind: saga}
