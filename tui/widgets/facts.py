"""Named values, one under the other, aligned; a value that is too long goes on in the next line."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

Value = str | Content


class Fact(Horizontal):
    """One name and its value."""

    def __init__(self, label: str, value: Value) -> None:
        super().__init__()
        self.facts = (label, value)

    def compose(self) -> ComposeResult:
        yield Static(self.facts[0], classes="label", markup=False)
        yield Static(self.facts[1], classes="value", markup=False)

    def show(self, label: str, value: Value) -> None:
        """Change what is shown, where it differs."""
        if (label, value) == self.facts:
            return
        self.facts = (label, value)
        self.query_one(".label", Static).update(label)
        self.query_one(".value", Static).update(value)


class Facts(Vertical):
    """Some of them, under a title."""

    DEFAULT_CLASSES = "group"

    def __init__(self, title: str, facts: Sequence[tuple[str, Value]] = (), *, id: str | None = None) -> None:  # noqa: A002  # Textual's name for it
        super().__init__(id=id)
        self._title = title
        self._facts = list(facts)

    def compose(self) -> ComposeResult:
        if self._title:
            yield Static(self._title, classes="group-title", markup=False)
        for label, value in self._facts:
            yield Fact(label, value)

    async def show(self, facts: Sequence[tuple[str, Value]]) -> None:
        """Show these; widgets are made and removed only where their number differs."""
        shown = list(self.query(Fact))
        for fact, (label, value) in zip(shown, facts, strict=False):
            fact.show(label, value)
        for fact in shown[len(facts) :]:
            await fact.remove()
        await self.mount_all([Fact(label, value) for label, value in facts[len(shown) :]])
