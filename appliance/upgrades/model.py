"""An upgrade as data: its stages, how far it got, what it learned, how it ended. Pure."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec

FORMAT = 1

_Version = Annotated[str, msgspec.Meta(pattern=r"\A\d{1,4}\.\d{1,4}\.\d{1,4}(?:-rc\.\d{1,2})?\Z")]
_Id = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{12}\Z")]
_Text = Annotated[str, msgspec.Meta(max_length=8000)]


class Kind(StrEnum):
    """What is brought about."""

    UPGRADE = "upgrade"
    DOWNGRADE = "downgrade"
    """Back to the previous release, by a person's decision, with the rows of today."""
    UPDATES = "updates"
    """Packages of the distribution alone; the release stays."""


class Stage(StrEnum):
    """What is done, in this order."""

    VERIFY = "verify"
    PREFLIGHT = "preflight"
    STAGE = "stage"
    CHECK = "check"
    REHEARSE = "rehearse"
    BACKUP = "backup"
    CLOSE = "close"
    """The maintenance page takes the portal's place; from here to ``OPEN`` people wait."""
    DRAIN = "drain"
    PACKAGES = "packages"
    RESTART = "restart"
    """Of updates: what had the packages loaded starts again."""
    MARK = "mark"
    MIGRATE = "migrate"
    FLIP = "flip"
    APPLY = "apply"
    GATE = "gate"
    COMMIT = "commit"
    """The decision: once it is noted, there is no way but forward."""
    OPEN = "open"
    TIDY = "tidy"


class Direction(StrEnum):
    """Where it goes from here."""

    FORWARD = "forward"
    BACK = "back"


class Ending(StrEnum):
    """How it ended."""

    DONE = "done"
    UNDONE = "undone"


class Passed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A stage that was entered; without an end it was interrupted, or goes on."""

    stage: Stage
    began_at: datetime
    ended_at: datetime | None = None

    @property
    def took_s(self) -> float | None:
        """Seconds from its beginning to its end."""
        return None if self.ended_at is None else (self.ended_at - self.began_at).total_seconds()


class Rehearsal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the migrations did to a copy of this database.

    ``restore_s`` and ``migrate_s`` are seconds; ``contracts`` names what is gone afterwards: tables, columns, rows.
    """

    before: str
    after: str
    restore_s: float
    migrate_s: float
    rows: int
    contracts: tuple[str, ...] = ()

    @property
    def expands_only(self) -> bool:
        """Whether the release before could still live with what the migrations leave."""
        return not self.contracts


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A package of the distribution that changes; ``old`` is empty where it is new. Foreign ones are ``name:arch``."""

    name: str
    old: str
    new: str


class SystemUpdates(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Security updates of the operating system, and what they meant on this machine.

    ``users`` are services that had something of the changed packages loaded before; ``restarted`` those that were
    started again for it. ``reboot`` names packages that are not in use before the machine has started again, and
    services that nobody restarts under people's hands; ``since`` is the start of the machine that they went in at.
    """

    version: _Text
    built_at: datetime
    changes: tuple[Change, ...] = ()
    users: tuple[str, ...] = ()
    closes: bool = False
    """Whether people wait: the portal, the workers or the database use what changes."""
    restarted: tuple[str, ...] = ()
    reboot: tuple[str, ...] = ()
    since: _Text = ""


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that is known about one upgrade; kept on disk from its first moment on.

    ``pid`` and ``boot_id`` name the process that drives it. ``facts`` are what checks were told of the machine before.
    """

    format: int = FORMAT
    id: _Id
    kind: Kind
    old: _Version
    new: _Version
    older: _Text = ""
    """The release before the old one, if it is still there."""
    old_seq: int = 0
    new_seq: int = 0
    source: _Text = ""
    actor: _Text = ""
    pid: int
    boot_id: _Text
    began_at: datetime
    direction: Direction = Direction.FORWARD
    passed: tuple[Passed, ...] = ()
    undone: tuple[Stage, ...] = ()
    reason: _Text = ""
    revision: _Text = ""
    """Of a downgrade: the revision that the schema goes back to."""
    rehearsal: Rehearsal | None = None
    trial_user: _Text = ""
    backup: _Text = ""
    marked_at: datetime | None = None
    marked_lsn: _Text = ""
    expected_s: float = 0.0
    """Estimate of how long people will wait."""
    closed_at: datetime | None = None
    until: datetime | None = None
    """When the maintenance page says that it is over."""
    opened_at: datetime | None = None
    packages: dict[str, str] = {}
    """Versions of the distribution's packages before, by name."""
    updates: SystemUpdates | None = None
    """Of ``Kind.UPDATES``: what is put into the system; the release stays."""
    gate: dict[str, str] = {}
    """What the new release proved, by name."""
    ending: Ending | None = None
    ended_at: datetime | None = None

    @property
    def mark(self) -> str:
        """Name of the restore point that a failed upgrade goes back to."""
        return f"upgrade-{self.id}"

    @property
    def aim(self) -> str:
        """What the machine has when it is done, in words."""
        return self.new if self.updates is None else f"{self.new} with updates {self.updates.version}"

    @property
    def stage(self) -> Stage | None:
        """The stage that was entered last."""
        return self.passed[-1].stage if self.passed else None

    @property
    def is_decided(self) -> bool:
        """Whether there is no way but forward."""
        return self.has_entered(Stage.COMMIT)

    @property
    def downtime_s(self) -> float | None:
        """For how long people could not work."""
        if self.closed_at is None or self.opened_at is None:
            return None
        return (self.opened_at - self.closed_at).total_seconds()

    @property
    def total_s(self) -> float | None:
        """From the command to the end."""
        return None if self.ended_at is None else (self.ended_at - self.began_at).total_seconds()

    def has_entered(self, stage: Stage) -> bool:
        """Whether ``stage`` was begun, whatever became of it."""
        return any(passed.stage is stage for passed in self.passed)

    def entering(self, stage: Stage, at: datetime) -> "Record":
        """With ``stage`` begun; one that was interrupted is begun again."""
        others = tuple(passed for passed in self.passed if passed.stage is not stage)
        return msgspec.structs.replace(self, passed=(*others, Passed(stage, at)))

    def leaving(self, stage: Stage, at: datetime) -> "Record":
        """With ``stage`` ended."""
        passed = (msgspec.structs.replace(one, ended_at=at) if one.stage is stage else one for one in self.passed)
        return msgspec.structs.replace(self, passed=tuple(passed))

    def turned(self, reason: str) -> "Record":
        """On its way back."""
        return self.but(direction=Direction.BACK, reason=reason[:8000])

    def but(self, **changes: object) -> "Record":
        """The same with other values."""
        return msgspec.structs.replace(self, **changes)


class StageState(StrEnum):
    """News of a stage."""

    BEGUN = "begun"
    DONE = "done"
    FAILED = "failed"
    UNDOING = "undoing"
    UNDONE = "undone"


class News(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One line of progress, for the console and for scripts; ``event`` is stage, task, note or end."""

    event: str
    at: datetime
    stage: Stage | None = None
    state: str = ""
    took_s: float | None = None
    text: str = ""
    role: str = ""
    task: str = ""
    ending: Ending | None = None
