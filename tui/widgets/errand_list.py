"""Work that was begun from the console, under way and ended; its output can be read again."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import Screen
from textual.widgets import Static

from tui.errands import Errand, Errands
from tui.formats import moment
from tui.i18n import _
from tui.widgets.errand import COLOURS, state_word
from tui.widgets.rows import Column, Row, RowList, Rows

LOOK_S = 1.0


class ErrandList(Screen[Errand | None]):
    """Newest first; Enter opens one."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,left,f9", "leave", show=False)]

    def __init__(self, errands: Errands) -> None:
        super().__init__()
        self._errands = errands
        self._by_id: dict[str, Errand] = {}

    def compose(self) -> ComposeResult:
        with Vertical(id="errand"):
            yield Static(_("Work that was begun here"), classes="page-title", markup=False)
            yield Static("─" * 200, classes="page-rule", markup=False)
            yield Rows(
                (Column(_("state")), Column(_("begun")), Column(_("command"), grows=True)),
                empty=_(
                    "Nothing was begun from this console yet. What takes long is listed here, with all it printed."
                ),
            )
            yield Static(_("Enter: read   Esc: back"), id="hints", markup=False)

    def on_mount(self) -> None:
        """List, and go on listing."""
        self.set_interval(LOOK_S, self.look)
        self.look()
        self.query_one(RowList).focus()

    def look(self) -> None:
        """What there is now."""
        found = self._errands.list()
        self._by_id = {errand.folder.name: errand for errand in found}
        self.query_one(Rows).show(
            [
                Row(
                    errand.folder.name,
                    (state_word(errand.state), moment(errand.started_at), errand.line),
                    tone=COLOURS[errand.state],
                )
                for errand in found
            ]
        )

    def on_rows_opened(self, event: Rows.Opened) -> None:
        """Read it."""
        self.dismiss(self._by_id.get(event.row.id))

    def action_leave(self) -> None:
        """Back."""
        self.dismiss(None)
