"""Recordings that a restore still owes: noted, copied, given up; killed, deleted meanwhile, their disk gone."""

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.adapters.blobs import LocalBlobs
from appliance.adapters.read_through import BackupDoor, ReadThroughBlobs
from appliance.backups import copier as copying
from appliance.backups.copier import Copier, seen
from appliance.backups.depot import SUMS
from appliance.backups.outstanding import Outstanding, Owed, Standing, to_copy
from appliance.health.checks.recordings import recordings
from appliance.health.model import Severity
from appliance.kernel.clock import FixedClock
from appliance.meetings.errors import BlobMissing, BlobStored, RecordingAway

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NAMES = [f"0190a1b2c3d{number}ab" for number in range(6)]
NEWEST = NAMES[-1]


def content(name: str) -> bytes:
    """What a recording holds: more than one piece of the door."""
    return name.encode() * 200_000


@dataclass
class Place:
    """A machine after a restore, and the backups beside it."""

    folder: Path

    def __post_init__(self) -> None:
        for name in NAMES:
            path = self.backups / name[-2:] / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content(name))
        (self.backups / SUMS).write_text("")
        self.local = LocalBlobs(self.folder / "blobs")
        self.outstanding = Outstanding(self.folder / "blobs")
        self.store = ReadThroughBlobs(self.local, self.outstanding, place=self.folder / "socket")
        self.owe(NAMES)

    @property
    def backups(self) -> Path:
        """Where the recordings are."""
        return self.folder / "backups"

    def owe(self, names: list[str]) -> None:
        """Note these as outstanding."""
        owed = {
            name: Owed(hashlib.sha256(content(name)).hexdigest(), len(content(name)), str(self.backups))
            for name in names
        }
        self.outstanding.owe(owed, NOW)

    def copier(self, stop: threading.Event | None = None) -> Copier:
        """What copies them."""
        return Copier(
            self.outstanding, self.folder / "blobs/stored", clock=FixedClock(NOW), stop=stop or threading.Event()
        )

    def door(self, wanted: Callable[[str], object] = lambda _: None) -> BackupDoor:
        """The door, open for the length of the test's block."""
        door = BackupDoor(self.folder / "socket", self.outstanding, wanted=wanted)
        threading.Thread(target=door.serve_forever, daemon=True).start()
        return door

    def whole(self) -> list[str]:
        """Recordings that are here, byte for byte; any other bytes fail the test."""
        found = []
        for name in NAMES:
            if self.local.is_stored(name):
                with self.local.open(name) as file:
                    assert file.read() == content(name)
                found.append(name)
        return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Six recordings are outstanding."""
    return Place(tmp_path)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look again at once."""
    monkeypatch.setattr(copying, "RETRY_S", 0.01)
    monkeypatch.setattr(copying, "TOLD_EVERY_S", 0.0)


def test_everything_is_copied_and_nothing_is_left_behind(place: Place) -> None:
    """Byte for byte, read-only, and no note stays."""
    place.copier().run()
    assert place.whole() == NAMES
    stored = place.folder / "blobs/stored/ab" / NEWEST
    assert stored.stat().st_mode & 0o777 == 0o400
    assert place.outstanding.names() == []
    assert place.outstanding.standing() is None
    assert sorted(path.name for path in (place.folder / "blobs").iterdir()) == ["arriving", "incoming", "stored"]
    assert list(place.outstanding.arriving.iterdir()) == []


