"""Pack manifests as TOML: read strictly, written back plainly."""

import json
import tomllib
from collections.abc import Iterator

import msgspec

from appliance.models.errors import ManifestInvalid
from appliance.models.model import Pack

MAX_MANIFEST_BYTES = 1 << 20


def read_manifest(data: bytes, *, source: str) -> Pack:
    """The pack that ``data`` declares.

    A manifest comes from outside, so an unknown key, a path that leaves the pack or a malformed hash is refused.

    Raises:
        ManifestInvalid: with the place and the reason.
    """
    if len(data) > MAX_MANIFEST_BYTES:
        raise ManifestInvalid(source=source, reason="it is larger than 1 MiB")
    try:
        return msgspec.convert(tomllib.loads(data.decode("utf-8")), Pack)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ManifestInvalid(source=source, reason=str(error)) from error


def write_manifest(pack: Pack) -> bytes:
    """The manifest of ``pack``; reading it gives an equal pack."""
    return "".join(f"{line}\n" for line in _lines(pack)).encode()


def _lines(pack: Pack) -> Iterator[str]:
    plain = msgspec.to_builtins(pack)
    tables = {"files", "languages"}
    for key, value in plain.items():
        if key not in tables and value is not None:
            yield f"{key} = {_literal(value)}"
    for file in plain["files"]:
        yield from ("", "[[files]]")
        yield from (f"{key} = {_literal(value)}" for key, value in file.items() if value is not None)
    for tag, note in plain["languages"].items():
        yield from ("", f"[languages.{_literal(tag)}]")
        yield from (f"{key} = {_literal(value)}" for key, value in note.items())


def _literal(value: str | int | list[str] | tuple[str, ...]) -> str:
    # JSON's strings, integers and flat lists are TOML literals too, once characters stay unescaped; all but DEL.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
