"""What is known about the chosen line, in full."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

Part = tuple[str, str | Content]


class Detail(VerticalScroll):
    """A few labelled lines under a list; hidden where nothing is chosen."""

    DEFAULT_CLASSES = "detail"

    def __init__(self) -> None:
        super().__init__()
        self.display = False

    def compose(self) -> ComposeResult:
        yield Static("", markup=False)

    def show(self, parts: Sequence[Part]) -> None:
        """Show these; empty ones are left out."""
        lines = [
            Content.assemble((f"{label}  ", "$faint"), value) if label else Content.assemble(value)
            for label, value in parts
            if value
        ]
        self.display = bool(lines)
        self.query_one(Static).update(Content("\n").join(lines))
