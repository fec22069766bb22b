"""What would be sent to the maker: collected, read part by part, sealed."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widget import Widget

from tui.formats import moment, size
from tui.i18n import _, marked
from tui.page import Hint, Page
from tui.widgets.detail import Detail, Part
from tui.widgets.dialogs import Field, Form
from tui.widgets.facts import Facts
from tui.widgets.reading import Reading
from tui.widgets.rows import Column, Row, RowList, Rows

if TYPE_CHECKING:
    from appliance.support.model import Bundle
    from appliance.support.model import Part as Collected


class Support(Page):
    """Nothing leaves before somebody has had the chance to read all of it."""

    TITLE = marked("Support bundle")
    COMMAND = "hangjegyzet support preview"
    EVERY_S = 10.0
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "collect", show=False),
        Binding("e", "export", show=False),
        Binding("x", "discard", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._parts: dict[str, Collected] = {}

    def contents(self) -> ComposeResult:
        yield Facts("", id="now")
        yield Rows(
            (Column(_("part")), Column(_("what it is"), grows=True), Column(_("size")), Column(_("taken out"))),
            empty=_("Nothing is collected. C collects by a fixed list, without names and words, and keeps it here."),
        )
        yield Detail()

    def hints(self) -> Sequence[Hint]:
        return (("C", _("collect")), ("Enter", _("read")), ("E", _("export")), ("X", _("discard")))

    def first_focus(self) -> Widget | None:
        return self.query_one(RowList)

    def read(self) -> "Bundle | None":
        return self.house.collected()

    async def present(self, facts: "Bundle | None") -> None:
        parts = () if facts is None else facts.parts
        self._parts = {part.name: part for part in parts}
        when = [] if facts is None else [(_("Collected"), f"{moment(facts.at)}  {facts.version}")]
        await self.query_one("#now", Facts).show(when)
        self.query_one(Rows).show([_row(part) for part in parts])
        self._show_detail()

    def on_rows_chosen(self, _event: Rows.Chosen) -> None:
        """What was taken out, below."""
        self._show_detail()

    def on_rows_opened(self, event: Rows.Opened) -> None:
        """To the letter."""
        if (part := self._parts.get(event.row.id)) is not None:
            self.app.push_screen(Reading(f"{part.name}: {part.title}", part.text))

    def action_collect(self) -> None:
        """By the fixed list."""
        self.console.start_errand("support", "bundle")

    def action_export(self) -> None:
        """Seal it for the maker."""

        def entered(filled: Mapping[str, str] | None) -> None:
            if filled is not None:
                self.console.start_errand("support", "export", filled["folder"])

        if not self._parts:
            self.console.say(_("Nothing is collected yet: C collects."))
            return
        self.app.push_screen(
            Form(
                _("Export the support bundle"),
                [Field("folder", _("Folder, such as a stick"), "/media/")],
                text=_("It is sealed so that the maker alone can open it, signed by this machine, and gone from here."),
                command="hangjegyzet support export FOLDER",
            ),
            entered,
        )

    def action_discard(self) -> None:
        """Remove what was collected."""
        self.console.start_errand("support", "discard")

    def _show_detail(self) -> None:
        row = self.query_one(Rows).chosen
        part = self._parts.get(row.id) if row else None
        self.query_one(Detail).show(() if part is None else _detail(part))


def _row(part: "Collected") -> Row:
    taken_out = sum(part.redacted.values())
    tone = "$warn" if part.trouble else ""
    return Row(part.name, (part.name, part.title, size(part.bytes), str(taken_out) if taken_out else "-"), tone=tone)


def _detail(part: "Collected") -> Sequence[Part]:
    return (
        ("", part.title),
        (_("Taken out"), ", ".join(f"{number} {kind}" for kind, number in sorted(part.redacted.items())) or "-"),
        (_("Trouble"), part.trouble),
        (_("Cut"), _("its beginning is left out: it was too long") if part.cut else ""),
    )


PAGE = Support
