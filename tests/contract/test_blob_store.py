"""What every place for recordings must do: the local folder, and the same while a restore still owes other ones."""

import errno
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.adapters.blobs import LocalBlobs
from appliance.adapters.read_through import ReadThroughBlobs
from appliance.backups.outstanding import Outstanding, Owed
from appliance.meetings.errors import BlobBusy, BlobMissing, BlobStored, StorageFull
from appliance.meetings.ports import BlobStore

NAME = "0190a1b2c3d4"


@pytest.fixture(params=["local", "read-through", "read-through, owing"])
def store(tmp_path: Path, request: pytest.FixtureRequest) -> BlobStore:
    local = LocalBlobs(tmp_path / "blobs")
    if request.param == "local":
        return local
    outstanding = Outstanding(tmp_path / "blobs")
    if request.param.endswith("owing"):
        outstanding.owe({"0190ffffffff": Owed("00" * 32, 1000, str(tmp_path))}, datetime(2026, 3, 2, tzinfo=UTC))
    return ReadThroughBlobs(local, outstanding)


def written(store: BlobStore, data: bytes) -> bytes:
    """What is in the incoming blob after ``data`` was appended."""
    with store.incoming(NAME) as blob:
        blob.append(data)
        blob.sync()
        return blob.read_at(0, blob.size())


def test_bytes_appended_in_two_visits_follow_one_another(store: BlobStore) -> None:
    """A writer that comes back goes on where the last one stopped."""
    assert written(store, b"first,") == b"first,"
    assert written(store, b"second") == b"first,second"


def test_reading_past_the_end_gives_what_is_there(store: BlobStore) -> None:
    """A short read marks the end."""
    with store.incoming(NAME) as blob:
        blob.append(b"abcdef")
        assert blob.read_at(4, 100) == b"ef"
        assert blob.read_at(6, 100) == b""


def test_only_one_writer_at_a_time(store: BlobStore) -> None:
    """Two requests for the same upload cannot interleave their bytes."""
    with store.incoming(NAME), pytest.raises(BlobBusy), store.incoming(NAME):
        pass
    assert written(store, b"x") == b"x"


def test_replacing_keeps_the_lock_and_the_new_content(store: BlobStore) -> None:
    """The content changes all at once, and nobody slips in between."""
    with store.incoming(NAME) as blob:
        blob.append(b"old old old")
        blob.replace([b"new", b" content"])
        assert blob.read_at(0, 100) == b"new content"
        with pytest.raises(BlobBusy), store.incoming(NAME):
            pass
        blob.append(b"!")
    assert written(store, b"") == b"new content!"


def test_a_failed_replacement_leaves_the_old_content(store: BlobStore) -> None:
    """Half of a new content is never seen."""

    def broken() -> object:
        yield b"half"
        raise RuntimeError("power cut")

    with store.incoming(NAME) as blob:
        blob.append(b"old")
        with pytest.raises(RuntimeError):
            blob.replace(broken())  # type: ignore[arg-type]  # a generator that breaks is the point
        assert blob.read_at(0, 100) == b"old"


def test_a_stored_blob_is_read_and_never_written(store: BlobStore) -> None:
    """A backup may copy a stored blob at any moment: it does not change."""
    with store.incoming(NAME) as blob:
        blob.append(b"whole")
        blob.store()
    assert store.is_stored(NAME)
    with store.open(NAME) as stored:
        stored.seek(2)
        assert stored.read() == b"ole"
    with pytest.raises(BlobStored), store.incoming(NAME):
        pass
    with store.open(NAME) as stored:
        assert stored.read() == b"whole"


def test_a_missing_blob_is_said_to_be_missing(store: BlobStore) -> None:
    """A lost file is not an empty recording."""
    with pytest.raises(BlobMissing):
        store.open(NAME)


def test_removing_is_final_and_may_be_repeated(store: BlobStore) -> None:
    """A sweeper that was killed half-way just does it again."""
    with store.incoming(NAME) as blob:
        blob.append(b"whole")
        blob.store()
    store.remove(NAME)
    store.remove(NAME)
    assert not store.is_stored(NAME)
    assert written(store, b"") == b""


def test_an_incoming_blob_can_be_removed(store: BlobStore) -> None:
    """An upload that was given up leaves no bytes."""
    written(store, b"half")
    store.remove(NAME)
    assert written(store, b"") == b""


@pytest.mark.parametrize("name", ["../etc", "a/b", "", "UPPER", ".hidden", "x" * 65])
def test_a_name_cannot_leave_the_folder(store: BlobStore, name: str) -> None:
    """Names are ours; one that is a path is a programming error, not a file."""
    with pytest.raises(ValueError, match="blob name"):
        store.is_stored(name)


def test_a_full_disk_is_said_to_be_full(store: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """No room is the disk's fault, with a remedy, and not a crash."""

    def no_room(_descriptor: int, _data: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with store.incoming(NAME) as blob:
        monkeypatch.setattr("appliance.adapters.blobs.os.write", no_room)
        with pytest.raises(StorageFull):
            blob.append(b"data")


def test_free_room_is_told(store: BlobStore) -> None:
    """Admission of uploads depends on it."""
    assert store.free_bytes() > 0
