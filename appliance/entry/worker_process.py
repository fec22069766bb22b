"""The worker's main: settings in, work until the process is asked to end."""

import os
import time
from dataclasses import replace
from uuid import UUID

import structlog

from appliance.adapters.huey_doorbell import HueyDoorbell
from appliance.bootstrap.main_box import open_main_box
from appliance.bootstrap.sagas import recording_saga
from appliance.bootstrap.services import RECORDING, Services, open_services
from appliance.database.roles import DatabaseRole
from appliance.entry.scheduler import Chore
from appliance.entry.telemetry import trace_this_process
from appliance.entry.worker import WorkerParts, work
from appliance.jobs.model import Queue
from appliance.jobs.retention import JobRetention
from appliance.jobs.retrying import LeasePolicy
from appliance.kernel.ids import UserId
from appliance.models.location import models_folder
from appliance.models.trail import PackTrail
from appliance.nodes.errors import DoorUnavailable, MainBoxRefuses
from appliance.nodes.ports import MainBox
from appliance.settings import JobSettings, Settings

log = structlog.get_logger()

TRIAL_USER = "HANGJEGYZET_TRIAL_USER"
"""Set by an upgrade while the new release proves itself: the only person whose work is taken."""
ASK_AGAIN_S = 5.0
SWEEP_EVERY_S = 600.0
FORGET_EVERY_S = 3600.0


def run_worker(settings: Settings, queue: Queue) -> None:
    """Work on one queue until the process is asked to end.

    Raises:
        NotInitialised, DatabaseUnavailable, SchemaBehind, SchemaUnknown: before any work is taken.
    """
    trace_this_process(settings, f"worker@{queue}")
    main_box = open_main_box(settings)
    if main_box is not None:
        wait_until_wanted(main_box)
    with open_services(settings, DatabaseRole.WORKER) as services:
        work(queue, _on_trial(worker_parts(services) if main_box is None else lent_parts(services, main_box)))


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


def _on_trial(parts: WorkerParts) -> WorkerParts:
    """While a new release is tried: the work of the trial alone, and no chores: what they remove stays removed."""
    user = os.environ.get(TRIAL_USER)
    return parts if user is None else replace(parts, chores=(), only_for=UserId(UUID(user)))


def lent_parts(services: Services, main_box: MainBox) -> WorkerParts:
    """What a worker on another machine is made of: it works, and leaves all chores to the main box."""
    return replace(worker_parts(services), chores=(), leads=False, is_wanted=lambda: is_wanted(main_box))


def wait_until_wanted(main_box: MainBox) -> None:
    """Return when the main box has work for this machine: it answers, and has neither drained nor removed it."""
    told = False
    while not _is_asked_for(main_box):
        if not told:
            log.info("worker_waits_until_wanted")
        told = True
        time.sleep(ASK_AGAIN_S)


def is_wanted(main_box: MainBox) -> bool:
    """Whether this machine is to go on with what it has; a main box that does not answer has not said no."""
    try:
        return not main_box.is_draining()
    except MainBoxRefuses:
        return False
    except DoorUnavailable:
        return True


def _is_asked_for(main_box: MainBox) -> bool:
    """Whether there is work to begin with: without the main box no step could be done."""
    try:
        return not main_box.is_draining()
    except (MainBoxRefuses, DoorUnavailable):
        return False


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
