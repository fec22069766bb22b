"""The worker's main: settings in, work until the process is asked to end."""

from appliance.adapters.huey_doorbell import HueyDoorbell
from appliance.bootstrap.sagas import recording_saga
from appliance.bootstrap.services import RECORDING, Services, open_services
from appliance.database.roles import DatabaseRole
from appliance.entry.scheduler import Chore
from appliance.entry.worker import WorkerParts, work
from appliance.jobs.model import Queue
from appliance.jobs.retention import JobRetention
from appliance.jobs.retrying import LeasePolicy
from appliance.models.location import models_folder
from appliance.models.trail import PackTrail
from appliance.settings import JobSettings, Settings

SWEEP_EVERY_S = 600.0
FORGET_EVERY_S = 3600.0


def run_worker(settings: Settings, queue: Queue) -> None:
    """Work on one queue until the process is asked to end.

    Raises:
        NotInitialised, DatabaseUnavailable, SchemaBehind, SchemaUnknown: before any work is taken.
    """
    with open_services(settings, DatabaseRole.WORKER) as services:
        work(queue, worker_parts(services))


def worker_parts(services: Services) -> WorkerParts:
    """What a worker process is made of."""
    days = services.settings.jobs.keep_finished_days
    retention = JobRetention(services.database, services.audit, days=days)
    packs = PackTrail(
        services.database,
        services.audit,
        folder=models_folder(services.settings),
        tenant_id=services.home_tenant,
    )
    return WorkerParts(
        database=services.database,
        keyring=services.keyring,
        audit=services.audit,
        doorbell=HueyDoorbell(),
        sagas={RECORDING: recording_saga(services)},
        policy=lease_policy(services.settings.jobs),
        chores=(
            Chore("expire_uploads", SWEEP_EVERY_S, services.meetings.expire_uploads),
            Chore("sweep_blobs", SWEEP_EVERY_S, services.meetings.sweep_blobs),
            Chore("sweep_identity", SWEEP_EVERY_S, services.identity.sweep),
            Chore("hand_over_pack_history", SWEEP_EVERY_S, packs.hand_over),
            Chore("forget_jobs", FORGET_EVERY_S, retention.forget),
        ),
    )


def lease_policy(settings: JobSettings) -> LeasePolicy:
    """How long leases last, as the settings say."""
    return LeasePolicy(
        lease_s=settings.lease_s,
        heartbeat_s=settings.heartbeat_s,
        reap_s=settings.reap_s,
        max_attempts=settings.max_attempts,
        retry_s=settings.retry_s,
        stop_s=settings.stop_s,
    )
