"""Processes for tests that kill: a worker of steps that need no engine, and a stand-in for the web that starts jobs.

``python -m tests.fakes.processes worker|web CONFIG``, where ``CONFIG`` is JSON.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import text

from appliance.adapters.huey_doorbell import HueyDoorbell
from appliance.adapters.root_key import FileKeyProvider
from appliance.audit.service import AuditTrail
from appliance.database.engine import Database
from appliance.database.errors import DatabaseUnavailable
from appliance.entry.worker import WorkerParts, work
from appliance.identity.permissions import EVERY_PERMISSION
from appliance.jobs.context import StepContext
from appliance.jobs.model import Queue, Saga
from appliance.jobs.retrying import LeasePolicy
from appliance.jobs.runner import Sagas
from appliance.jobs.service import JobService
from appliance.kernel.actor import Actor, ActorKind
from appliance.kernel.clock import SystemClock
from appliance.kernel.ids import MeetingId, TenantId, UserId, new_uuid
from appliance.keyring.service import KeyRing
from tests.fakes.steps import one_step_saga
from tests.fakes.windows import window_saga

QUICK = LeasePolicy(lease_s=4, heartbeat_s=0.5, reap_s=0.5, max_attempts=5, retry_s=0.2, stop_s=2)


def crash(_ctx: StepContext) -> None:
    """What a broken decoder does."""
    os.kill(os.getpid(), signal.SIGSEGV)


def sagas_of(config: dict[str, Any], database: Database) -> Sagas:
    """``windows`` is shaped like a recording's, ``single`` succeeds at once, ``crashing`` ends its process."""
    known: dict[str, Callable[[], Saga[Any]]] = {
        "windows": lambda: window_saga(database, window_s=config["window_s"]),
        "single": one_step_saga,
        "crashing": lambda: one_step_saga(crash),
    }
    saga = known[config.get("saga", "windows")]()
    return {saga.kind: saga}


def worker(config: dict[str, Any]) -> None:
    """Work until told to stop."""
    database = Database(config["url"], pool_size=6)
    clock = SystemClock()
    parts = WorkerParts(
        database=database,
        keyring=KeyRing(FileKeyProvider(Path(config["root_key"])), clock),
        audit=AuditTrail(clock),
        doorbell=HueyDoorbell(),
        sagas=sagas_of(config, database),
        policy=QUICK,
    )
    while True:
        try:
            work(Queue(config["queue"]), parts)
        except DatabaseUnavailable:  # killed together with the server, and started before it
            time.sleep(0.2)
        else:
            return


def web(config: dict[str, Any]) -> None:
    """Start jobs, a meeting each, exactly ``jobs`` of them over however many lives; then stay, as the web does."""
    database = Database(config["url"], pool_size=2)
    clock = SystemClock()
    keyring = KeyRing(FileKeyProvider(Path(config["root_key"])), clock)
    sagas = {"recording": window_saga(database, window_s=0)}
    service = JobService(database, sagas=sagas, doorbell=HueyDoorbell(), audit=AuditTrail(clock))
    tenant = TenantId(UUID(config["tenant"]))
    people = [_person(tenant, UUID(owner)) for owner in config["owners"]]
    while True:
        try:
            with database.transaction(tenant) as tx:
                number = tx.execute(text("SELECT count(*) FROM chaos_upload")).scalar_one()
                if number >= config["jobs"]:
                    break
                meeting_id = MeetingId(new_uuid())
                keyring.create_meeting_key(tx, tenant, meeting_id)
                actor = people[number % len(people)]
                job_id = service.start(tx, actor=actor, kind="recording", meeting_id=meeting_id)
                tx.execute(
                    text("INSERT INTO chaos_upload (number, job_id) VALUES (:number, :job_id)"),
                    {"number": number, "job_id": job_id},
                )
        except DatabaseUnavailable:
            time.sleep(0.1)
            continue
        time.sleep(config["pause_s"])
    while True:
        time.sleep(1)


def _person(tenant: TenantId, owner: UUID) -> Actor:
    return Actor(
        kind=ActorKind.USER, tenant_id=tenant, name="chaos", user_id=UserId(owner), permissions=EVERY_PERMISSION
    )


if __name__ == "__main__":
    {"worker": worker, "web": web}[sys.argv[1]](json.loads(sys.argv[2]))
