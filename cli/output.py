"""How commands speak: data on stdout, talk on stderr, a progress bar on anything that takes over two seconds."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from appliance.kernel.errors import HangJegyzetError

talk = Console(stderr=True, highlight=False)
"""For people: goes to stderr, so that stdout stays clean for scripts."""


_UNCUT = 10_000
"""Columns of a page that is no terminal."""


def print_json(data: Any) -> None:
    """Write ``data`` to stdout as indented JSON, UTF-8, one document."""
    encoded = msgspec.json.format(msgspec.json.encode(data, enc_hook=str), indent=2)
    sys.stdout.write(encoded.decode() + "\n")
    sys.stdout.flush()


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str = "Nothing there yet.") -> None:
    """Write rows to stdout as a table; when there are none, say so on stderr.

    The first column, which names the row to other commands, is never cut; into a pipe nothing is.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, no_wrap=number == 0)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    if table.row_count:
        Console(highlight=False, width=None if sys.stdout.isatty() else _UNCUT).print(table)
    else:
        talk.print(empty, style="dim")


def print_fields(fields: Mapping[str, Any]) -> None:
    """Write named values to stdout, one a line, aligned."""
    width = max((len(name) for name in fields), default=0)
    for name, value in fields.items():
        sys.stdout.write(f"{name.ljust(width)}  {'' if value is None else value}\n")
    sys.stdout.flush()


def print_error(error: HangJegyzetError) -> None:
    """Say on stderr what went wrong and what to do now."""
    talk.print(f"[red]✗[/] {error}", soft_wrap=True)
    if error.remedy:
        talk.print(f"  {error.remedy}", style="dim", soft_wrap=True)


@contextmanager
def progress_bar(description: str) -> Iterator[Callable[[float], None]]:
    """A bar on stderr; the yielded function takes the finished fraction, 0 to 1. Silent where stderr is no terminal.

    To a program that asked for it (``HANGJEGYZET_PROGRESS=json``), a line of JSON on stdout for each percent.
    """
    if _for_a_program():
        told = -1

        def report(fraction: float) -> None:
            nonlocal told
            if int(100 * fraction) > told:
                told = int(100 * fraction)
                _tell_step(description, fraction=round(fraction, 2))

        yield report
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=talk, transient=True, disable=not talk.is_terminal) as progress:
        task = progress.add_task(description, total=1.0)
        yield lambda fraction: progress.update(task, completed=fraction)


@contextmanager
def spinner() -> Iterator[Callable[[str], None]]:
    """A line on stderr that says what is being done; the yielded function takes the words. For programs as above."""
    if _for_a_program():
        yield _tell_step
        return
    with talk.status("") as shown:
        yield shown.update


def _for_a_program() -> bool:
    return os.environ.get("HANGJEGYZET_PROGRESS") == "json"


def _tell_step(step: str, **figures: float) -> None:
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    line = {"event": "step", "step": step, "state": "running", "at": at, **figures}
    sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
    sys.stdout.flush()
