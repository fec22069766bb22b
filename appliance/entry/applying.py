"""Applying this machine's configuration: two people asked, cut-offs undone, everything in the trail."""

import time
from collections.abc import Callable

import structlog

from appliance.adapters.watchman import SystemdWatchman
from appliance.audit.model import AuditName
from appliance.configuration.ports import Machinery, Task
from appliance.configuration.service import Applied
from appliance.entry.approvals import require_for_changes
from appliance.entry.machine import InstalledRelease, installed_release, machinery, open_configuration
from appliance.entry.machine_trail import record_act
from appliance.kernel.errors import NotFound, Unavailable
from appliance.settings import Settings

log = structlog.get_logger()

_LOOK_S = 0.5


def apply(
    engine: Machinery, *, release: InstalledRelease, tell: Callable[[Task], object], confirmed: bool = False
) -> Applied:
    """Bring the machine into the declared state.

    Args:
        confirmed: keep changes of who reaches the machine without asking.

    Raises:
        as ``ConfigurationService.apply`` and ``approvals.require``.
    """
    done = open_configuration().apply(
        engine,
        release=(release.path, release.version),
        tell=tell,
        allow=lambda changes: require_for_changes(Settings(), changes),
        watchman=None if confirmed else SystemdWatchman(),
    )
    if done.changes or done.changed:
        _record(AuditName.CONFIGURATION_APPLIED, tuple(change.key for change in done.changes), changed=done.changed)
    return done


def confirm() -> tuple[str, ...]:
    """Keep what was applied.

    Raises:
        NothingToConfirm, ApplyBusy: as ``ConfigurationService.confirm``.
    """
    keys = open_configuration().confirm()
    _record(AuditName.CONFIGURATION_CONFIRMED, keys)
    return keys


def watch_confirmation() -> None:
    """Wait until what was applied is confirmed, or undo it: the process of hangjegyzet-confirmation.service.

    Raises:
        ApplyFailed: it could not be undone; the unit starts this again.
    """
    service = open_configuration()
    release = installed_release()
    while service.unconfirmed() is not None:
        undone = service.undo_overdue(
            machinery(release),
            release=(release.path, release.version),
            tell=lambda task: log.debug("task", role=task.role, task=task.name, state=task.state.value),
        )
        if undone:
            _record(AuditName.CONFIGURATION_UNDONE, undone)
        else:
            time.sleep(_LOOK_S)


def _record(name: AuditName, keys: tuple[str, ...], *, changed: int | None = None) -> None:
    """Settings by their names; a database that is away stops no way back."""
    detail = {"settings": ", ".join(keys)} | ({} if changed is None else {"changed": str(changed)})
    try:
        record_act(Settings(), name, subject_type="configuration", detail=detail)
    except (Unavailable, NotFound) as error:
        log.warning("configuration_event_lost", event_name=name.value, reason=error.code)
