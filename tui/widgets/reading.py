"""Something long, to be read to the letter."""

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import Screen
from textual.widgets import RichLog, Static

from tui.i18n import _


class Reading(Screen[None]):
    """A text with its title."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,left,q", "leave", show=False)]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._told = (title, text)

    def compose(self) -> ComposeResult:
        with Vertical(id="errand"):
            yield Static(self._told[0], classes="page-title", markup=False)
            yield Static("─" * 200, classes="page-rule", markup=False)
            yield RichLog(id="errand-output", min_width=20, wrap=True, auto_scroll=False)
            yield Static(_("Up, Down: read   Esc: back"), id="hints", markup=False)

    def on_mount(self) -> None:
        """From the beginning."""
        log = self.query_one(RichLog)
        log.write(Text(self._told[1]), scroll_end=False)
        log.focus()

    def action_leave(self) -> None:
        """Back."""
        self.dismiss(None)
