"""The file itself: read with a limit, edited so that comments stay, written whole or not at all."""

import os
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Table

from appliance.configuration.errors import ConfigurationInvalid, ConfigurationMissing, ConfigurationUnreadable
from appliance.configuration.model import Value, keys, problems
from appliance.kernel.durable import sync_folder
from appliance.kernel.units import MIB

LONGEST_BYTES = MIB
MODE = 0o640
"""Root writes, the appliance's group reads: no setting holds a secret."""


def read(path: Path) -> dict[str, Any]:
    """The parsed file, not yet checked against the settings.

    Raises:
        ConfigurationMissing: it is not there.
        ConfigurationUnreadable: it is no TOML, no text, or absurdly long.
    """
    return parse(read_text(path), path)


def read_valid(path: Path) -> dict[str, Any]:
    """The parsed file.

    Raises:
        ConfigurationMissing, ConfigurationUnreadable: as ``read``.
        ConfigurationInvalid: keys that do not exist, or values that they cannot have; all of them are listed.
    """
    data = read(path)
    require_valid(data)
    return data


def require_valid(data: Mapping[str, Any]) -> None:
    """Let only what can be applied pass.

    Raises:
        ConfigurationInvalid: with every mistake in it.
    """
    if found := problems(data):
        raise ConfigurationInvalid(count=len(found), problems="\n".join(map(str, found)))


def read_text(path: Path) -> str:
    """The file's text.

    Raises:
        ConfigurationMissing: it is not there.
        ConfigurationUnreadable: it is no text, or absurdly long.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LONGEST_BYTES + 1)
    except FileNotFoundError as error:
        raise ConfigurationMissing(path=path) from error
    if len(content) > LONGEST_BYTES:
        raise ConfigurationUnreadable(path=path, reason=f"it is longer than {LONGEST_BYTES} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ConfigurationUnreadable(path=path, reason="it is not UTF-8") from error


def parse(text: str, path: Path) -> dict[str, Any]:
    """A text as data; ``path`` is named in the error."""
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigurationUnreadable(path=path, reason=str(error) or "it is nested too deeply") from error


def with_value(text: str, key: str, value: Value, *, path: Path) -> str:
    """The text with one setting changed, or taken out when ``value`` is None; comments and order stay.

    Raises:
        ConfigurationUnreadable: the text is no TOML.
        ConfigurationInvalid: the result could not be applied.
    """
    try:
        document = tomlkit.parse(text)
    except TOMLKitError as error:
        raise ConfigurationUnreadable(path=path, reason=str(error)) from error
    *sections, name = key.split(".")
    place: Any = document
    for section in sections:
        if section not in place:
            place.add(section, tomlkit.table())
        place = place[section]
        if not isinstance(place, Table):
            raise ConfigurationInvalid(count=1, problems=f"  {section}: a section is expected here")
    if value is None:
        place.pop(name, None)
    else:
        place[name] = value
    changed = tomlkit.dumps(document)
    require_valid(parse(changed, path))
    return changed


def write(path: Path, text: str) -> None:
    """Put the text into place; after a power cut there is the old file or the new one. Owner and mode stay."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            _keep_ownership(path, file.fileno())
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    sync_folder(path.parent)


def commented(given: Mapping[str, Value]) -> str:
    """A first file: every setting with its meaning, commented out unless ``given`` says what it is."""
    lines = [
        "# The appliance, declared. After a change: hangjegyzet apply --check --diff, then hangjegyzet apply.",
        "# A key that does not exist is an error. What is commented out has the value that is shown.",
    ]
    section = ""
    for key in keys():
        *above, name = key.name.split(".")
        if (inside := ".".join(above)) != section:
            section = inside
            lines += ["", f"[{section}]"]
        value = given.get(key.name, key.default)
        shown = tomlkit.item(value).as_string() if value is not None else '""'
        note = "" if value is not None else "  (unset)"
        lines += ["", f"# {key.meaning}{note}", f"{'' if key.name in given else '# '}{name} = {shown}"]
    return "\n".join(lines) + "\n"


def _keep_ownership(path: Path, descriptor: int) -> None:
    try:
        there = path.stat()
    except FileNotFoundError:
        os.fchmod(descriptor, MODE)
        return
    os.fchmod(descriptor, stat.S_IMODE(there.st_mode))
    if os.geteuid() == 0:
        os.fchown(descriptor, there.st_uid, there.st_gid)
