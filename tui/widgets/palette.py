"""Everything that can be done, found by typing a part of its name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from tui.formats import plain
from tui.i18n import _


@dataclass(frozen=True, slots=True)
class Doing:
    """One line of the palette."""

    title: str
    act: Callable[[], object]


class Palette(ModalScreen[Doing | None]):
    """Type, choose, Enter."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+p", "cancel", show=False, priority=True),
        Binding("down", "move(1)", show=False, priority=True),
        Binding("up", "move(-1)", show=False, priority=True),
    ]

    def __init__(self, doings: Sequence[Doing]) -> None:
        super().__init__()
        self._all = tuple(doings)
        self._found = self._all

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(_("What do you want to do?"), classes="dialog-title", markup=False)
            yield Input()
            found = OptionList(classes="choices", markup=False)
            found.can_focus = False
            yield found
            yield Static(_("Up, Down: choose   Enter: go   Esc: back"), classes="dialog-keys", markup=False)

    def on_mount(self) -> None:
        """All of them, until something is typed."""
        self._paint()
        self.query_one(Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Every word that was typed has to occur, accents or not."""
        words = plain(event.value).split()
        self._found = tuple(one for one in self._all if all(word in plain(one.title) for word in words))
        self._paint()

    def on_input_submitted(self, _event: Input.Submitted) -> None:
        """The chosen one."""
        at = self.query_one(OptionList).highlighted
        if at is not None and at < len(self._found):
            self.dismiss(self._found[at])

    def action_move(self, by: int) -> None:
        """Up or down."""
        found = self.query_one(OptionList)
        if found.option_count:
            found.highlighted = ((found.highlighted or 0) + by) % found.option_count

    def action_cancel(self) -> None:
        """Nothing."""
        self.dismiss(None)

    def _paint(self) -> None:
        found = self.query_one(OptionList)
        found.clear_options()
        found.add_options([Option(one.title) for one in self._found] or [Option(_("Nothing is called that."))])
        found.highlighted = 0 if self._found else None
