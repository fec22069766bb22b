"""What stands in front of a page: a notice, a question with its word, a form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from tui.formats import plain
from tui.i18n import _


class Notice(ModalScreen[None]):
    """Something to read; ``code`` is shown large, once."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,enter,space", "close", show=False)]

    def __init__(self, title: str, text: str, *, command: str = "", code: str = "") -> None:
        super().__init__()
        self._told = (title, text, command, code)

    def compose(self) -> ComposeResult:
        title, text, command, code = self._told
        with VerticalScroll(classes="dialog"):
            yield Static(title, classes="dialog-title", markup=False)
            if code:
                yield Static(code, classes="code", markup=False)
            yield Static(text, classes="dialog-text", markup=False)
            if command:
                yield Static(f"$ {command}", classes="dialog-command", markup=False)
            yield Static(_("Enter: close"), classes="dialog-keys", markup=False)

    def action_close(self) -> None:
        """Read."""
        self.dismiss(None)


class Confirm(ModalScreen[bool]):
    """What will happen, and the word that makes it happen."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", show=False)]

    def __init__(self, title: str, text: str, *, word: str, command: str) -> None:
        super().__init__()
        self._told = (title, text, command)
        self._word = word

    def compose(self) -> ComposeResult:
        title, text, command = self._told
        with VerticalScroll(classes="dialog -danger", can_focus=False):
            yield Static(title, classes="dialog-title", markup=False)
            yield Static(text, classes="dialog-text", markup=False)
            yield Static(f"$ {command}", classes="dialog-command", markup=False)
            yield Static(_("Type {word} to go on:").format(word=self._word), classes="field-label", markup=False)
            yield Input(id="word", max_length=40)
            yield Static(_("Enter: do it   Esc: leave everything as it is"), classes="dialog-keys", markup=False)

    def on_mount(self) -> None:
        """The word is next."""
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Only the word itself will do, with or without its accents."""
        if plain(event.value.strip()) == plain(self._word):
            self.dismiss(True)
        else:
            event.input.add_class("-invalid")
            event.input.value = ""

    def action_cancel(self) -> None:
        """Nothing happens."""
        self.dismiss(False)


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to fill in; ``choices`` are values with what people read."""

    name: str
    label: str
    value: str = ""
    choices: Sequence[tuple[str, str]] = ()
    optional: bool = False


class Form(ModalScreen[Mapping[str, str] | None]):
    """Some things to fill in."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", show=False),
        Binding("f2", "submit", show=False),
    ]

    def __init__(self, title: str, fields: Sequence[Field], *, text: str = "", command: str = "") -> None:
        super().__init__()
        self._told = (title, text, command)
        self._fields = tuple(fields)

    def compose(self) -> ComposeResult:
        title, text, command = self._told
        with VerticalScroll(classes="dialog", can_focus=False):
            yield Static(title, classes="dialog-title", markup=False)
            if text:
                yield Static(text, classes="dialog-text", markup=False)
            for field in self._fields:
                yield Static(field.label, classes="field-label", markup=False)
                if field.choices:
                    options = [Option(label, id=value) for value, label in field.choices]
                    yield OptionList(*options, id=field.name, classes="choices", markup=False)
                else:
                    yield Input(field.value, id=field.name, max_length=500)
            if command:
                yield Static(f"$ {command}", classes="dialog-command", markup=False)
            yield Static(_("Tab: next   Enter: do it   Esc: cancel"), classes="dialog-keys", markup=False)

    def on_mount(self) -> None:
        """Begin with the first."""
        for field in self._fields:
            if field.choices:
                chosen = [value for value, _label in field.choices]
                self._choices(field.name).highlighted = chosen.index(field.value) if field.value in chosen else 0
        self.query_one(f"#{self._fields[0].name}").focus()

    def on_input_submitted(self, _event: Input.Submitted) -> None:
        """Enter goes on to the next empty field, or does it."""
        self.action_submit()

    def on_option_list_option_selected(self, _event: OptionList.OptionSelected) -> None:
        """The same."""
        self.action_submit()

    def action_submit(self) -> None:
        """Answer, once everything is filled in."""
        for field in self._fields:
            if not field.choices and not field.optional and not self._input(field.name).value.strip():
                self._input(field.name).focus()
                return
        self.dismiss({field.name: self._value(field) for field in self._fields})

    def action_cancel(self) -> None:
        """Nothing happens."""
        self.dismiss(None)

    def _value(self, field: Field) -> str:
        if not field.choices:
            return self._input(field.name).value.strip()
        return field.choices[self._choices(field.name).highlighted or 0][0]

    def _input(self, name: str) -> Input:
        return self.query_one(f"#{name}", Input)

    def _choices(self, name: str) -> OptionList:
        return self.query_one(f"#{name}", OptionList)
