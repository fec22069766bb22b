"""Parts of a recording, decrypted as they are sent: 200, 206, 304, 416 and HEAD (RFC 9110, section 14).

Decryption runs in a thread, one block ahead of the network; the event loop only passes blocks on.
"""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol, cast

from litestar.concurrency import sync_to_thread
from litestar.types import HTTPScope, Receive, Scope, Send

from appliance.kernel.errors import Invalid
from appliance.kernel.units import MIB

BLOCK_BYTES: Final = MIB
"""Read and sent at once: large enough that a thread switch costs nothing beside it, small enough to hold two."""

_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")


class RangeNotSatisfiable(Invalid):
    """The range lies behind the end."""

    code = "web.range_not_satisfiable"
    message = "The range {range} lies outside of {size_bytes} bytes."


class ByteSource(Protocol):
    """What a recording's reader offers; used by one thread at a time."""

    size: int

    def ranges(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes from ``start`` up to, not including, ``stop``, in pieces."""
        ...

    def close(self) -> None:
        """Let go of the file and the key."""
        ...


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes ``first`` up to ``last``, both included, of ``size``."""

    first: int
    last: int
    size: int

    @property
    def length(self) -> int:
        """How many bytes it has."""
        return self.last - self.first + 1

    @property
    def content_range(self) -> str:
        """The value of ``Content-Range``."""
        return f"bytes {self.first}-{self.last}/{self.size}"


def requested_range(header: str | None, *, size: int) -> ByteRange | None:
    """The one range that a client asks for; None for the whole.

    Several ranges, other units and malformed headers are answered with the whole, as the RFC allows: no player asks for
    them, and overlapping ranges are a known way to make servers work for nothing.

    Raises:
        RangeNotSatisfiable: the range begins behind the end.
    """
    found = _RANGE.fullmatch(header.strip()) if header else None
    if found is None or found.groups() == ("", ""):
        return None
    first_text, last_text = found.groups()
    if not first_text:
        length = min(int(last_text), size)
        first, last = size - length, size - 1
    else:
        first = int(first_text)
        last = min(int(last_text), size - 1) if last_text else size - 1
        if last_text and int(last_text) < first:
            return None
    if first >= size or last < first:
        raise RangeNotSatisfiable(range=header, size_bytes=size)
    return ByteRange(first, last, size)


class RangeResponse:
    """An ASGI answer with all or a part of ``source``; closes it in the end.

    Args:
        etag: strong; the content behind it never changes.
        headers: further headers, such as the media type and the file's name.
    """

    def __init__(self, source: ByteSource, *, etag: str, headers: dict[str, str]) -> None:
        self._source = source
        self._etag = etag
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._answer(cast("HTTPScope", scope), receive, send)
        finally:
            await sync_to_thread(self._source.close)

    async def _answer(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        asked = {name: value.decode("latin-1") for name, value in scope["headers"]}
        common = {"etag": self._etag, "accept-ranges": "bytes", "cache-control": "private, no-store", **self._headers}
        if self._etag in asked.get(b"if-none-match", ""):
            await _send_head(send, 304, common)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        size = self._source.size
        part = None
        if asked.get(b"if-range", self._etag) == self._etag:
            try:
                part = requested_range(asked.get(b"range"), size=size)
            except RangeNotSatisfiable:
                await _send_head(send, 416, {**common, "content-range": f"bytes */{size}", "content-length": "0"})
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                return
        whole = part or ByteRange(0, size - 1, size)
        headers = {**common, "content-length": str(whole.length)}
        if part is not None:
            headers["content-range"] = part.content_range
        await _send_head(send, 206 if part else 200, headers)
        if scope["method"] == "HEAD" or whole.length == 0:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        await self._send_body(whole, receive, send)

    async def _send_body(self, part: ByteRange, receive: Receive, send: Send) -> None:
        """Send block after block until the end, or until the client has gone."""
        pieces = self._source.ranges(part.first, part.last + 1)
        gone = asyncio.create_task(_disconnected(receive))
        block = asyncio.create_task(sync_to_thread(_next_block, pieces))
        left = part.length
        try:
            while left > 0 and not gone.done():
                data = await block
                left -= len(data)
                if left > 0:
                    block = asyncio.create_task(sync_to_thread(_next_block, pieces))
                await send({"type": "http.response.body", "body": data, "more_body": left > 0})
        finally:
            gone.cancel()
            # A thread can't be stopped: wait for its block, so that the source isn't closed under it.
            await asyncio.wait([block])


def _next_block(pieces: Iterator[bytes]) -> bytes:
    """About ``BLOCK_BYTES`` of the pieces, as one; raises where a recording ends too early: the answer breaks off."""
    taken, length = [], 0
    for piece in pieces:
        taken.append(piece)
        length += len(piece)
        if length >= BLOCK_BYTES:
            break
    if not taken:
        raise EOFError("the recording ends before its announced end")
    return b"".join(taken)


async def _send_head(send: Send, status: int, headers: dict[str, str]) -> None:
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})


async def _disconnected(receive: Receive) -> None:
    """Return when the client has gone."""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
