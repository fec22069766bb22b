"""Which release the machine has; the upgrade that is under way, or was the last; and how to begin one, or go back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widget import Widget

from appliance.approvals.model import Verb
from appliance.upgrades.model import Ending, Record
from tui.formats import moment
from tui.house import Releases
from tui.i18n import _, marked
from tui.page import Hint, Page
from tui.undertakings import Offered, Undertaking
from tui.widgets.approve import Act, ApproveScreen
from tui.widgets.bundle import BundleScreen, columns, row
from tui.widgets.choosing import Choice, Choosing
from tui.widgets.facts import Facts, Value
from tui.widgets.rows import Column, RowList, Rows
from tui.widgets.upgrade import UpgradeScreen, people, stage_rows, standing


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page shows."""

    releases: Releases
    upgrade: Undertaking


class Upgrades(Page):
    """Facts above, stages below."""

    TITLE = marked("Upgrades")
    COMMAND = "hangjegyzet upgrade status"
    EVERY_S = 3.0
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("u", "upgrade", show=False),
        Binding("r", "resume", show=False),
        Binding("z", "go_back", show=False),
        Binding("enter", "follow", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._record: Record | None = None
        self._interrupted = False

    def contents(self) -> ComposeResult:
        yield Facts("", id="now")
        yield Rows(
            (Column(_("state")), Column(_("stage"), grows=True), Column(_("took"))),
            empty=_(
                "This machine was never upgraded. U takes a bundle from a stick, and asks before it changes anything."
            ),
        )

    def hints(self) -> Sequence[Hint]:
        return (("U", _("upgrade")), ("Enter", _("follow")), ("R", _("resume")))

    def more(self) -> Sequence[Hint]:
        return (("Z", _("back to the release before")),)

    def first_focus(self) -> Widget | None:
        return self.query_one(RowList)

    def read(self) -> Shown:
        return Shown(self.house.releases(), self.house.upgrade())

    async def present(self, facts: Shown) -> None:
        self._record = record = facts.upgrade.record
        self._interrupted = record is not None and record.ending is None and not facts.upgrade.driven
        now = self.console.clock.now()
        await self.query_one("#now", Facts).show(_facts(facts, people(facts.upgrade, now)))
        self.query_one(Rows).show([] if record is None else stage_rows(record, now))

    def on_rows_opened(self, _event: Rows.Opened) -> None:
        """All of it, as it goes on."""
        self.action_follow()

    def action_follow(self) -> None:
        """Stage by stage, with what each of them says."""
        if self._record is None:
            self.console.say(_("This machine was never upgraded."))
        else:
            self.app.push_screen(UpgradeScreen(), lambda _done: self.renew())

    def action_upgrade(self) -> None:
        """Which bundle; what it is; then the word."""
        if self._record is not None and self._record.ending is None:
            self.action_follow()
            return
        choice: Choice[Offered] = Choice(
            title=_("Upgrade this machine: which bundle?"),
            columns=columns(),
            look=self.house.bundles,
            row=row,
            empty=_(
                "No bundle was found below /media or /mnt. A stick is mounted by: mount -o ro /dev/sdb1 /media. "
                "P takes a path."
            ),
            field=_("The .tar, its first part (.tar.001), or the unpacked folder"),
            command="hangjegyzet upgrade check PATH",
        )
        self.app.push_screen(Choosing(choice), self._look_at)

    def action_resume(self) -> None:
        """Bring one that was interrupted to its end."""
        if self._interrupted:
            self.console.errands.start("upgrade", "resume", "--json")
            self.app.push_screen(UpgradeScreen(), lambda _done: self.renew())
        else:
            self.console.say(_("No upgrade was interrupted."))

    def action_go_back(self) -> None:
        """To the release before; two people have to agree."""
        self.ask_and_tell(self.house.way_back, command="hangjegyzet upgrade rollback", tell=self._confirm_way_back)

    def _look_at(self, path: str | None) -> None:
        if path is None:
            return
        errand = self.console.errands.start("upgrade", "check", path, "--json")
        self.app.push_screen(
            BundleScreen(path, errand), lambda agreed: self._begin("upgrade", "run", path, "--json") if agreed else None
        )

    def _confirm_way_back(self, found: Mapping[str, str]) -> None:
        act = Act(
            title=_("Go back from {old} to {new}?").format(old=found["from"], new=found["to"]),
            facts=[(_("In use"), found["from"]), (_("Afterwards"), found["to"])],
            warning=_(
                "People wait meanwhile. Every row of today stays; what only the newer release knows is taken out. "
                "It is rehearsed on a copy first."
            ),
            verb=Verb.DOWNGRADE,
            arguments=found,
            word=_("go back"),
            command="hangjegyzet upgrade rollback",
        )
        self.app.push_screen(
            ApproveScreen(act), lambda agreed: self._begin("upgrade", "rollback", "--json") if agreed else None
        )

    def _begin(self, *command: str) -> None:
        errand = self.console.errands.start(*command)
        self.app.push_screen(UpgradeScreen(errand), lambda _done: self.renew())


def _facts(facts: Shown, waiting: str) -> Sequence[tuple[str, Value]]:
    found: list[tuple[str, Value]] = [(_("In use"), facts.releases.current)]
    if facts.releases.previous:
        found.append((_("Previous"), facts.releases.previous))
    record = facts.upgrade.record
    if record is None:
        return found
    found.append((_("Upgrade"), f"{record.old} > {record.new}  {moment(record.began_at)}  {record.actor}"))
    state = standing(facts.upgrade)
    found.append((_("State"), state))
    if record.ending is not Ending.UNDONE or record.downtime_s is not None:
        found.append((_("People"), waiting))
    return found


PAGE = Upgrades
