"""A list in columns: cells are as wide as their longest text, and one column takes what is left."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.events import Resize
from textual.message import Message
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

GAP = 2


@dataclass(frozen=True, slots=True)
class Column:
    """A column.

    Args:
        grows: takes what the others leave; what is longer goes on in a line below. Without one, it is the last.
        optional: is left out where there is no room; the detail of a line has it then.
        least: room that an optional column needs to be of use.
    """

    title: str
    grows: bool = False
    optional: bool = False
    least: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One line; ``tone`` is the colour of its first cell."""

    id: str
    cells: tuple[str, ...]
    tone: str = ""


class RowList(OptionList):
    """The lines."""

    BINDINGS: ClassVar[list[BindingType]] = []


class Rows(Vertical):
    """Lines under a head; the chosen one stays chosen while others come and go."""

    class Chosen(Message):
        """Another line is highlighted."""

        def __init__(self, row: Row | None) -> None:
            super().__init__()
            self.row = row

    class Opened(Message):
        """Enter was pressed on a line."""

        def __init__(self, row: Row) -> None:
            super().__init__()
            self.row = row

    def __init__(self, columns: Sequence[Column], *, empty: str, id: str | None = None) -> None:  # noqa: A002  # Textual's name for it
        super().__init__(id=id)
        self._columns = tuple(columns)
        self._empty = empty
        self._rows: tuple[Row, ...] = ()

    def compose(self) -> ComposeResult:
        yield Static("", classes="rows-head", markup=False)
        yield Static(self._empty, classes="empty", markup=False)
        yield RowList(markup=False)

    def on_mount(self) -> None:
        """Nothing is there until somebody shows something; not even that it is empty."""
        self.query_one(".empty").display = False

    @property
    def chosen(self) -> Row | None:
        """The highlighted line."""
        at = self._list.highlighted
        return self._rows[at] if at is not None and at < len(self._rows) else None

    def show(self, rows: Sequence[Row]) -> None:
        """Show these lines."""
        if tuple(rows) == self._rows and self._list.option_count == len(rows) and rows:
            return
        before = self.chosen
        self._rows = tuple(rows)
        self._paint(before.id if before else None)

    def choose(self, row_id: str) -> None:
        """Highlight the line of that name, and bring it into sight."""
        ids = [row.id for row in self._rows]
        if row_id in ids:
            self._list.highlighted = ids.index(row_id)

    def on_resize(self, _event: Resize) -> None:
        """Columns are laid out anew."""
        if self._rows:
            self._paint(self.chosen.id if self.chosen else None)

    @property
    def _list(self) -> RowList:
        return self.query_one(RowList)

    def _paint(self, keep: str | None) -> None:
        widths = self._widths()
        self.query_one(".rows-head", Static).update(
            "\n".join(_lines([column.title for column in self._columns], widths))
        )
        self.query_one(".rows-head").display = bool(self._rows)
        self.query_one(".empty").display = not self._rows
        found = self._list  # stays where it is when it is empty: it holds the keys of the page
        scrolled = found.scroll_y
        found.clear_options()
        found.add_options([Option(_option(row, widths), id=row.id) for row in self._rows])
        ids = [row.id for row in self._rows]
        if ids:
            found.highlighted = ids.index(keep) if keep in ids else 0
            found.scroll_to(y=scrolled, animate=False)
        self.post_message(self.Chosen(self.chosen))

    def _widths(self) -> tuple[int, ...]:
        """Cells of each column; none where it is left out."""
        room = max(20, self.size.width - 1)
        wanted = [
            max([cell_len(column.title), *(cell_len(row.cells[number]) for row in self._rows)])
            for number, column in enumerate(self._columns)
        ]
        optional = [number for number, column in enumerate(self._columns) if column.optional]
        kept = list(range(len(wanted)))
        while optional and self._need(kept, wanted) > room:
            kept.remove(optional.pop())
        spare = room - sum(wanted[number] for number in kept) - GAP * (len(kept) - 1)
        growing = next((number for number in kept if self._columns[number].grows), kept[-1])
        return tuple(
            0 if number not in kept else max(1, width + (spare if number == growing else 0))
            for number, width in enumerate(wanted)
        )

    def _need(self, kept: Sequence[int], wanted: Sequence[int]) -> int:
        least = (min(wanted[number], self._columns[number].least or wanted[number]) for number in kept)
        return sum(least) + GAP * (len(kept) - 1)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Tell the page."""
        event.stop()
        self.post_message(self.Chosen(self.chosen))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Tell the page."""
        event.stop()
        if (row := self.chosen) is not None:
            self.post_message(self.Opened(row))


def _option(row: Row, widths: Sequence[int]) -> Content:
    lines = _lines(row.cells, widths)
    if not row.tone:
        return Content("\n".join(lines))
    first = widths[0]
    return Content.assemble((lines[0][:first], row.tone), "\n".join([lines[0][first:], *lines[1:]]))


def _lines(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    """The row, in as many lines as its longest cell needs."""
    kept = [(_folded(cell, width), width) for cell, width in zip(cells, widths, strict=True) if width > 0]
    height = max(len(parts) for parts, _width in kept)
    return [
        (" " * GAP).join((parts[number] if number < len(parts) else "").ljust(width) for parts, width in kept).rstrip()
        for number in range(height)
    ]


def _folded(text: str, width: int) -> list[str]:
    """Whole words a line, and a word that is too long in pieces."""
    return wrap(" ".join(text.split()), width) or [""]
