"""Switch the machine off or on again, and its processes; the audit trail is told first, where it can be."""

import os
import subprocess
from enum import StrEnum

import structlog

from appliance.adapters.postgres import open_server
from appliance.audit.model import AuditName
from appliance.audit.service import AuditTrail
from appliance.database.roles import DatabaseRole
from appliance.entry.provision import open_database, operator
from appliance.kernel.clock import SystemClock
from appliance.kernel.errors import HangJegyzetError, Refused, Unavailable
from appliance.settings import Settings
from appliance.tenants import queries as tenants

log = structlog.get_logger()

STOP_LIMIT_S = 300
"""Workers give their steps back with a checkpoint; systemd waits for them a minute each."""


class PowerRefused(Unavailable):
    code = "power.refused"
    message = "The service manager did not do it: {reason}"
    hint = "See what it waits for: systemctl list-jobs"


class PowerNeedsRoot(Refused):
    code = "power.needs_root"
    message = "Only root may switch the machine off or on."
    hint = "Sign in as root, or use sudo."


class PowerAct(StrEnum):
    """What can be done; the value is what the service manager is told."""

    OFF = "poweroff"
    RESTART = "reboot"
    SERVICES = "restart"


_NAMES = {
    PowerAct.OFF: AuditName.MACHINE_SWITCHED_OFF,
    PowerAct.RESTART: AuditName.MACHINE_RESTARTED,
    PowerAct.SERVICES: AuditName.PROCESSES_RESTARTED,
}


def perform(act: PowerAct, settings: Settings) -> bool:
    """Do it; tells whether the audit trail knows. A database that is down stops nobody from switching off.

    Raises:
        PowerNeedsRoot: somebody else asks.
        PowerRefused: the service manager said no.
    """
    if os.geteuid() != 0:
        raise PowerNeedsRoot
    recorded = _record(_NAMES[act], settings)
    command = ["systemctl", act.value] + (["hangjegyzet.target"] if act is PowerAct.SERVICES else [])
    try:
        subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=STOP_LIMIT_S, stdin=subprocess.DEVNULL
        )
    except subprocess.CalledProcessError as refused:
        raise PowerRefused(reason=refused.stderr.strip() or "it gave no reason") from refused
    except (OSError, subprocess.TimeoutExpired) as broken:
        raise PowerRefused(reason=type(broken).__name__) from broken
    return recorded


def _record(name: AuditName, settings: Settings) -> bool:
    try:
        with open_database(open_server(settings), DatabaseRole.WORKER) as worker:
            with worker.reading(None) as tx:
                tenant_id = tenants.first_tenant(tx)
            with worker.transaction(tenant_id) as tx:
                AuditTrail(SystemClock()).record(
                    tx, name, actor=operator(tenant_id), subject_type="machine", subject_id=None
                )
    except HangJegyzetError as unreachable:
        log.warning("power_not_recorded", reason=unreachable.code)
        return False
    return True
