"""Just enough of the GGUF format to know what a file of weights is before it is installed.

Layout from the GGUF specification, version 3 (version 2 reads the same): magic, version, tensor count, metadata count,
then typed key-value pairs, all little-endian. Nothing after the metadata is read.
"""

import struct
from dataclasses import dataclass
from typing import IO

from appliance.models.errors import GgufInvalid

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_MAX_PAIRS = 10_000
_MAX_STRING_BYTES = 16 << 20
_MAX_ITEMS = 10_000_000

Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class GgufInfo:
    """What a GGUF file says about itself; empty where it says nothing."""

    architecture: str
    name: str
    licence: str
    languages: tuple[str, ...]
    context_tokens: int | None
    has_chat_template: bool


def read_gguf(stream: IO[bytes], *, source: str) -> GgufInfo:
    """What the file says about itself.

    Raises:
        GgufInvalid: it is no GGUF file, is cut off, or declares absurd sizes.
    """
    reader = _Reader(stream, source)
    pairs = reader.metadata()
    architecture = str(pairs.get("general.architecture", ""))
    context = pairs.get(f"{architecture}.context_length")
    languages = pairs.get("general.languages", ())
    return GgufInfo(
        architecture=architecture,
        name=str(pairs.get("general.name", "")),
        licence=str(pairs.get("general.license", "")),
        languages=languages if isinstance(languages, tuple) else (),
        context_tokens=context if isinstance(context, int) else None,
        has_chat_template="tokenizer.chat_template" in pairs,
    )


class _Reader:
    def __init__(self, stream: IO[bytes], source: str) -> None:
        self._stream = stream
        self._source = source

    def metadata(self) -> dict[str, Value | tuple[str, ...]]:
        if self._stream.read(4) != b"GGUF":
            raise self._invalid("it does not begin with GGUF")
        version = self._number("I")
        if version not in (2, 3):
            raise self._invalid(f"its version is {version}")
        self._number("Q")  # tensors
        count = int(self._number("Q"))
        if count > _MAX_PAIRS:
            raise self._invalid("it declares too much metadata")
        return {self._string(): self._value(int(self._number("I"))) for _ in range(count)}

    def _value(self, kind: int) -> Value | tuple[str, ...]:
        if kind == _STRING:
            return self._string()
        if kind == _ARRAY:
            return self._array()
        if kind in _SCALARS:
            return self._number(_SCALARS[kind])
        raise self._invalid(f"it has a value of the unknown type {kind}")

    def _array(self) -> tuple[str, ...]:
        """Strings are kept (languages); numbers, such as token scores, are skipped."""
        kind, count = int(self._number("I")), int(self._number("Q"))
        if count > _MAX_ITEMS:
            raise self._invalid("it declares an absurdly long list")
        if kind == _STRING:
            return tuple(self._string() for _ in range(count))
        if kind not in _SCALARS:
            raise self._invalid("it nests lists")
        size = struct.calcsize(_SCALARS[kind]) * count
        while size:
            step = min(size, 1 << 20)
            self._bytes(step)
            size -= step
        return ()

    def _string(self) -> str:
        length = int(self._number("Q"))
        if length > _MAX_STRING_BYTES:
            raise self._invalid("it declares an absurdly long text")
        return self._bytes(length).decode("utf-8", "replace")

    def _number(self, code: str) -> int | float | bool:
        value: int | float | bool = struct.unpack(f"<{code}", self._bytes(struct.calcsize(code)))[0]
        return value

    def _bytes(self, count: int) -> bytes:
        data = self._stream.read(count)
        if len(data) != count:
            raise self._invalid("it ends in the middle of its header")
        return data

    def _invalid(self, reason: str) -> GgufInvalid:
        return GgufInvalid(source=self._source, reason=reason)
