"""A restore before it is begun: which moment is wished for, what that brings back, and what it costs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from textual.content import Content

from appliance.approvals.model import Arguments, Verb
from tui.errands import command_line
from tui.formats import about, length, moment, size
from tui.i18n import _
from tui.widgets.approve import Act
from tui.widgets.dialogs import Field, Form
from tui.widgets.facts import Value

if TYPE_CHECKING:
    from appliance.backups.restore import Plan, Wish
    from appliance.backups.sets import BackupSet

ALL, TIME = "now", "time"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A restore that was asked for.

    Args:
        plan: what it would bring back.
        key: a custodian's; for backups that are not this machine's own.
        gives_up: whether another one was begun here, and is given up for this one.
    """

    plan: "Plan"
    wish: "Wish"
    key: Path | None = None
    gives_up: bool = False


def place_form() -> Form:
    """Backups of another machine, or of this one's past."""
    return Form(
        _("Restore from other backups"),
        [
            Field("source", _("Folder or URL"), "/media/"),
            Field("key", _("A custodian's key file")),
        ],
        text=_("Their keys are sealed to their custodians: one of them brings a key."),
        command="hangjegyzet restore plan --from PLACE --key FILE",
    )


def wish_form(chosen: "BackupSet | None", broken: "Wish | None") -> Form:
    """Which moment; what was broken off is what it begins with."""
    choices = [(ALL, _("all that was kept, up to the last minute"))]
    if chosen is not None:
        choices.append((chosen.id, _("the backup of {moment}").format(moment=moment(chosen.ended_at))))
    choices.append((TIME, _("the moment below")))
    first = ALL if broken is None else TIME if broken.at else broken.set
    if first not in {value for value, _label in choices}:
        choices.insert(0, (first, first))
    begun = _(
        "A restore was begun and has not ended. Wished for again as it was, it goes on; anything else gives it up."
    )
    return Form(
        _("Restore this machine"),
        [
            Field("what", _("What it goes back to"), first, choices=choices),
            Field("at", _("Moment, as 2026-11-23T14:30"), broken.at if broken else "", optional=True),
        ],
        text=begun if broken else "",
        command="hangjegyzet restore plan",
    )


def wished(filled: Mapping[str, str], *, source: str = "") -> "Wish":
    """What the form says.

    Raises:
        NoBackup: the moment is none.
    """
    from appliance.backups.restore import Wish
    from appliance.entry.restores import parse_moment

    at = parse_moment(filled["at"]).isoformat() if filled["what"] == TIME else ""
    return Wish(source=source, set=ALL if at else filled["what"], at=at)


def options(wanted: Wanted) -> tuple[str, ...]:
    """Of ``restore plan``; ``restore run`` has to be told, too, when another one is given up for it."""
    wish, key = wanted.wish, wanted.key
    found: list[str] = []
    if wish.source:
        found += ["--from", wish.source]
    if wish.at:
        found += ["--time", wish.at]
    elif wish.set != ALL:
        found += ["--set", wish.set]
    found += ["--key", str(key)] if key else []
    return (*found, "--afresh") if wanted.gives_up else tuple(found)


def arguments(wish: "Wish") -> Arguments:
    """What two people approve: as ``restore run`` asks for it."""
    return {"from": wish.source or "own", "set": wish.set, "at": wish.at or "end"}


def act(wanted: Wanted, *, standing: Mapping[str, int | float | None], now: datetime) -> Act:
    """The restore as an act that two people approve."""
    plan, wish = wanted.plan, wanted.wish
    described = plan.described
    to = wish.time or (described.ended_at if wish.set != ALL else None)
    facts: list[tuple[str, Value]] = [
        (_("Back to"), Content.styled(moment(to) if to else _("all that was kept"), "bold $bright")),
        (_("Lost"), Content.styled(_lost(to, standing, now), "$bad")),
        (_("Backup"), f"{described.id}  {described.host}  {described.release}"),
        (_("Database"), size(described.database.bytes)),
        (_("Recordings"), f"{described.blobs.count}  {size(described.blobs.bytes)}"),
        (
            _("Signature"),
            _("this machine's own") if plan.own else _("another machine's: {key}").format(key=plan.signer),
        ),
        (_("Takes"), _takes(standing.get("rto_s"))),
    ]
    if wanted.gives_up:
        facts.append((_("Gives up"), Content.styled(_("the restore that was begun here and has not ended"), "$warn")))
    warning = _("The portal stops, and the database is replaced. What came after that moment is lost for good.")
    if not plan.own:
        warning += " " + _("This machine takes over the other one's keys and settings, and keeps its own address.")
    return Act(
        title=_("Restore this machine?"),
        facts=facts,
        warning=warning,
        verb=Verb.RESTORE,
        arguments=arguments(wish),
        word=_("restore"),
        command=command_line("restore", "run", *options(wanted)),
    )


def _lost(to: datetime | None, standing: Mapping[str, int | float | None], now: datetime) -> str:
    if to is None:
        at_most = standing.get("rpo_database_s")
        if at_most is None:
            return _("what did not reach the backups")
        return _("at most what was done in the last {length}").format(length=length(at_most))
    return _("what was done in the last {length}").format(length=length(max(timedelta(), now - to).total_seconds()))


def _takes(seconds: float | None) -> str:
    if seconds is None:
        return _("not known: no restore was rehearsed yet")
    return _("about {length}, as in the last drill").format(length=about(seconds))
