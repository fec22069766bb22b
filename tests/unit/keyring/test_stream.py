"""Sealed streams: every byte back, from anywhere, and nothing that was touched."""

import io
from collections.abc import Callable
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.kernel.ids import MeetingId, new_uuid
from appliance.keyring.errors import StreamDamaged, StreamTruncated
from appliance.keyring.model import Dek
from appliance.keyring.stream import (
    CHUNK_BYTES,
    HEADER_BYTES,
    SEALED_CHUNK_BYTES,
    EncryptedReader,
    StreamOpener,
    StreamSealer,
    chunk_count,
    new_header,
    sealed_offset,
    sealed_size,
)

DEK = Dek(MeetingId(new_uuid()), bytes(range(32)))
NEAR_EDGES = st.sampled_from(
    [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 3 * CHUNK_BYTES - 7]
)
SIZES = NEAR_EDGES | st.integers(0, 4 * CHUNK_BYTES)


def content(size: int) -> bytes:
    """Bytes that differ from chunk to chunk, so that a swap shows."""
    return b"".join(number.to_bytes(4, "big") for number in range(-(-size // 4)))[:size]


def sealed(plain: bytes, dek: Dek = DEK) -> bytes:
    header = new_header()
    sealer, count = StreamSealer(dek, header), chunk_count(len(plain))
    pieces = (plain[number * CHUNK_BYTES : (number + 1) * CHUNK_BYTES] for number in range(count))
    return header + b"".join(
        sealer.seal(number, piece, last=number == count - 1) for number, piece in enumerate(pieces)
    )


def reader(stream: bytes, dek: Dek = DEK) -> EncryptedReader:
    return EncryptedReader(io.BytesIO(stream), dek)


@given(SIZES)
def test_what_was_sealed_comes_back(size: int) -> None:
    """Any length, the edges of chunks included, returns whole."""
    plain = content(size)
    stream = sealed(plain)
    assert len(stream) == sealed_size(size)
    opened = reader(stream)
    assert opened.size == size
    assert opened.read() == plain


@given(SIZES, st.data())
def test_any_range_can_be_read_alone(size: int, data: st.DataObject) -> None:
    """A range equals the same range of the plain bytes, wherever it begins and ends."""
    plain = content(size)
    opened = reader(sealed(plain))
    start = data.draw(st.integers(0, size))
    stop = data.draw(st.integers(start, size + 10))
    assert b"".join(opened.ranges(start, stop)) == plain[start:stop]


MOVES = st.tuples(st.integers(0, 2), st.integers(-(3 * CHUNK_BYTES), 3 * CHUNK_BYTES), SIZES)


@pytest.mark.parametrize("opened_as", [lambda raw: raw, io.BufferedReader], ids=["raw", "buffered"])
@given(size=SIZES, moves=st.lists(MOVES, max_size=6))
def test_it_behaves_as_a_plain_file(
    opened_as: Callable[[EncryptedReader], BinaryIO], size: int, moves: list[tuple[int, int, int]]
) -> None:
    """Seeking and reading give what an ordinary file with the same bytes gives."""
    plain = io.BytesIO(content(size))
    opened = opened_as(reader(sealed(plain.getvalue())))
    for whence, offset, count in moves:
        base = {0: 0, 1: plain.tell(), 2: size}[whence]
        position = max(0, base + offset)
        plain.seek(position)
        assert opened.seek(position) == position
        assert opened.read(count) == plain.read(count)
        assert opened.tell() == plain.tell()


@given(SIZES.filter(lambda size: size > 0), st.data())
def test_a_stream_that_was_cut_is_refused_at_once(size: int, data: st.DataObject) -> None:
    """Wherever it is cut, also exactly between two chunks, opening it says so."""
    stream = sealed(content(size))
    edges = [sealed_offset(chunk) for chunk in range(chunk_count(size))]
    length = data.draw(st.sampled_from(edges) | st.integers(0, len(stream) - 1))
    with pytest.raises(StreamTruncated):
        reader(stream[:length])


def test_an_empty_stream_is_not_the_same_as_none() -> None:
    """Nothing, sealed, opens as nothing; a header alone does not open."""
    stream = sealed(b"")
    assert reader(stream).read() == b""
    with pytest.raises(StreamTruncated):
        reader(stream[:HEADER_BYTES])


@given(st.integers(0, sealed_size(3 * CHUNK_BYTES) - 1), st.integers(1, 255))
def test_a_changed_byte_is_found(position: int, flip: int) -> None:
    """One changed bit anywhere, header included, and the bytes it touches are not handed out."""
    stream = bytearray(sealed(content(3 * CHUNK_BYTES)))
    stream[position] ^= flip
    with pytest.raises((StreamDamaged, StreamTruncated)):
        reader(bytes(stream)).read()


@given(st.permutations(range(4)))
def test_swapped_chunks_are_found(order: list[int]) -> None:
    """Whole, valid chunks at other places are not valid there."""
    stream = sealed(content(4 * CHUNK_BYTES))
    chunks = [stream[sealed_offset(number) :][:SEALED_CHUNK_BYTES] for number in range(4)]
    shuffled = stream[:HEADER_BYTES] + b"".join(chunks[number] for number in order)
    if list(order) == sorted(order):
        assert reader(shuffled).size == 4 * CHUNK_BYTES
        return
    with pytest.raises((StreamDamaged, StreamTruncated)):
        reader(shuffled).read()


def test_a_chunk_of_another_stream_is_found() -> None:
    """Two streams under one meeting's key have keys of their own."""
    first, second = sealed(content(3 * CHUNK_BYTES)), sealed(content(3 * CHUNK_BYTES))
    mixed = first[: sealed_offset(1)] + second[sealed_offset(1) : sealed_offset(2)] + first[sealed_offset(2) :]
    with pytest.raises(StreamDamaged) as refusal:
        reader(mixed).read()
    assert refusal.value.fields["chunk"] == 1


def test_bytes_before_the_damage_can_still_be_read() -> None:
    """Damage is told when it is read, so the rest of a recording is not lost with it."""
    stream = bytearray(sealed(content(4 * CHUNK_BYTES)))
    stream[sealed_offset(2)] ^= 1
    opened = reader(bytes(stream))
    assert opened.read(2 * CHUNK_BYTES) == content(2 * CHUNK_BYTES)
    with pytest.raises(StreamDamaged):
        opened.read(1)
    assert b"".join(opened.ranges(3 * CHUNK_BYTES, 4 * CHUNK_BYTES)) == content(4 * CHUNK_BYTES)[3 * CHUNK_BYTES :]


@pytest.mark.parametrize(
    "other",
    [Dek(DEK.meeting_id, bytes(32)), Dek(MeetingId(new_uuid()), DEK.key)],
    ids=["another key", "another meeting"],
)
def test_a_stream_opens_for_its_meeting_alone(other: Dek) -> None:
    """Neither another key, nor the same key under another meeting's name."""
    with pytest.raises(StreamTruncated):
        reader(sealed(content(10)), other)


def test_something_else_is_no_stream() -> None:
    """A plain file is refused and not decrypted into noise."""
    with pytest.raises(StreamTruncated):
        reader(b"RIFF" + bytes(100_000))


def test_an_upload_goes_on_in_another_process() -> None:
    """A sealer made anew from the header continues where the last one stopped."""
    header = new_header()
    plain = content(2 * CHUNK_BYTES + 100)
    begun = StreamSealer(DEK, header).seal(0, plain[:CHUNK_BYTES], last=False)
    goes_on = StreamSealer(DEK, header)
    middle = goes_on.seal(1, plain[CHUNK_BYTES : 2 * CHUNK_BYTES], last=False)
    end = goes_on.seal(2, plain[2 * CHUNK_BYTES :], last=True)
    assert reader(header + begun + middle + end).read() == plain


def test_a_chunk_can_be_opened_before_the_stream_has_its_end() -> None:
    """While an upload runs, what has arrived can be looked at."""
    header = new_header()
    plain = content(CHUNK_BYTES)
    chunk = StreamSealer(DEK, header).seal(0, plain, last=False)
    opener = StreamOpener(DEK, header)
    assert opener.open(0, chunk, last=False) == plain
    with pytest.raises(StreamDamaged):
        opener.open(0, chunk, last=True)
    with pytest.raises(StreamDamaged):
        opener.open(1, chunk, last=False)


@pytest.mark.parametrize(
    ("chunk", "size", "last"),
    [(0, CHUNK_BYTES - 1, False), (0, CHUNK_BYTES + 1, True), (1, 0, True), (1 << 32, 1, True), (-1, 1, True)],
)
def test_chunks_that_could_not_be_read_back_are_not_sealed(chunk: int, size: int, last: bool) -> None:
    """A short chunk in the middle, an empty one at the end, a number beyond the counter: programming errors."""
    with pytest.raises(ValueError, match=r"chunk|stream"):
        StreamSealer(DEK, new_header()).seal(chunk, bytes(size), last=last)


def test_plain_bytes_do_not_show_in_the_stream() -> None:
    """What is stored does not contain what was said."""
    words = "titkos értekezlet ".encode() * 1000
    assert b"titkos" not in sealed(words)
    assert sealed(words) != sealed(words)


def test_closing_closes_the_source() -> None:
    """Whoever opened the reader has one thing to close."""
    source = io.BytesIO(sealed(content(10)))
    with EncryptedReader(source, DEK) as opened:
        assert opened.readable()
        assert opened.seekable()
        assert not opened.writable()
    assert source.closed


def test_a_position_before_the_beginning_is_refused() -> None:
    """As in any file."""
    with pytest.raises(ValueError, match="before the beginning"):
        reader(sealed(content(10))).seek(-1)
