"""One slice of an upload, from its first byte to the moment it is durable."""

import hashlib
import hmac
from collections.abc import Callable
from types import TracebackType
from typing import Self

from appliance.keyring.stream import CHUNK_BYTES
from appliance.meetings.errors import SliceDamaged, SliceInvalid, StorageFull
from appliance.meetings.intake import Intake
from appliance.meetings.model import slice_problem


class SliceWriter:
    """Takes the bytes of one slice as they arrive; at most one chunk of them waits in memory.

    ``finish`` makes the slice durable and says where the upload stands. Leaving the ``with`` block without it, because
    the connection broke, keeps the whole chunks that arrived. ``MeetingService.append`` makes it, for one thread.

    Args:
        announced: SHA-256 that the sender counted, when it did.
        settle: stores the durable offset, so that everybody can be told.
        release: lets the next writer in.
    """

    def __init__(
        self,
        intake: Intake,
        *,
        size_bytes: int,
        slice_bytes: int,
        announced: bytes | None,
        settle: Callable[[int], None],
        release: Callable[[], None],
    ) -> None:
        self._intake = intake
        self._start = intake.offset
        self._size_bytes = size_bytes
        self._slice_bytes = slice_bytes
        self._announced = announced
        self._settle = settle
        self._release = release
        self._digest = hashlib.sha256()
        self._taken = 0
        self._open = True

    def write(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            SliceInvalid: more than a slice, or than the whole file, can be; nothing of the slice is kept.
            StorageFull: the disk is full; whole chunks are kept.
        """
        self._taken += len(data)
        if self._taken > self._slice_bytes or self._start + self._taken > self._size_bytes:
            problem = slice_problem(
                offset=self._start, length=self._taken, size_bytes=self._size_bytes, slice_bytes=self._slice_bytes
            )
            self._take_back()
            raise SliceInvalid(reason=problem, chunk_bytes=CHUNK_BYTES, slice_bytes=self._slice_bytes)
        self._digest.update(data)
        try:
            self._intake.write(data)
        except StorageFull:
            self._settle_and_close()
            raise

    def finish(self) -> int:
        """End the slice; the offset that comes back is durable.

        Bytes behind the last whole chunk are kept only where the file ends with them: go on from the returned offset.

        Raises:
            SliceDamaged: what arrived is not what was announced; nothing of the slice is kept.
        """
        if self._announced is not None and not hmac.compare_digest(self._digest.digest(), self._announced):
            self._take_back()
            raise SliceDamaged(offset=self._intake.offset)
        return self._settle_and_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._open:
            self._settle_and_close()

    def _take_back(self) -> None:
        self._settle_and_close(rewind_to=self._start)

    def _settle_and_close(self, rewind_to: int | None = None) -> int:
        self._open = False
        try:
            if rewind_to is not None:
                self._intake.rewind(to_bytes=rewind_to)
            offset = self._intake.flush()
            self._settle(offset)
            return offset
        finally:
            self._release()
