"""What lies on sticks, to choose from; a path can always be typed instead."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import Screen
from textual.widgets import Static

from tui.i18n import _
from tui.telling import explained
from tui.threads import in_thread
from tui.widgets.dialogs import Field, Form
from tui.widgets.rows import Column, Row, RowList, Rows

PATIENCE_S = 120.0
"""A slow stick with much on it."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Choice(Generic[T]):
    """What is chosen from, and how it is shown.

    Args:
        look: what there is; called in a thread.
        row: a line for one of them; its id is the path.
        empty: what to do where nothing was found.
        field: what can be typed instead.
        command: what takes the chosen path.
    """

    title: str
    columns: Sequence[Column]
    look: Callable[[], Sequence[T]]
    row: Callable[[T], Row]
    empty: str
    field: str
    command: str


class Choosing(Screen[str | None], Generic[T]):
    """Enter takes the line; P takes a path that is typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,left,q", "leave", show=False),
        Binding("p", "path", show=False),
        Binding("f5", "look", show=False),
    ]

    def __init__(self, choice: Choice[T]) -> None:
        super().__init__()
        self._choice = choice
        self._asking = False

    def compose(self) -> ComposeResult:
        with Vertical(id="errand"):
            yield Static(self._choice.title, classes="page-title", markup=False)
            yield Static("─" * 200, classes="page-rule", markup=False)
            yield Static("", classes="page-fault", markup=False)
            yield Static(_("What is plugged in is being looked at"), id="choosing-news", classes="empty", markup=False)
            yield Rows(self._choice.columns, empty=self._choice.empty)
            yield Static(f"$ {self._choice.command}", id="command", markup=False)
            yield Static(_("Enter: take it   P: type a path   F5: look again   Esc: back"), id="hints", markup=False)

    def on_mount(self) -> None:
        """What there is."""
        self.query_one(RowList).focus()
        self.action_look()

    def action_look(self) -> None:
        """Look again; somebody may have plugged another one in."""
        if not self._asking:
            self._asking = True
            self.run_worker(self._look(), exit_on_error=False)

    def on_rows_opened(self, event: Rows.Opened) -> None:
        """This one."""
        self.dismiss(event.row.id)

    def action_path(self) -> None:
        """Somewhere else."""

        def entered(filled: Mapping[str, str] | None) -> None:
            if filled is not None:
                self.dismiss(filled["path"])

        chosen = self.query_one(Rows).chosen
        field = Field("path", self._choice.field, chosen.id if chosen else "/media/")
        self.app.push_screen(Form(self._choice.title, [field], command=self._choice.command), entered)

    def action_leave(self) -> None:
        """Nothing."""
        self.dismiss(None)

    async def _look(self) -> None:
        fault = self.query_one(".page-fault", Static)
        try:
            found = await in_thread(self._choice.look, patience_s=PATIENCE_S)
        except Exception as error:  # noqa: BLE001  # the edge of the screen: a path can be typed all the same
            fault.update("\n".join(part for part in explained(error) if part))
            fault.add_class("-shown")
        else:
            fault.remove_class("-shown")
            self.query_one(Rows).show([self._choice.row(one) for one in found])
        finally:
            self._asking = False
            self.query_one("#choosing-news").display = False
