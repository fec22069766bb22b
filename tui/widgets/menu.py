"""The menu at the left: where one is, and where one can go."""

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tui.i18n import _
from tui.pages import Entry


class Menu(OptionList):
    """Up and Down show a page; Enter or Right goes into it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("right", "select", show=False)]

    def __init__(self, entries: Sequence[Entry]) -> None:
        options = [Option(f"{entry.key} {_(entry.title)}", id=entry.id) for entry in entries]
        super().__init__(*options, markup=False)
