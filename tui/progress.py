"""What a verb tells while it works: JSON lines among plain ones.

A line is an object with ``event``: ``begin`` and ``task`` (``role``, ``task``, ``state``, ``reason``, ``diff``), as
``hangjegyzet apply --json`` prints them; ``stage`` and ``note`` (``stage``, ``state``, ``took_s``, ``text``), as
upgrades do; ``step`` (``step``, ``state``, ``fraction``, ``at``), as every verb does that has a bar or a spinner on a
terminal: such a step has ended when the next one is told; ``end``. Whatever else is printed is for people, and is shown
as it is.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tui.formats import length
from tui.i18n import _
from tui.stages import stage_title
from tui.telling import told as said_here

_SIGNS: Final = {"changed": "*", "failed": "!", "undoing": "<", "undone": "<"}
LONGEST_S: Final = 1e8
"""Years: what claims to have taken longer is no length."""
_NOTED: Final = re.compile(r"timestamp=\S+ level=(?:debug|info) ")
"""What goes well is noted for the journal; people read it in other words."""
_BEGINNINGS: Final = frozenset({"begun", "running", "started"})


@dataclass(frozen=True, slots=True)
class Told:
    """An output, understood.

    Args:
        doing: what is being done; empty when nothing is, or nobody said.
        done: steps that ended.
        fraction: 0 to 1, where the verb itself knows.
        lines: for people, in order.
    """

    doing: str
    done: int
    fraction: float | None
    lines: tuple[str, ...]


@dataclass(slots=True)
class _Reader:
    doing: str = ""
    done: int = 0
    fraction: float | None = None
    step: Mapping[str, Any] | None = None
    """The last step that was told, if nothing else was begun since."""

    def take(self, said: Mapping[str, Any]) -> Iterator[str]:
        """Understand one event; yields what it says to people."""
        event, state = str(said.get("event", "")), str(said.get("state", ""))
        name = _name(said)
        if event == "step" and state in _BEGINNINGS:
            yield from self._next_step(said)
        self.fraction = _fraction(said, self.fraction)
        if event == "begin" or state in _BEGINNINGS:
            self.doing = name
        elif event == "note":
            yield f"    {said.get('text', '')}"
        elif event != "end":
            self.done += 1
            yield from _shown(said, name, state)
        else:
            self.doing = ""
            yield _summary(said)

    def _next_step(self, said: Mapping[str, Any]) -> Iterator[str]:
        before = self.step
        self.step = said
        if before is not None and before.get("step") != said.get("step"):
            self.done += 1
            self.fraction = None
            yield f"  {_name(before)}{_took(_between(before, said))}"
            return
        if before is not None and "at" in before:  # the same, further: it began when it was told first
            self.step = {**said, "at": before["at"]}


def read(output: str) -> Told:
    """Everything that was printed until now."""
    reader = _Reader()
    lines: list[str] = []
    for line in output.splitlines():
        said = _said(line)
        if said is not None:
            lines += reader.take(said)
        elif not _NOTED.match(line):
            lines.append(line.rstrip())
    return Told(reader.doing, reader.done, reader.fraction, tuple(lines))


def document(output: str) -> Mapping[str, Any] | None:
    """The JSON document that a verb printed with ``--json``; nothing while there is none, or half of one."""
    plain = "\n".join(line for line in output.splitlines() if _said(line) is None)
    start = 0 if plain.startswith("{") else plain.find("\n{") + 1
    try:
        found, _end = json.JSONDecoder().raw_decode(plain, start)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _said(line: str) -> Mapping[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) and "event" in said else None


def _name(said: Mapping[str, Any]) -> str:
    if "stage" in said and "task" not in said:
        return stage_title(str(said["stage"]))
    parts = (said.get("role"), said.get("task") or said_here(str(said.get("step") or "")))
    return ": ".join(str(part) for part in parts if part)


def _fraction(said: Mapping[str, Any], before: float | None) -> float | None:
    found = said.get("fraction")
    return float(found) if isinstance(found, int | float) and 0 <= found <= 1 else before


def _between(before: Mapping[str, Any], after: Mapping[str, Any]) -> float | None:
    try:
        return (datetime.fromisoformat(after["at"]) - datetime.fromisoformat(before["at"])).total_seconds()
    except (KeyError, TypeError, ValueError):
        return None


def _shown(said: Mapping[str, Any], name: str, state: str) -> Iterator[str]:
    if state == "skipped":
        return
    yield f"{_SIGNS.get(state, ' ')} {name}{_took(said.get('took_s'))}"
    for field in ("reason", "text", "diff"):
        text = said.get(field)
        if text and str(text) not in name:
            yield from (f"    {part}" for part in str(text).splitlines())


def _took(seconds: object) -> str:
    return f"  {length(seconds)}" if isinstance(seconds, int | float) and 0 <= seconds <= LONGEST_S else ""


def _summary(said: Mapping[str, Any]) -> str:
    if said.get("ending") == "done":
        return _("Done.")
    if said.get("ending") == "undone":
        return _("Undone: the old release and every row are back")
    return "  ".join(f"{name}: {value}" for name, value in said.items() if name != "event")
