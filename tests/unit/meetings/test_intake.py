"""How an upload's bytes come to rest: resumed anywhere, torn anywhere, never encrypted twice under one nonce."""

import hashlib
import os
import random
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.adapters.blobs import LocalBlobs
from appliance.kernel.ids import MeetingId
from appliance.keyring.model import Dek
from appliance.keyring.stream import CHUNK_BYTES, HEADER_BYTES, SEALED_CHUNK_BYTES, EncryptedReader, sealed_size
from appliance.meetings.errors import UploadDamaged
from appliance.meetings.intake import Intake

NAME = "0190a1b2"
DEK = Dek(MeetingId(UUID(int=7)), bytes(range(32)))


@pytest.fixture
def blobs(tmp_path: Path) -> LocalBlobs:
    return LocalBlobs(tmp_path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the incoming blob lies."""
    return tmp_path / "incoming" / NAME


def content(size: int, *, seed: int = 1) -> bytes:
    """Bytes that look like nothing."""
    return random.Random(seed).randbytes(size)


def receive(blobs: LocalBlobs, data: bytes, *, size: int, trusted: int = 0) -> int:
    """Send the beginning of a file of ``size`` bytes, and say how much of it is durable."""
    with blobs.incoming(NAME) as blob:
        intake = Intake(blob, DEK, size_bytes=size)
        start = intake.open(trusted_bytes=trusted)
        intake.write(data[start:])
        return intake.flush()


def stored(blobs: LocalBlobs, *, size: int) -> bytes:
    """The finished file, as its readers will see it."""
    with blobs.incoming(NAME) as blob:
        intake = Intake(blob, DEK, size_bytes=size)
        intake.open(trusted_bytes=size)
        intake.verify(hashlib.sha256())
        intake.store()
    with EncryptedReader(blobs.open(NAME), DEK) as reader:
        return reader.read()


@pytest.mark.parametrize("size", [1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES])
def test_what_was_sent_is_what_is_read(blobs: LocalBlobs, size: int) -> None:
    """Sizes around the edges of a chunk come back whole, and take the room that the format promises."""
    data = content(size)
    assert receive(blobs, data, size=size) == size
    assert stored(blobs, size=size) == data
    with blobs.open(NAME) as sealed:
        assert sealed.seek(0, os.SEEK_END) == sealed_size(size)


def test_no_plaintext_lies_on_the_disk(blobs: LocalBlobs, path: Path) -> None:
    """Not even the beginning of an unfinished chunk."""
    secret = b"Nagy Mariann nyugdija" * 10_000
    receive(blobs, secret, size=len(secret) * 2)
    assert b"Mariann" not in path.read_bytes()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(
    size=st.integers(1, 4 * CHUNK_BYTES),
    stops=st.lists(st.integers(0, 4 * CHUNK_BYTES), max_size=4),
)
def test_an_upload_that_breaks_off_anywhere_goes_on_from_a_whole_chunk(
    blobs: LocalBlobs, size: int, stops: list[int]
) -> None:
    """However often and wherever the connection breaks, the file is the one that was sent."""
    blobs.remove(NAME)
    data = content(size)
    offset = 0
    for stop in sorted(stops):
        reached = receive(blobs, data[:stop], size=size, trusted=offset)
        assert reached == size or reached % CHUNK_BYTES == 0
        assert reached >= offset
        assert reached > min(stop, size) - CHUNK_BYTES
        offset = reached
    assert receive(blobs, data, size=size, trusted=offset) == size
    assert stored(blobs, size=size) == data


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(cut=st.integers(0, HEADER_BYTES + 3 * SEALED_CHUNK_BYTES))
def test_a_crash_that_tears_the_file_loses_no_durable_chunk(blobs: LocalBlobs, path: Path, cut: int) -> None:
    """A file cut anywhere, even inside its header, is taken up again from its last whole chunk."""
    blobs.remove(NAME)
    data = content(4 * CHUNK_BYTES)
    receive(blobs, data[: 3 * CHUNK_BYTES], size=len(data))
    os.truncate(path, cut)
    whole = max(0, cut - HEADER_BYTES) // SEALED_CHUNK_BYTES * CHUNK_BYTES
    with blobs.incoming(NAME) as blob:
        assert Intake(blob, DEK, size_bytes=len(data)).open(trusted_bytes=whole) == whole
    assert receive(blobs, data, size=len(data), trusted=whole) == len(data)
    assert stored(blobs, size=len(data)) == data


def test_a_tail_of_zeros_after_a_power_cut_is_not_taken_for_data(blobs: LocalBlobs, path: Path) -> None:
    """A file system may have grown the file without having written to it: only what decrypts counts."""
    data = content(3 * CHUNK_BYTES)
    receive(blobs, data[:CHUNK_BYTES], size=len(data))
    os.truncate(path, HEADER_BYTES + 2 * SEALED_CHUNK_BYTES)
    with blobs.incoming(NAME) as blob:
        assert Intake(blob, DEK, size_bytes=len(data)).open(trusted_bytes=CHUNK_BYTES) == CHUNK_BYTES


def test_whole_chunks_behind_the_last_answer_are_kept(blobs: LocalBlobs) -> None:
    """A crash between writing and answering costs nothing: what decrypts need not be sent again."""
    data = content(3 * CHUNK_BYTES)
    receive(blobs, data[: 2 * CHUNK_BYTES], size=len(data))
    with blobs.incoming(NAME) as blob:
        assert Intake(blob, DEK, size_bytes=len(data)).open(trusted_bytes=0) == 2 * CHUNK_BYTES


def test_taking_bytes_back_begins_a_new_stream(blobs: LocalBlobs, path: Path) -> None:
    """After a damaged slice the same chunk number is encrypted under another key: no nonce is used twice."""
    data = content(3 * CHUNK_BYTES)
    with blobs.incoming(NAME) as blob:
        intake = Intake(blob, DEK, size_bytes=len(data))
        intake.open(trusted_bytes=0)
        intake.write(data[:CHUNK_BYTES] + content(CHUNK_BYTES, seed=2))
        intake.flush()
        before = path.read_bytes()[:HEADER_BYTES]
        intake.rewind(to_bytes=CHUNK_BYTES)
        assert path.read_bytes()[:HEADER_BYTES] != before
        assert intake.offset == CHUNK_BYTES
        intake.write(data[CHUNK_BYTES:])
        intake.flush()
    assert stored(blobs, size=len(data)) == data


def test_taking_bytes_back_on_a_full_disk_starts_over(blobs: LocalBlobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no room for a second copy, unvouched bytes are dropped with the rest, and never kept."""
    data = content(2 * CHUNK_BYTES)
    write, failures = os.write, iter([True])

    def once_full(descriptor: int, chunk: bytes) -> int:
        if len(chunk) > HEADER_BYTES and next(failures, False):
            raise OSError(28, "no space")
        return write(descriptor, chunk)

    with blobs.incoming(NAME) as blob:
        intake = Intake(blob, DEK, size_bytes=len(data))
        intake.open(trusted_bytes=0)
        intake.write(data)
        intake.flush()
        monkeypatch.setattr("appliance.adapters.blobs.os.write", once_full)
        intake.rewind(to_bytes=CHUNK_BYTES)
        assert intake.offset == 0
    assert receive(blobs, data, size=len(data)) == len(data)
    assert stored(blobs, size=len(data)) == data


def test_a_flipped_bit_on_the_disk_is_found_at_the_end(blobs: LocalBlobs, path: Path) -> None:
    """Reading back finds it now, and not on the day that somebody listens."""
    data = content(3 * CHUNK_BYTES)
    receive(blobs, data, size=len(data))
    flipped = bytearray(path.read_bytes())
    flipped[HEADER_BYTES + SEALED_CHUNK_BYTES + 100] ^= 1
    path.write_bytes(flipped)
    with blobs.incoming(NAME) as blob:
        intake = Intake(blob, DEK, size_bytes=len(data))
        intake.open(trusted_bytes=len(data))
        with pytest.raises(UploadDamaged, match="Chunk 1"):
            intake.verify(hashlib.sha256())
