"""The file as data: every key with its meaning, what is wrong with a text, and how two of them differ.

A key is written with dots, ``web.port``. Values are TOML's: text, whole numbers, numbers, booleans, lists of text.
"""

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from appliance.configuration.errors import NotASetting, UnknownKey
from appliance.settings import Configuration

Value = str | int | float | bool | list[str] | None


@dataclass(frozen=True, slots=True)
class Key:
    """One setting: its name with dots, what it means, and what it is when nobody sets it."""

    name: str
    meaning: str
    default: Value


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a key; ``line`` is counted from one, 0 where it has none."""

    key: str
    reason: str

    def __str__(self) -> str:
        return f"  {self.key}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Change:
    """A setting whose effective value differs between two configurations."""

    key: str
    before: Value
    after: Value


def keys() -> tuple[Key, ...]:
    """Every setting, in the order of their definition."""
    return tuple(
        Key(name, field.description or "", _plain(field.get_default(call_default_factory=True)))
        for name, field in _fields(Configuration)
    )


def find(name: str) -> Key:
    """The setting of that name.

    Raises:
        UnknownKey: there is none; the error names the likeliest.
        NotASetting: it is a section.
    """
    known = {key.name: key for key in keys()}
    if name in known:
        return known[name]
    if inside := [key for key in known if key.startswith(f"{name}.")]:
        raise NotASetting(key=name, settings=", ".join(inside))
    close = difflib.get_close_matches(name, known, n=1)
    raise UnknownKey(key=name, likely=f" Do you mean {close[0]}?" if close else "")


def problems(data: Mapping[str, Any]) -> tuple[Problem, ...]:
    """All that is wrong with a parsed file; none when it can be applied."""
    try:
        Configuration.model_validate(data)
    except ValidationError as errors:
        return tuple(_problem(error) for error in errors.errors(include_url=False, include_input=False))
    return ()


def effective(data: Mapping[str, Any]) -> dict[str, Value]:
    """Every setting with the value that a valid file gives it, defaults included."""
    filled = Configuration.model_validate(data)
    return {name: _plain(_at(filled, name)) for name, _ in _fields(Configuration)}


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    """Settings whose effective value differs between two valid files."""
    old, new = effective(before), effective(after)
    return tuple(Change(key, old[key], new[key]) for key in new if old[key] != new[key])


def parse_value(name: str, text: str) -> Value:
    """What somebody typed for a setting, as TOML reads it; text needs no quotes.

    Raises:
        UnknownKey, NotASetting: there is no such setting.
    """
    find(name)
    try:
        value: Value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
    return value if isinstance(value, str | int | float | bool | list) else text


def _problem(error: Any) -> Problem:
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        close = difflib.get_close_matches(key, [known.name for known in keys()], n=1)
        return Problem(key, "there is no such setting" + (f"; do you mean {close[0]}?" if close else ""))
    reason: str = error["msg"]
    return Problem(key or "the whole file", reason[:1].lower() + reason[1:])


def _fields(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _fields(field.annotation, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field


def _at(filled: BaseModel, name: str) -> Any:
    found: Any = filled
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _plain(value: Any) -> Value:
    if isinstance(value, tuple | list):
        return [str(part) for part in value]
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
