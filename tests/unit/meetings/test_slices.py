"""One slice, from its first byte to the moment it is durable."""

import hashlib
import random
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID

import pytest

from appliance.adapters.blobs import LocalBlobs
from appliance.kernel.ids import MeetingId
from appliance.keyring.model import Dek
from appliance.keyring.stream import CHUNK_BYTES
from appliance.meetings.errors import BlobBusy, SliceDamaged, SliceInvalid, StorageFull
from appliance.meetings.intake import Intake
from appliance.meetings.slices import SliceWriter

NAME = "0190a1b2"
DEK = Dek(MeetingId(UUID(int=7)), bytes(range(32)))
SIZE = 3 * CHUNK_BYTES + 1000
DATA = random.Random(5).randbytes(SIZE)

Begin = Callable[..., SliceWriter]


@pytest.fixture
def blobs(tmp_path: Path) -> LocalBlobs:
    return LocalBlobs(tmp_path)


@pytest.fixture
def settled() -> list[int]:
    """The offsets that were stored, in order."""
    return []


@pytest.fixture
def begin(blobs: LocalBlobs, settled: list[int]) -> Begin:
    """Begins a slice of ``DATA`` where the last one ended; one slice takes two chunks at most."""

    def writer(*, announced: bytes | None = None) -> SliceWriter:
        held = ExitStack()
        intake = Intake(held.enter_context(blobs.incoming(NAME)), DEK, size_bytes=SIZE)
        intake.open(trusted_bytes=settled[-1] if settled else 0)
        return SliceWriter(
            intake,
            size_bytes=SIZE,
            slice_bytes=2 * CHUNK_BYTES,
            announced=announced,
            settle=settled.append,
            release=held.close,
        )

    return writer


def test_a_finished_slice_is_told_and_stored(begin: Begin, settled: list[int]) -> None:
    """What the sender is told is what the database says."""
    with begin(announced=hashlib.sha256(DATA[: 2 * CHUNK_BYTES]).digest()) as writer:
        for start in range(0, 2 * CHUNK_BYTES, 5000):
            writer.write(DATA[start : min(start + 5000, 2 * CHUNK_BYTES)])
        assert writer.finish() == 2 * CHUNK_BYTES
    assert settled == [2 * CHUNK_BYTES]


def test_a_damaged_slice_leaves_nothing(begin: Begin, settled: list[int]) -> None:
    """Bytes that their sender did not vouch for are taken back, those of earlier slices stay."""
    with begin() as writer:
        writer.write(DATA[:CHUNK_BYTES])
        writer.finish()
    with begin(announced=b"\0" * 32) as writer:
        writer.write(DATA[CHUNK_BYTES : 2 * CHUNK_BYTES])
        with pytest.raises(SliceDamaged) as refusal:
            writer.finish()
    assert refusal.value.fields["offset"] == CHUNK_BYTES
    assert settled == [CHUNK_BYTES, CHUNK_BYTES]


def test_a_lost_connection_keeps_whole_chunks(begin: Begin, settled: list[int]) -> None:
    """The half-sent slice is not sent from its beginning again."""
    with begin(announced=b"\0" * 32) as writer:
        writer.write(DATA[: CHUNK_BYTES + 10])
    assert settled == [CHUNK_BYTES]


def test_more_than_a_slice_is_refused(begin: Begin, settled: list[int]) -> None:
    """A sender that ignores the limit gets nowhere, and nothing of it stays."""
    with begin() as writer:
        writer.write(DATA[: 2 * CHUNK_BYTES])
        with pytest.raises(SliceInvalid):
            writer.write(b"x")
    assert settled == [0]


def test_more_than_the_declared_size_is_refused(begin: Begin, settled: list[int]) -> None:
    """The file ends where it was said to end."""
    with begin() as writer:
        writer.write(DATA[: 2 * CHUNK_BYTES])
        writer.finish()
    with begin() as writer, pytest.raises(SliceInvalid, match="behind the declared end"):
        writer.write(DATA[2 * CHUNK_BYTES :] + b"more")
    assert settled == [2 * CHUNK_BYTES, 2 * CHUNK_BYTES]


def test_the_last_slice_ends_with_the_file(begin: Begin, settled: list[int]) -> None:
    """Only the end of a file may be no multiple of a chunk."""
    for start in (0, 2 * CHUNK_BYTES):
        with begin() as writer:
            writer.write(DATA[start : start + 2 * CHUNK_BYTES])
            writer.finish()
    assert settled == [2 * CHUNK_BYTES, SIZE]


def test_nobody_else_writes_until_the_slice_ends(begin: Begin, blobs: LocalBlobs) -> None:
    """The lock is held from the first byte to the end, and not a moment longer."""
    writer = begin()
    with pytest.raises(BlobBusy), blobs.incoming(NAME):
        pass
    writer.write(DATA[:CHUNK_BYTES])
    writer.finish()
    with blobs.incoming(NAME) as blob:
        assert blob.size() > CHUNK_BYTES


def test_a_full_disk_keeps_what_was_whole(
    begin: Begin, settled: list[int], blobs: LocalBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sender is told that the disk is full, and can go on when it no longer is."""
    writer = begin()
    writer.write(DATA[:CHUNK_BYTES])

    def full(_descriptor: int, _data: object) -> int:
        raise OSError(28, "no space")

    with monkeypatch.context() as patch:
        patch.setattr("appliance.adapters.blobs.os.write", full)
        with pytest.raises(StorageFull), writer:
            writer.write(DATA[CHUNK_BYTES : 2 * CHUNK_BYTES])
    assert settled == [CHUNK_BYTES]
    with begin() as later:
        later.write(DATA[CHUNK_BYTES : 2 * CHUNK_BYTES])
        assert later.finish() == 2 * CHUNK_BYTES
