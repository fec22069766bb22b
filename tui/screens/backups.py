"""What could be restored, how much could be lost, and when that was last proven."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget

from tui.errands import command_line
from tui.formats import length, moment, size
from tui.house import Kept
from tui.i18n import _, count, marked
from tui.page import Hint, Page
from tui.widgets.detail import Detail, Part
from tui.widgets.facts import Facts, Value
from tui.widgets.rows import Column, Row, RowList, Rows

if TYPE_CHECKING:
    from appliance.backups.sets import BackupSet

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
    ]

    def __init__(self) -> None:
        super().__init__()
        self._sets: dict[str, BackupSet] = {}

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
        return (("B", _("back up")), ("D", _("drill")), ("V", _("verify")), ("R", _("restore")))

    def first_focus(self) -> Widget | None:
        return self.query_one(RowList)

    def read(self) -> Kept:
        return self.house.kept()

    async def present(self, facts: Kept) -> None:
        self._sets = {one.id: one for one in facts.sets}
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
        """Go back to the chosen one, after the word."""
        if (chosen := self._chosen()) is None:
            return
        at = moment(chosen.ended_at)
        text = _(
            "The portal stops and the database is replaced by the one of {moment}. What was written after that "
            "moment is lost. Two people may have to agree first: docs/operator-manual."
        )
        self.confirm(
            _("Restore the backup of {moment}?").format(moment=at),
            text.format(moment=at),
            word=_("restore"),
            command=command_line("restore", "run", "--set", chosen.id),
            then=lambda: self.console.start_errand("restore", "run", "--set", chosen.id, "--yes"),
        )

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
