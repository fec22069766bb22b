"""The stages of an upgrade: what they are called, and which are to come."""

from typing import Final

from appliance.upgrades.model import Direction, Kind, Record, Stage
from tui.i18n import _, marked

_TITLES: Final = {
    "verify": marked("check the bundle"),
    "preflight": marked("check the machine"),
    "stage": marked("put the release beside the old one"),
    "check": marked("see what would change"),
    "rehearse": marked("rehearse the migrations on a copy"),
    "backup": marked("back up"),
    "close": marked("show the maintenance page"),
    "drain": marked("let work come to a checkpoint"),
    "packages": marked("packages of the distribution"),
    "mark": marked("mark the moment to go back to"),
    "migrate": marked("migrate the database"),
    "flip": marked("switch to the new release"),
    "apply": marked("apply the configuration"),
    "restart": marked("restart what was replaced"),
    "gate": marked("prove that it works"),
    "commit": marked("decide"),
    "open": marked("open the portal"),
    "tidy": marked("tidy up"),
}
_BEFORE: Final = (Stage.VERIFY, Stage.PREFLIGHT, Stage.STAGE, Stage.CHECK, Stage.REHEARSE, Stage.BACKUP)
_AFTER: Final = (Stage.APPLY, Stage.GATE, Stage.COMMIT, Stage.OPEN, Stage.TIDY)
PLANS: Final = {
    Kind.UPGRADE: (
        *_BEFORE, Stage.CLOSE, Stage.DRAIN, Stage.PACKAGES, Stage.MARK, Stage.MIGRATE, Stage.FLIP, *_AFTER
    ),
    Kind.DOWNGRADE: (
        Stage.PREFLIGHT, Stage.REHEARSE, Stage.BACKUP,
        Stage.CLOSE, Stage.DRAIN, Stage.MARK, Stage.MIGRATE, Stage.FLIP, *_AFTER,
    ),
    Kind.UPDATES: (
        Stage.VERIFY, Stage.PREFLIGHT, Stage.STAGE, Stage.BACKUP,
        Stage.CLOSE, Stage.DRAIN, Stage.MARK, Stage.PACKAGES, Stage.RESTART,
        Stage.GATE, Stage.COMMIT, Stage.OPEN, Stage.TIDY,
    ),
}  # fmt: skip
"""The stages of each kind, in their order, where they can be told beforehand."""


def stage_title(stage: str) -> str:
    """What a stage is called; one that nobody knows here, by its own name."""
    return _(_TITLES[stage]) if stage in _TITLES else stage


def to_come(record: Record) -> tuple[Stage, ...]:
    """Stages that are not entered yet; none once it goes back or has ended, or where the plan is not known here."""
    if record.ending is not None or record.direction is Direction.BACK:
        return ()
    return tuple(stage for stage in PLANS.get(record.kind, ()) if not record.has_entered(stage))
