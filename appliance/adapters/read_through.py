"""Recordings that a restore still owes, read from the mounted backup until they are here.

Portal and workers have no right to the backups. One small process has (``BackupDoor``), and hands out stretches of
those recordings that are outstanding, and of nothing else, through a socket that only the appliance's account reaches.
A backup disk that hangs or is gone keeps that process waiting, and nobody else for longer than ``PATIENCE_S``.

::

    reader: NAME, newline        door: status (1 byte), size (8 bytes)
    reader: offset (8), length (4)      door: length (4, negative when it failed), so many bytes
"""

import io
import os
import re
import socket
import socketserver
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

import structlog

from appliance.backups.copier import is_there
from appliance.backups.outstanding import Outstanding
from appliance.kernel.units import MIB
from appliance.meetings.errors import BlobMissing, BlobStored, RecordingAway
from appliance.meetings.ports import BlobStore, IncomingBlob

log = structlog.get_logger(__name__)

SOCKET = Path("/run/hangjegyzet-recordings/socket")
PATIENCE_S = 15.0
"""How long a reader waits for an answer; a disk that spins up takes less."""
IDLE_S = 600.0
"""How long the door keeps a recording open for somebody who reads nothing: a paused player."""
AT_ONCE = 64
LIMIT_BYTES = MIB
LONGEST_LINE = 66
_NAME = re.compile(rb"[0-9a-z][0-9a-z-]{1,63}")
_FOUND, _NOT_OWED, _AWAY = b"\x00", b"\x01", b"\x02"
_SIZE = struct.Struct(">Q")
_WANTED = struct.Struct(">QI")
_GIVEN = struct.Struct(">i")


class ReadThroughBlobs:
    """A ``BlobStore`` over another one, to which a restore owes some recordings.

    Args:
        place: socket of the process that may read the backups.
    """

    def __init__(self, local: BlobStore, outstanding: Outstanding, *, place: Path = SOCKET) -> None:
        self._local = local
        self._outstanding = outstanding
        self._place = place

    @contextmanager
    def incoming(self, name: str) -> Iterator[IncomingBlob]:
        """As the port says."""
        if self.is_stored(name) and not self._local.is_stored(name):
            raise BlobStored(name=name)
        with self._local.incoming(name) as blob:
            yield blob

    def is_stored(self, name: str) -> bool:
        """Whether it is here, or will be."""
        return self._local.is_stored(name) or self._outstanding.get(name) is not None

    def open(self, name: str) -> BinaryIO:
        """As the port says.

        Raises:
            RecordingAway: the backups have it, and cannot be read just now.
        """
        try:
            return self._local.open(name)
        except BlobMissing:
            if self._outstanding.get(name) is None:
                # It may have come in between.
                return self._local.open(name)
        return cast("BinaryIO", _Reader(self._place, name, self._local))

    def remove(self, name: str) -> None:
        """As the port says; what was outstanding of it does not come any more."""
        self._outstanding.drop(name)
        self._local.remove(name)

    def free_bytes(self) -> int:
        """Room for new blobs, beside those that are still to come."""
        standing = self._outstanding.standing()
        return max(0, self._local.free_bytes() - (standing.bytes_left if standing else 0))


