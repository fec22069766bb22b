"""Commands that are imported when they are called: help and completion know their names and one line about each.

Importing every command costs a second, because each opens onto another part of the house; most calls need one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

from typer import Typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command_from_info, get_group


@dataclass(frozen=True, slots=True)
class Entry:
    """One word after ``hangjegyzet``.

    Args:
        module: holds a ``Typer`` named ``app``.
        help: what the word does; the same text as in the module, so that it is known without it.
        build: ``noun`` where verbs follow, ``verb`` where it acts by itself.
    """

    name: str
    module: str
    help: str
    build: Callable[[Typer], TyperCommand | TyperGroup]

    def load(self) -> TyperCommand | TyperGroup:
        """Import the command."""
        command = self.build(import_module(self.module).app)
        command.name = self.name
        for each in command.commands.values() if isinstance(command, TyperGroup) else ():
            each.short_help = each.short_help or _first_line(each.help)
        return command


def noun(name: str, text: str) -> Entry:
    """A word that verbs follow: ``hangjegyzet meeting add``."""
    return Entry(name, f"cli.commands.{name}", text, get_group)


def verb(name: str, text: str) -> Entry:
    """A word that acts by itself: ``hangjegyzet serve``."""
    return Entry(name, f"cli.commands.{name.replace('-', '_')}", text, _only_command)


def lazy_group(entries: Sequence[Entry]) -> type[TyperGroup]:
    """A group of these commands, for ``Typer(cls=…)``."""

    class LazyGroup(TyperGroup):
        def __init__(self, **attributes: Any) -> None:
            super().__init__(**attributes)
            self.commands.update({entry.name: _Deferred(entry) for entry in entries})

    return LazyGroup


class _Deferred(TyperCommand):
    """Stands for a command until somebody calls it."""

    def __init__(self, entry: Entry) -> None:
        super().__init__(entry.name, help=entry.help, short_help=entry.help)
        self.entry = entry

    def make_context(self, *arguments: Any, **named: Any) -> Any:
        """The context of the real command: whoever calls goes on with ``context.command``."""
        return self.entry.load().make_context(*arguments, **named)


def _first_line(text: str | None) -> str:
    """All of it: lists of commands would otherwise cut it off in the middle."""
    return (text or "").partition("\n")[0]


def _only_command(app: Typer) -> TyperCommand:
    (command,) = app.registered_commands
    return cast(
        "TyperCommand",
        get_command_from_info(
            command, pretty_exceptions_short=app.pretty_exceptions_short, rich_markup_mode=app.rich_markup_mode
        ),
    )
