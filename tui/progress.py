"""What a verb tells while it works: JSON lines among plain ones.

A line is an object with ``event``: ``begin`` and ``task`` (``role``, ``task``, ``state``, ``reason``, ``diff``), as
``hangjegyzet apply --json`` prints them; ``stage`` and ``note`` (``stage``, ``state``, ``took_s``, ``text``), as
upgrades do; ``step`` (``step``, ``state``, ``fraction``), as every verb does that has a bar or a spinner on a terminal;
``end``. Whatever else is printed is for people, and is shown as it is.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

_SIGNS: Final = {"changed": "*", "failed": "!", "undoing": "<", "undone": "<"}


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


def read(output: str) -> Told:
    """Everything that was printed until now."""
    doing, done, fraction = "", 0, None
    lines: list[str] = []
    for line in output.splitlines():
        said = _said(line)
        if said is None:
            lines.append(line.rstrip())
            continue
        event, state = str(said.get("event", "")), str(said.get("state", ""))
        name = _name(said)
        fraction = _fraction(said, fraction)
        if event == "begin" or state in {"begun", "running", "started"}:
            doing = name
        elif event == "note":
            lines.append(f"    {said.get('text', '')}")
        elif event != "end":
            done += 1
            lines += _shown(said, name, state)
        else:
            doing = ""
            lines.append(_summary(said))
    return Told(doing, done, fraction, tuple(lines))


def _said(line: str) -> Mapping[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        said = json.loads(line)
    except ValueError:
        return None
    return said if isinstance(said, dict) and "event" in said else None


def _name(said: Mapping[str, Any]) -> str:
    parts = (said.get("role"), said.get("task") or said.get("stage") or said.get("step"))
    return ": ".join(str(part) for part in parts if part)


def _fraction(said: Mapping[str, Any], before: float | None) -> float | None:
    found = said.get("fraction")
    return float(found) if isinstance(found, int | float) and 0 <= found <= 1 else before


def _shown(said: Mapping[str, Any], name: str, state: str) -> Iterator[str]:
    if state == "skipped":
        return
    yield f"{_SIGNS.get(state, ' ')} {name}"
    for field in ("reason", "text", "diff"):
        text = said.get(field)
        if text and str(text) not in name:
            yield from (f"    {part}" for part in str(text).splitlines())


def _summary(said: Mapping[str, Any]) -> str:
    return "  ".join(f"{name}: {value}" for name, value in said.items() if name != "event")
