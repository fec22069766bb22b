"""What could be restored, how much could be lost, and when that was last proven."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget

from tui.formats import length, moment, size
from tui.house import Kept
from tui.i18n import _, count, marked
from tui.page import Hint, Page
from tui.widgets.approve import ApproveScreen
from tui.widgets.detail import Detail, Part
from tui.widgets.facts import Facts, Value
from tui.widgets.restore import Wanted, act, options, place_form, wish_form, wished
from tui.widgets.rows import Column, Row, RowList, Rows

if TYPE_CHECKING:
    from appliance.backups.restore import Wish
    from appliance.backups.sets import BackupSet

PLAN_S = 180.0
"""The sets of another place have to come over the network first."""

_KINDS = {"full": marked("full"), "diff": marked("changes"), "incr": marked("changes")}


class Backups(Page):
    """Newest first."""

    TITLE = marked("Backups & drills")
    COMMAND = "hangjegyzet backup list"
    EVERY_S = 15.0
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("b", "back_up", show=False),
        Binding("d", "drill", show=False),
        Binding("v", "verify", show=False),
        Binding("r", "restore", show=False),
        Binding("o", "restore_other", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._sets: dict[str, BackupSet] = {}
        self._standing: Mapping[str, int | float | None] = {}

    def contents(self) -> ComposeResult:
        yield Facts("", id="now")
        yield Rows(
            (
                Column(_("taken")),
                Column(_("kind")),
                Column(_("database")),
                Column(_("recordings"), grows=True),
                Column(_("version"), optional=True),
            ),
            empty=_("No backup yet. B takes one now; a timer takes one every night."),
        )
        yield Detail()

    def hints(self) -> Sequence[Hint]:
        return (
            ("B", _("back up")),
            ("D", _("drill")),
            ("V", _("verify")),
            ("R", _("restore")),
        )

    def more(self) -> Sequence[Hint]:
        return (("O", _("restore from other backups")),)

    def first_focus(self) -> Widget | None:
        return self.query_one(RowList)

    def read(self) -> Kept:
        return self.house.kept()

    async def present(self, facts: Kept) -> None:
        self._sets = {one.id: one for one in facts.sets}
        self._standing = facts.standing
        await self.query_one("#now", Facts).show(_standing(facts, self.console.clock.now()))
        self.query_one(Rows).show([_row(one) for one in facts.sets])
        self._show_detail()

    def on_rows_chosen(self, _event: Rows.Chosen) -> None:
        """All of it, below."""
        self._show_detail()

    def action_back_up(self) -> None:
        """Take one now; people go on working."""
        self.console.start_errand("backup", "run")

    def action_drill(self) -> None:
        """Rehearse a restore beside the running appliance."""
        self.console.start_errand("drill", "run")

    def action_verify(self) -> None:
        """Read all of the chosen one."""
        if (chosen := self._chosen()) is not None:
            self.console.start_errand("backup", "verify", chosen.id)

    def action_restore(self) -> None:
        """To which moment; what that means; who agrees; then the word."""
        self._ask_moment("", None)

    def action_restore_other(self) -> None:
        """The same from backups that lie elsewhere, with a custodian's key."""

        def entered(filled: Mapping[str, str] | None) -> None:
            if filled is not None:
                self._ask_moment(filled["source"], Path(filled["key"]))

        self.app.push_screen(place_form(), entered)

    def _ask_moment(self, source: str, key: Path | None) -> None:
        chosen = None if source else self._chosen()

        def ask(broken: "Wish | None") -> None:
            mine = broken if broken and broken.source == source else None

            def entered(filled: Mapping[str, str] | None) -> None:
                if filled is not None:
                    self._plan(filled, source=source, key=key, broken=broken)

            self.app.push_screen(wish_form(chosen, mine), entered)

        self.ask_and_tell(self.house.broken_restore, command="hangjegyzet restore plan", tell=ask)

    def _plan(self, filled: Mapping[str, str], *, source: str, key: Path | None, broken: "Wish | None") -> None:
        def ask() -> Wanted:
            wish = wished(filled, source=source)
            plan = self.house.restore_plan(wish, key)
            return Wanted(plan, wish, key, gives_up=broken is not None and broken != wish)

        self.ask_and_tell(ask, command="hangjegyzet restore plan", tell=self._confirm, patience_s=PLAN_S)

    def _confirm(self, wanted: Wanted) -> None:
        def answered(agreed: bool | None) -> None:
            if agreed:
                self.console.start_errand("restore", "run", *options(wanted), "--yes")

        what = act(wanted, standing=self._standing, now=self.console.clock.now())
        self.app.push_screen(ApproveScreen(what), answered)

    def _chosen(self) -> "BackupSet | None":
        row = self.query_one(Rows).chosen
        return self._sets.get(row.id) if row else None

    def _show_detail(self) -> None:
        one = self._chosen()
        self.query_one(Detail).show(() if one is None else _detail(one))


def _standing(facts: Kept, now: datetime) -> Sequence[tuple[str, Value]]:
    standing = facts.standing
    lost = [
        _("database {length}").format(length=_length(standing.get("rpo_database_s"))),
        _("recordings {length}").format(length=_length(standing.get("rpo_recordings_s"))),
    ]
    return [(_("Could lose"), ", ".join(lost)), (_("Proven"), _proof(facts.proof, now))]


def _length(seconds: float | None) -> str:
    return _("not known") if seconds is None else length(seconds)


def _proof(proof: Mapping[str, Any] | None, now: datetime) -> Value:
    if proof is None:
        return Content.styled(_("never: no restore was rehearsed yet. D does it."), "$warn")
    at = datetime.fromisoformat(proof["at"])
    ago = length((now - at).total_seconds())
    if not proof["passed"]:
        return Content.styled(_("the drill of {moment} failed; its report says why").format(moment=moment(at)), "$bad")
    took = length(proof["restore_s"] + proof["replay_s"])
    return _("{moment}, {ago} ago; it took {took}").format(moment=moment(at), ago=ago, took=took)


def _row(one: "BackupSet") -> Row:
    cells = (
        moment(one.ended_at),
        _(_KINDS[one.database.kind.value]),
        size(one.database.bytes),
        f"{one.blobs.count}  {size(one.blobs.bytes)}",
        one.release,
    )
    return Row(one.id, cells)


def _detail(one: "BackupSet") -> Sequence[Part]:
    custodians = count(
        "{number} custodian can open the keys", "{number} custodians can open the keys", len(one.machine.recipients)
    )
    return (
        (_("Backup"), one.id),
        (_("Machine"), f"{one.host}, {one.release}, {one.schema}"),
        (_("Keys"), custodians),
        (_("Models"), ", ".join(one.models)),
    )


PAGE = Backups