def test_the_newest_come_first_and_what_somebody_listens_to_before_them(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names begin with their time; an open one jumps the queue."""
    order: list[str] = []
    settle = place.outstanding.settle

    def noted(name: str, put: Callable[[], None]) -> bool:
        order.append(name)
        return settle(name, put)

    monkeypatch.setattr(place.outstanding, "settle", noted)
    copier = place.copier()
    copier.ask(NAMES[0])
    copier.run()
    assert order == [NAMES[0], *reversed(NAMES[1:])]


def test_what_is_outstanding_is_read_from_the_backups(place: Place) -> None:
    """From anywhere in it, as if it were here; and it is asked for, so that it comes next."""
    asked: list[str] = []
    with place.door(asked.append) as door:
        assert place.store.is_stored(NEWEST)
        with place.store.open(NEWEST) as file:
            assert file.seek(0, os.SEEK_END) == len(content(NEWEST))
            file.seek(1_500_001)
            assert file.read(100_000) == content(NEWEST)[1_500_001:1_600_001]
            file.seek(0)
            assert file.read() == content(NEWEST)
            assert file.read(1) == b""
        assert asked == [NEWEST]
        door.shutdown()
    assert place.whole() == []


def test_a_reader_goes_on_when_the_copy_is_here_and_the_door_is_closed(place: Place) -> None:
    """Who listens while the copying ends hears nothing of it."""
    with place.door() as door:
        file = place.store.open(NEWEST)
        start = file.read(1000)
        place.copier().run()
        door.shutdown()
    file._wire.shutdown(2)  # type: ignore[attr-defined]  # its process is gone
    with file:
        assert start + file.read() == content(NEWEST)


def test_a_recording_that_is_written_or_unknown_is_as_without_a_restore(place: Place) -> None:
    """New uploads go on; a name that nobody owes is missing; one that is owed is complete."""
    with place.store.incoming("0190ffffffffff") as blob:
        blob.append(b"new")
        blob.store()
    with place.store.open("0190ffffffffff") as file:
        assert file.read() == b"new"
    with pytest.raises(BlobMissing):
        place.store.open("0190eeeeeeeeee")
    with pytest.raises(BlobStored), place.store.incoming(NEWEST):
        pass


def test_room_is_kept_for_what_is_still_to_come(place: Place) -> None:
    """Uploads do not take the place of recordings that are on their way."""
    promised = sum(len(content(name)) for name in NAMES)
    assert place.local.free_bytes() - place.store.free_bytes() == pytest.approx(promised, abs=1 << 26)
    assert place.store.free_bytes() < place.local.free_bytes()


def test_a_deleted_meeting_does_not_come_back(place: Place) -> None:
    """Before it was copied, while it is, and after."""
    place.store.remove(NAMES[0])
    removed: list[str] = []

    def remove_meanwhile(name: str, size: int, began: float) -> None:
        if name == NAMES[3] and not removed:
            removed.append(name)
            place.store.remove(name)
        advance(name, size, began)

    copier = place.copier()
    advance = copier._advance
    copier._advance = remove_meanwhile  # type: ignore[method-assign]
    copier.run()
    place.store.remove(NAMES[5])
    assert removed == [NAMES[3]]
    assert place.whole() == [NAMES[1], NAMES[2], NAMES[4]]
    assert not place.store.is_stored(NAMES[3])
    assert list(place.outstanding.arriving.iterdir()) == []


def test_one_that_is_deleted_between_its_last_byte_and_its_place_stays_away(place: Place) -> None:
    """Its note decides, under the lock."""
    place.outstanding.drop(NEWEST)
    assert not place.outstanding.settle(NEWEST, lambda: pytest.fail("it was put into place"))


def test_a_disk_that_is_taken_away_is_told_and_waited_for(place: Place) -> None:
    """The store says so of that recording, health is critical; back again, the rest comes."""
    stop, away = threading.Event(), place.folder / "unplugged"
    place.backups.rename(away)
    place.backups.mkdir()
    worker = threading.Thread(target=place.copier(stop).run)
    with place.door() as door:
        worker.start()
        with pytest.raises(RecordingAway):
            place.store.open(NEWEST)
        standing = _wait_for(place, lambda standing: bool(standing.trouble))
        found = recordings(lambda: standing, FixedClock(NOW)).look()
        assert found.severity is Severity.CRITICAL
        assert str(place.backups) in found.remedy
        place.backups.rmdir()
        away.rename(place.backups)
        worker.join(30)
        door.shutdown()
    assert place.whole() == NAMES


def test_a_reader_whose_disk_goes_in_the_middle_is_told(place: Place) -> None:
    """No crash, and no bytes that are none."""
    with place.door() as door:
        file = place.store.open(NEWEST)
        assert file.read(10) == content(NEWEST)[:10]
        door.shutdown()
    shutil.rmtree(place.backups)
    file._wire.shutdown(2)  # type: ignore[attr-defined]  # as if the process had gone
    with file, pytest.raises(RecordingAway):
        file.read(10)


def test_without_the_process_that_may_read_backups_a_recording_is_away(place: Place) -> None:
    """It is started again by itself; until then the message says what to do."""
    with pytest.raises(RecordingAway, match="disk of the backups"):
        place.store.open(NEWEST)


def test_a_damaged_recording_stops_no_other_and_is_named(place: Place) -> None:
    """It gets no place; health says which, and how to get another copy."""
    (place.backups / "ab" / NAMES[2]).write_bytes(b"x" * len(content(NAMES[2])))
    stop = threading.Event()
    worker = threading.Thread(target=place.copier(stop).run)
    worker.start()
    standing = _wait_for(place, lambda standing: standing.damaged == (NAMES[2],) and standing.left == 1)
    stop.set()
    worker.join(30)
    assert place.whole() == [name for name in NAMES if name != NAMES[2]]
    found = recordings(lambda: standing, FixedClock(NOW)).look()
    assert found.severity is Severity.CRITICAL
    assert "--from" in found.remedy
    assert place.outstanding.give_up() == [NAMES[2]]
    assert place.outstanding.standing() is None


def test_a_killed_copying_goes_on_where_it_was(place: Place) -> None:
    """kill -9 at any moment: what has its place is whole, and the rest comes the next time."""
    program = (
        "import sys, threading; from pathlib import Path; from datetime import datetime, UTC;"
        "from appliance.backups.copier import Copier; from appliance.backups.outstanding import Outstanding;"
        "from appliance.kernel.clock import SystemClock; folder = Path(sys.argv[1]); print('on', flush=True);"
        "Copier(Outstanding(folder), folder / 'stored', clock=SystemClock(), stop=threading.Event()).run()"
    )
    for round_ in range(8):
        child = subprocess.Popen([sys.executable, "-c", program, place.folder / "blobs"], stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(0.004 * round_)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        assert set(place.whole()) | set(place.outstanding.names()) == set(NAMES)
    place.copier().run()
    assert place.whole() == NAMES


def test_a_second_restore_owes_what_it_says_and_no_more(place: Place) -> None:
    """Notes of the first go; what is whole already only loses its note."""
    place.owe(NAMES[:2])
    assert place.outstanding.names() == [NAMES[1], NAMES[0]]
    place.owe([])
    assert place.outstanding.standing() is None


def test_a_restore_finds_what_it_owes(place: Place) -> None:
    """What is here stays, what another recording took makes way, what nobody has is named, old debts stay."""
    stored, hashes = place.folder / "blobs/stored", {f"ab/{name}": "00" * 32 for name in NAMES}
    (stored / "ab").mkdir()
    (stored / "ab" / NAMES[0]).write_bytes(content(NAMES[0]))
    (stored / "ab" / NAMES[1]).write_bytes(b"of another moment")
    (place.backups / "ab" / NAMES[2]).unlink()
    place.owe([NAMES[2]])
    (place.backups / "ab" / NAMES[3]).unlink()
    owed, missing = to_copy(
        [*hashes, "cd/never-cd"], stored=stored, source=place.backups, hashes=hashes, before=place.outstanding
    )
    assert sorted(owed) == [NAMES[1], NAMES[2], NAMES[4], NAMES[5]]
    assert missing == [f"ab/{NAMES[3]}", "cd/never-cd"]
    assert (stored / "ab" / NAMES[0]).exists()
    assert not (stored / "ab" / NAMES[1]).exists()


def test_the_door_hands_out_what_is_owed_and_nothing_else(place: Place) -> None:
    """No path, no other file of the backups, no endless line."""
    place.outstanding.drop(NAMES[0])
    (place.folder / "blobs").joinpath("note").touch()
    with place.door() as door:
        for asked in (NAMES[0].encode() + b"\n", b"../../etc/passwd\n", SUMS.encode() + b"\n", b"x" * 500, b"\xff\n"):
            with socket.socket(socket.AF_UNIX) as wire:
                wire.settimeout(10)
                wire.connect(str(place.folder / "socket"))
                wire.sendall(asked)
                wire.shutdown(socket.SHUT_WR)
                # A door that closes before it has read all resets.
                with suppress(ConnectionResetError):
                    assert wire.recv(100) in {b"", b"\x01"}, asked
        door.shutdown()


@pytest.mark.parametrize("name", ["../etc", "a/b", "", ".hidden"])
def test_a_note_cannot_leave_the_folder(place: Place, name: str) -> None:
    """Names are ours; one that is a path is a programming error."""
    with pytest.raises(ValueError, match="blob name"):
        place.outstanding.get(name)


def test_people_read_how_many_and_how_long() -> None:
    """Nothing is promised before there is a pace."""
    standing = Standing(NOW, count=40, left=12, bytes=4000, bytes_left=1200)
    assert seen(standing) == "12 of 40 recordings"
    paced = Standing(NOW, count=40, left=12, bytes=4000, bytes_left=1200, bytes_per_s=2.0)
    assert seen(paced) == "12 of 40 recordings, about 10 minutes"
    found = recordings(lambda: paced, FixedClock(NOW)).look()
    assert found.severity is Severity.WARNING
    assert "12 of 40 recordings, about 10 minutes" in found.summary
    silent = recordings(lambda: paced, FixedClock(NOW + timedelta(minutes=6))).look()
    assert silent.severity is Severity.CRITICAL
    assert recordings(lambda: None, FixedClock(NOW)).look().severity is Severity.OK


def _wait_for(place: Place, is_so: Callable[[Standing], bool]) -> Standing:
    for _ in range(3000):
        standing = place.outstanding.standing()
        if standing is not None and is_so(standing):
            return standing
        time.sleep(0.01)
    raise AssertionError("never became true")
