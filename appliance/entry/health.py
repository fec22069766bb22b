"""This machine's checks, with what they need to know."""

from collections.abc import Sequence
from pathlib import Path

from appliance.adapters.graphics import graphics
from appliance.adapters.postgres import open_server
from appliance.configuration.ports import TaskState
from appliance.database.roles import DatabaseRole
from appliance.database.room import Room, give_back, measure, oldest_transactions
from appliance.entry.approvals import approvers_state, record_used
from appliance.entry.backup_health import backup_checks
from appliance.entry.certificates import renew
from appliance.entry.egress import load_rules, open_egress
from appliance.entry.guard import clock_marks, guard_state, running_release, start_processes
from appliance.entry.licences import licence_state
from appliance.entry.machine import installed_release, machinery, open_configuration
from appliance.entry.other_machines import other_machines, unit_names
from appliance.entry.packs import open_registry
from appliance.entry.provision import describe, open_database, verify_trails
from appliance.entry.upgrade_notes import updates_state, upgrade_state
from appliance.health.checks.approvals import approvals
from appliance.health.checks.bloat import DatabaseRoom, bloat
from appliance.health.checks.certificate import certificate
from appliance.health.checks.clock import clock
from appliance.health.checks.configuration import configuration, drift
from appliance.health.checks.confirmation import confirmation
from appliance.health.checks.database import database
from appliance.health.checks.disk import disk
from appliance.health.checks.egress import egress
from appliance.health.checks.gpu import gpu
from appliance.health.checks.guard import guard
from appliance.health.checks.licence import licence
from appliance.health.checks.memory import memory
from appliance.health.checks.models import ModelState, model_files, models
from appliance.health.checks.queue import queue
from appliance.health.checks.release import release
from appliance.health.checks.timers import our_timers, timers
from appliance.health.checks.trail import TrailState, trail
from appliance.health.checks.units import units
from appliance.health.checks.updates import updates
from appliance.health.checks.upgrade import upgrade
from appliance.health.model import Check
from appliance.health.service import HealthService
from appliance.jobs.backlog import Backlog, backlog
from appliance.kernel.clock import SystemClock
from appliance.models.model import ROLES, FileState, PackKind
from appliance.settings import Settings

ON_DISK = (Path("/"), Path("/var/lib/postgresql"), Path("/var/backups/hangjegyzet"))
"""Beside the data folder: where the server's log and the backups go."""
NEEDED = [seat for kind in (PackKind.SPEECH, PackKind.SPEAKERS, PackKind.LANGUAGE) for seat in ROLES[kind]]
"""Seats that a recording needs taken."""
SILENT_LEASES = 2
"""A worker that was not heard for so many leases is gone."""


def open_health(settings: Settings) -> HealthService:
    """The checks of an installed machine."""
    return HealthService((*appliance_checks(settings), *machine_checks(settings)), SystemClock())


def appliance_checks(settings: Settings) -> Sequence[Check]:
    """What can be asked wherever the appliance runs."""
    now = SystemClock()
    return (
        disk((settings.data_dir, *ON_DISK)),
        memory(),
        clock(now, lambda: clock_marks(settings)),
        certificate(settings.certificate_path, now, None if settings.web.certificate else lambda: renew(settings)),
        database(lambda: _database_state(settings)),
        bloat(lambda: _database_room(settings), lambda rooms: _give_back(settings, rooms)),
        gpu(lambda: graphics(wanted="cuda" in (settings.speech.device, settings.minutes.device))),
        queue(lambda: backlog_now(settings)),
        models(lambda: _model_state(settings)),
        model_files(lambda: _damaged_files(settings)),
        trail(lambda: _trail_states(settings)),
    )


def machine_checks(settings: Settings) -> Sequence[Check]:
    """What only a machine has that was installed from a bundle."""
    return (
        *other_machines(settings),
        units(unit_names(settings)),
        timers(our_timers),
        guard(guard_state, start_processes),
        release(running_release),
        configuration(lambda: [change.key for change in open_configuration().pending()]),
        confirmation(lambda: open_configuration().unconfirmed()),
        drift(_drifted),
        upgrade(upgrade_state),
        updates(updates_state, SystemClock()),
        egress(lambda: open_egress().examine(everybody=False), load_rules),
        approvals(lambda: approvers_state(settings), record=lambda: record_used(settings)),
        licence(lambda: licence_state(settings)),
        *backup_checks(settings),
    )


def backlog_now(settings: Settings) -> Backlog:
    """All tenants' work at this moment."""
    with open_database(open_server(settings), DatabaseRole.WORKER) as opened, opened.reading(None) as tx:
        return backlog(tx, silent_s=SILENT_LEASES * settings.jobs.lease_s)


def _database_state(settings: Settings) -> tuple[bool, str, str, str]:
    report = describe(settings)
    return report.server.running, report.server.version, report.revision, report.needed


def _database_room(settings: Settings) -> DatabaseRoom:
    with open_database(open_server(settings), DatabaseRole.OWNER) as owner, owner.reading(None) as tx:
        return DatabaseRoom(measure(tx), oldest_transactions(tx))


def _give_back(settings: Settings, rooms: Sequence[Room]) -> None:
    with open_database(open_server(settings), DatabaseRole.OWNER) as owner:
        give_back(owner, rooms)


def _model_state(settings: Settings) -> ModelState:
    installed = open_registry(settings).list()
    taken = {pack.pack.seat for pack in installed if pack.in_use}
    return ModelState([seat.value for seat in NEEDED if seat not in taken], [pack.pack.name for pack in installed])


def _damaged_files(settings: Settings) -> Sequence[str]:
    reports = open_registry(settings).verify()
    return [f"{report.pack}/{report.path}" for report in reports if report.state is not FileState.OK]


def _trail_states(settings: Settings) -> Sequence[TrailState]:
    return [
        TrailState(
            tenant.name,
            report.events,
            "" if report.finding is None else f"{report.finding.kind.value} at event {report.finding.seq}",
        )
        for tenant, report in verify_trails(settings)
    ]


def _drifted() -> Sequence[str]:
    changed: list[str] = []
    release = installed_release()
    open_configuration().check(
        machinery(release),
        release=(release.path, release.version),
        diff=False,
        tell=lambda task: changed.append(f"{task.role}: {task.name}") if task.state is TaskState.CHANGED else None,
    )
    return changed
