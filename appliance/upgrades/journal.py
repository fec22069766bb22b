"""The notes of an upgrade on disk: what is noted survives a power cut, and one process at a time may drive.

::

    state.json      the upgrade that is under way, or was interrupted
    last.json       the last one that ended
    done.json       the last one that was not undone
    updates-last.json, updates-done.json    the same of security updates of the operating system
    progress.jsonl  what was told, line by line, for whoever looks later
    window          there while people are kept out; the appliance's units do not start then
    driver          link to the release that drives, and that goes on after a power cut
"""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from appliance.kernel.durable import sync_folder, write_durably
from appliance.upgrades.errors import UpgradeBusy, UpgradeStateDamaged
from appliance.upgrades.model import FORMAT, Ending, Kind, News, Record

MAX_STATE_BYTES = 1 << 20
MAX_PROGRESS_BYTES = 4 << 20
LOOK_S = 1.0
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Journal:
    """The folder with the notes.

    Args:
        folder: root's own, on a disk; made when missing. Others may see whether the window is open, and nothing else.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._state = folder / "state.json"
        self._last = folder / "last.json"
        self._done = folder / "done.json"
        self._progress = folder / "progress.jsonl"
        self._driver = folder / "driver"
        self.window = folder / "window"

    def read(self) -> Record | None:
        """The upgrade that is under way or was interrupted; None where there is none.

        Raises:
            UpgradeStateDamaged: there are notes, and nobody can tell what they say.
        """
        return _read(self._state)

    def last(self) -> Record | None:
        """The last one that ended.

        Raises:
            UpgradeStateDamaged: its notes cannot be read.
        """
        return _read(self._last)

    def last_done(self) -> Record | None:
        """The last one that was not undone.

        Raises:
            UpgradeStateDamaged: its notes cannot be read.
        """
        return _read(self._done)

    def last_updates(self) -> Record | None:
        """The last security updates of the operating system that ended.

        Raises:
            UpgradeStateDamaged: their notes cannot be read.
        """
        return _read(self._of_updates(self._last))

    def last_updates_done(self) -> Record | None:
        """The last ones that were not undone.

        Raises:
            UpgradeStateDamaged: their notes cannot be read.
        """
        return _read(self._of_updates(self._done))

    def save(self, record: Record) -> None:
        """Note how far it is; on the disk when this returns."""
        write_durably(self._state, _encoded(record), mode=0o600)

    def close(self, record: Record) -> None:
        """Note how it ended; nothing is under way any more."""
        last, done = self._last, self._done
        if record.kind is Kind.UPDATES:
            # The way back to the release before stays open: it asks for the last upgrade.
            last, done = self._of_updates(last), self._of_updates(done)
        if record.ending is Ending.DONE:
            write_durably(done, _encoded(record), mode=0o600)
        write_durably(last, _encoded(record), mode=0o600)
        self._driver.unlink(missing_ok=True)
        self._state.unlink(missing_ok=True)
        sync_folder(self._folder)

    def begin(self, record: Record, driver: Path) -> None:
        """Note that it begins, and which release drives it."""
        partial = self._driver.with_suffix(".new")
        partial.unlink(missing_ok=True)
        partial.symlink_to(driver)
        partial.replace(self._driver)
        self._progress.unlink(missing_ok=True)
        self.save(record)

    def driver(self) -> Path | None:
        """The folder of the release that drives; None where nothing is under way."""
        return self._driver.resolve() if self._driver.is_symlink() else None

    def shut(self) -> None:
        """Keep people and the appliance's processes out, also after a power cut."""
        write_durably(self.window, b"", mode=0o644)

    def reopen(self) -> None:
        """Let them in again."""
        self.window.unlink(missing_ok=True)
        sync_folder(self._folder)

    def tell(self, news: News) -> None:
        """Keep a line for whoever looks later; a full disk is no reason to stop."""
        try:
            with self._progress.open("ab") as file:
                if file.tell() < MAX_PROGRESS_BYTES:
                    file.write(msgspec.json.encode(news) + b"\n")
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise

    def told(self) -> str:
        """What was told of the upgrade under way, or of the last one: a line of JSON each."""
        try:
            with self._progress.open("rb") as file:
                return file.read(MAX_PROGRESS_BYTES + MAX_STATE_BYTES).decode(errors="replace")
        except OSError:
            return ""

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One driver at a time; the kernel lets the lock go with its holder, however that ends.

        Raises:
            UpgradeBusy: another process drives.
        """
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o755)
        descriptor = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if not _locked(descriptor):
                raise UpgradeBusy(pid=os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "?")
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            yield
        finally:
            os.close(descriptor)

    def is_driven(self) -> bool:
        """Whether a process drives right now."""
        try:
            descriptor = os.open(self._folder / "lock", os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def _of_updates(self, path: Path) -> Path:
        return path.with_name(f"updates-{path.name}")


def boot_id() -> str:
    """Which start of the machine this is; a process id means something only within one."""
    return BOOT_ID.read_text(encoding="ascii").strip()


def _locked(descriptor: int) -> bool:
    """Take the lock; whoever only looks holds it for a moment, and is waited for."""
    deadline = time.monotonic() + LOOK_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        else:
            return True


def _encoded(record: Record) -> bytes:
    return msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"


def _read(path: Path) -> Record | None:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_STATE_BYTES + 1)
    except FileNotFoundError:
        return None
    if len(data) > MAX_STATE_BYTES:
        raise UpgradeStateDamaged(path=path, reason="they are longer than such notes ever are")
    try:
        record = msgspec.json.decode(data, type=Record)
    except (ValueError, RecursionError) as error:
        raise UpgradeStateDamaged(path=path, reason=str(error)[:200]) from error
    if record.format != FORMAT:
        raise UpgradeStateDamaged(path=path, reason=f"they are of format {record.format}; this release reads {FORMAT}")
    return record
