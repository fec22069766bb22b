"""A slice on its way from the network to the disk: whatever the network does, the sink is closed."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

import pytest

from web.slices import ConnectionLost, receive_slice


@dataclass
class Sink:
    """Takes bytes, and remembers how it ended."""

    taken: bytearray = field(default_factory=bytearray)
    finished: bool = False
    closed: bool = False

    def write(self, data: bytes) -> None:
        self.taken += data

    def finish(self) -> int:
        self.finished = True
        return len(self.taken)

    def __exit__(self, *_: object) -> None:
        self.closed = True


@dataclass
class Request:
    """A request whose body comes in parts; a part that is a number is a pause of so many seconds."""

    parts: tuple[bytes | float, ...]
    content_length: int | None = None

    async def stream(self) -> AsyncGenerator[bytes, None]:
        for part in self.parts:
            if isinstance(part, float):
                await asyncio.sleep(part)
            else:
                yield part


def receive(sink: Sink, *parts: bytes | float, content_length: int | None = None) -> int:
    request: Any = Request(parts, content_length)
    return asyncio.run(receive_slice(request, sink))


def test_a_slice_arrives_whole_and_in_order() -> None:
    """Parts of any size become one slice."""
    sink = Sink()
    assert receive(sink, b"ab", b"", b"c" * 300_000, b"d", content_length=300_003) == 300_003
    assert bytes(sink.taken) == b"ab" + b"c" * 300_000 + b"d"
    assert sink.closed


def test_a_body_that_ends_early_is_a_lost_connection() -> None:
    """Its sender did not mean to end there."""
    sink = Sink()
    with pytest.raises(ConnectionLost):
        receive(sink, b"abc", content_length=10)
    assert (bytes(sink.taken), sink.finished, sink.closed) == (b"abc", False, True)


def test_a_silent_sender_does_not_keep_the_upload_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that went away sends no good-bye; the upload is free for the next request after a while."""
    monkeypatch.setattr("web.slices.SILENCE_S", 0.1)
    sink = Sink()
    with pytest.raises(ConnectionLost):
        receive(sink, b"abc", 60.0, b"never", content_length=8)
    assert (bytes(sink.taken), sink.finished, sink.closed) == (b"abc", False, True)
