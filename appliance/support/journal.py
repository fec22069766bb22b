"""Lines of the journal: our own events by their fields, systemd's by their words, of anything else only the length."""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from appliance.support.redaction import Redactor

MAX_LINE_BYTES = 64 * 1024
_PAIR = re.compile(r"([a-z_][a-z0-9_]*)=(\"(?:[^\"\\]|\\.)*\"|\S*)")
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,9})?(?:e[+-]?\d{1,3})?")
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|\+00:00)?")
_WORD = re.compile(r"[a-z][a-z0-9]*(?:[_.:@/-][a-z0-9]+)*")
_FRAME = re.compile(r'File "[^"]*?/((?:appliance|cli|web|tui)/[\w/]+\.py)", line (\d+), in (\w+)')
_KIND = re.compile(r"^((?:[a-zA-Z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Refused|Invalid|Missing|Exit|[a-z]))(?::|$)")


def safe_lines(lines: Iterable[bytes], redactor: Redactor) -> Iterator[str]:
    """What may be told of ``journalctl --output=json``, a line for each entry."""
    for line in lines:
        if len(line) > MAX_LINE_BYTES:
            yield redactor.withheld(line.decode("utf-8", "replace"))
            continue
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(entry, dict):
            yield _safe(entry, redactor)


def _safe(entry: dict[str, Any], redactor: Redactor) -> str:
    message = entry.get("MESSAGE")
    text = message if isinstance(message, str) else bytes(_bytes(message)).decode("utf-8", "replace")
    unit = str(entry.get("UNIT") or entry.get("_SYSTEMD_UNIT") or "?")
    if str(entry.get("_PID")) == "1":
        told = redactor.sentence(text)
    elif pairs := _PAIR.findall(text) if "event=" in text else []:
        told = " ".join(f"{name}={_field(value, redactor)}" for name, value in pairs if _known(name, redactor))
    elif text.lstrip().startswith(("Traceback", "File ")) or _KIND.match(text.strip()):
        told = trace(text, redactor)
    else:
        told = redactor.withheld(text)
    return f"{_time(entry)} {redactor.line(unit)} {told}"


def trace(text: str, redactor: Redactor) -> str:
    """Of a traceback the places in our own code and the kind of the error, never its words."""
    frames = [f"{path}:{line} {name}" for path, line, name in _FRAME.findall(text)]
    kinds = [kind[1] for each in text.splitlines() if (kind := _KIND.match(each.strip()))]
    redactor.counts["text"] += 1
    return redactor.line(" < ".join([*kinds[-1:], *reversed(frames)]) or f"[{len(text)} characters]")


def _field(value: str, redactor: Redactor) -> str:
    if value.startswith('"'):
        value = value[1:-1].replace('\\"', '"').replace("\\n", "\n")
    if _NUMBER.fullmatch(value) or _TIME.fullmatch(value):
        return value
    if _ID.fullmatch(value):
        return redactor.line(value)
    if "Traceback" in value:
        return trace(value, redactor)
    if len(value) <= 80 and _WORD.fullmatch(value):
        return redactor.identifier(value)
    return redactor.withheld(value)


def _known(name: str, redactor: Redactor) -> bool:
    return redactor.identifier(name) == name


def _time(entry: dict[str, Any]) -> str:
    try:
        at = datetime.fromtimestamp(int(entry["__REALTIME_TIMESTAMP"]) / 1e6, UTC)
    except (KeyError, ValueError, TypeError, OverflowError):
        return "?"
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _bytes(message: Any) -> list[int]:
    """journalctl writes what is no text as a list of numbers."""
    whole = message if isinstance(message, list) else []
    return [number for number in whole if isinstance(number, int) and 0 <= number < 256]
