"""Which part of a recording a player asks for."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.ranges import BLOCK_BYTES, ByteRange, RangeNotSatisfiable, RangeResponse, requested_range

CONTENT = bytes(range(256)) * 8192


class Plain:
    """A source in memory that notices being closed."""

    def __init__(self, content: bytes) -> None:
        self.size = len(content)
        self.closed = False
        self._content = content

    def ranges(self, start: int, stop: int) -> Iterator[bytes]:
        for position in range(start, stop, 65536):
            yield self._content[position : min(position + 65536, stop)]

    def close(self) -> None:
        self.closed = True


def answer(
    source: Plain, *, method: str = "GET", gone_after: int | None = None, **headers: str
) -> tuple[int, Any, bytes]:
    """What a client gets; ``gone_after`` is after how many body events it hangs up."""

    async def ask() -> tuple[int, dict[str, str], bytes]:
        events: list[Any] = []
        gone = asyncio.Event()

        async def send(event: Any) -> None:
            events.append(event)
            if gone_after is not None and len(events) > gone_after:
                gone.set()
            await asyncio.sleep(0)

        async def receive() -> Any:
            await gone.wait()
            return {"type": "http.disconnect"}

        encoded = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope: Any = {"type": "http", "method": method, "headers": encoded}
        await RangeResponse(source, etag='"e"', headers={"content-type": "audio/flac"})(scope, receive, send)
        told = {name.decode(): value.decode() for name, value in events[0]["headers"]}
        return events[0]["status"], told, b"".join(event.get("body", b"") for event in events[1:])

    return asyncio.run(ask())


@given(st.integers(1, 10_000), st.data())
def test_a_range_is_the_same_bytes_as_a_slice(size: int, data: st.DataObject) -> None:
    """Whatever first and last are, as long as something lies between them."""
    first = data.draw(st.integers(0, size - 1))
    last = data.draw(st.integers(first, size + 10))
    part = requested_range(f"bytes={first}-{last}", size=size)
    assert part == ByteRange(first, min(last, size - 1), size)
    assert part.length == len(range(size)[first : last + 1])


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-", (0, 999)),
        ("bytes=-10", (990, 999)),
        ("bytes=-5000", (0, 999)),
        ("bytes=500-100", None),
        ("bytes=0-1,5-6", None),
        ("items=0-1", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
        (None, None),
    ],
)
def test_other_forms_of_ranges(header: str | None, expected: tuple[int, int] | None) -> None:
    """Open and suffix ranges are understood; what is malformed, or several at once, means the whole."""
    part = requested_range(header, size=1000)
    assert (None if part is None else (part.first, part.last)) == expected


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=5000-6000", "bytes=-0"])
def test_a_range_behind_the_end_cannot_be_satisfied(header: str) -> None:
    """The client learns the size instead."""
    with pytest.raises(RangeNotSatisfiable):
        requested_range(header, size=1000)


def test_the_whole_recording() -> None:
    """Without a range everything comes, with the promise that ranges work."""
    source = Plain(CONTENT)
    status, headers, body = answer(source)
    assert (status, body) == (200, CONTENT)
    assert headers["accept-ranges"] == "bytes"
    assert headers["content-length"] == str(len(CONTENT))
    assert source.closed


def test_a_part_that_spans_several_blocks() -> None:
    """Blocks are put together without a seam."""
    status, headers, body = answer(Plain(CONTENT), range=f"bytes=70000-{BLOCK_BYTES + 80000}")
    assert status == 206
    assert body == CONTENT[70000 : BLOCK_BYTES + 80001]
    assert headers["content-range"] == f"bytes 70000-{BLOCK_BYTES + 80000}/{len(CONTENT)}"


def test_a_head_request_has_the_headers_alone() -> None:
    """Players ask for the size first."""
    status, headers, body = answer(Plain(CONTENT), method="HEAD", range="bytes=0-9")
    assert (status, body, headers["content-length"]) == (206, b"", "10")


def test_a_range_behind_the_end_is_answered_with_the_size() -> None:
    """416 names the size in Content-Range."""
    status, headers, body = answer(Plain(CONTENT), range=f"bytes={len(CONTENT)}-")
    assert (status, body, headers["content-range"]) == (416, b"", f"bytes */{len(CONTENT)}")


def test_a_known_version_is_not_sent_again() -> None:
    """304 for the ETag that the client has; another one gets the content."""
    assert answer(Plain(CONTENT), if_none_match='"e"')[0] == 304
    assert answer(Plain(CONTENT), if_none_match='"other"')[0] == 200


def test_a_range_of_another_version_is_the_whole() -> None:
    """If-Range protects against gluing two versions together."""
    assert answer(Plain(CONTENT), range="bytes=0-9", if_range='"other"')[0] == 200
    assert answer(Plain(CONTENT), range="bytes=0-9", if_range='"e"')[0] == 206


def test_an_empty_recording_is_answered() -> None:
    """No range of nothing can be had, but the nothing itself can."""
    assert answer(Plain(b""))[::2] == (200, b"")
    assert answer(Plain(b""), range="bytes=0-")[0] == 416


def test_nothing_is_decrypted_for_a_client_that_has_gone() -> None:
    """A player that jumps elsewhere hangs up; the rest is not sent, and the file is closed."""
    source = Plain(CONTENT * 10)
    _, _, body = answer(source, gone_after=2)
    assert len(body) < source.size
    assert source.closed


def test_a_recording_that_ends_early_breaks_the_answer() -> None:
    """Better a broken transfer than a short one that looks complete."""
    source = Plain(CONTENT)
    source.size += 1
    with pytest.raises(EOFError):
        answer(source)