class _Reader(io.RawIOBase):
    """One recording through the door; goes on with the local file once that is there."""

    def __init__(self, place: Path, name: str, local: BlobStore) -> None:
        super().__init__()
        self._place, self._name, self._local = place, name, local
        self._file: BinaryIO | None = None
        self._wire: socket.socket | None = None
        self._at = self._size = 0
        self._connect()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; nothing is read for it."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError("a position before the beginning")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer; less at the end alone.

        Raises:
            RecordingAway: the rest cannot be read just now.
        """
        view, filled = memoryview(buffer).cast("B"), 0
        while filled < len(view) and self._at < self._size:
            piece = self._stretch(min(len(view) - filled, self._size - self._at, LIMIT_BYTES))
            if not piece:
                break
            view[filled : filled + len(piece)] = piece
            filled += len(piece)
            self._at += len(piece)
        return filled

    def close(self) -> None:
        """Let the door close it too."""
        for one in (self._wire, self._file):
            if one is not None:
                one.close()
        self._wire = self._file = None
        super().close()

    def _stretch(self, length: int) -> bytes:
        try:
            return self._ask(length)
        except OSError:
            # The copying came to its end, or its process was started again.
            self._connect()
        try:
            return self._ask(length)
        except OSError as failure:
            raise RecordingAway from failure

    def _ask(self, length: int) -> bytes:
        if self._file is not None:
            self._file.seek(self._at)
            return self._file.read(length)
        if self._wire is None:
            raise ConnectionResetError("the door closed")
        self._wire.sendall(_WANTED.pack(self._at, length))
        (given,) = _GIVEN.unpack(_receive(self._wire, _GIVEN.size))
        if not 0 <= given <= length:
            raise RecordingAway
        return _receive(self._wire, given)

    def _connect(self) -> None:
        if self._wire is not None:
            self._wire.close()
            self._wire = None
        if self._use_local():
            return
        wire = socket.socket(socket.AF_UNIX)
        try:
            wire.settimeout(PATIENCE_S)
            wire.connect(str(self._place))
            wire.sendall(self._name.encode() + b"\n")
            status = _receive(wire, 1)
            if status == _FOUND:
                (self._size,) = _SIZE.unpack(_receive(wire, _SIZE.size))
                self._wire = wire
                return
        except OSError as failure:
            wire.close()
            raise RecordingAway from failure
        wire.close()
        if status == _NOT_OWED and self._use_local():
            return
        raise BlobMissing(name=self._name) if status == _NOT_OWED else RecordingAway

    def _use_local(self) -> bool:
        with suppress(BlobMissing):
            self._file = self._local.open(self._name)
            self._size = self._file.seek(0, io.SEEK_END)
            return True
        return False


class BackupDoor(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Hands out what is outstanding.

    Args:
        place: where it listens; whoever reaches that may ask.
        wanted: is told what somebody began to read.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 32

    def __init__(
        self, place: Path, outstanding: Outstanding, *, wanted: Callable[[str], object] = lambda _: None
    ) -> None:
        self.outstanding, self.wanted = outstanding, wanted
        self._free = threading.BoundedSemaphore(AT_ONCE)
        place.unlink(missing_ok=True)
        super().__init__(str(place), _Visit)
        place.chmod(0o600)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own, and never in more than so many at once: a disk may hang."""
        if not self._free.acquire(blocking=False):
            with suppress(OSError):
                request.sendall(_AWAY)
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Give the thread back, however it ended."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """One visitor's trouble is no other's."""
        log.warning("recordings_visit_failed", kind=type(sys.exception()).__name__)


class _Visit(socketserver.StreamRequestHandler):
    """One reader, until it has read enough."""

    server: BackupDoor
    timeout = IDLE_S

    def handle(self) -> None:
        """Find the recording, then answer stretch after stretch."""
        line = self.rfile.readline(LONGEST_LINE)
        if not line.endswith(b"\n") or not _NAME.fullmatch(name := line[:-1]):
            return
        owed = self.server.outstanding.get(name.decode())
        if owed is None:
            self.wfile.write(_NOT_OWED)
            return
        try:
            file = (Path(owed.source) / name.decode()[-2:] / name.decode()).open("rb", buffering=0)
        except OSError:
            log.warning("recording_not_readable", name=name.decode(), is_there=is_there(owed))
            self.wfile.write(_AWAY)
            return
        self.server.wanted(name.decode())
        with file, suppress(ConnectionError, TimeoutError):
            self.wfile.write(_FOUND + _SIZE.pack(os.fstat(file.fileno()).st_size))
            self._answer(file.fileno())

    def _answer(self, descriptor: int) -> None:
        while len(asked := self.rfile.read(_WANTED.size)) == _WANTED.size:
            offset, length = _WANTED.unpack(asked)
            try:
                data = os.pread(descriptor, min(length, LIMIT_BYTES), min(offset, 1 << 62))
            except OSError:
                self.wfile.write(_GIVEN.pack(-1))
                return
            self.wfile.write(_GIVEN.pack(len(data)) + data)


def _receive(wire: socket.socket, length: int) -> bytes:
    """So many bytes.

    Raises:
        OSError: they do not come.
    """
    parts = []
    while length:
        part = wire.recv(min(length, LIMIT_BYTES))
        if not part:
            raise ConnectionResetError("the door closed")
        parts.append(part)
        length -= len(part)
    return b"".join(parts)
