"""The receiving end of an upload: plaintext comes in, whole encrypted chunks come to rest.

A chunk is encrypted once. Where bytes must be taken back (a damaged slice, a chunk that a crash tore), the rest of the
file is encrypted anew as a new stream, so that no nonce is ever used for two different texts. That costs time in cases
that hardly ever happen, and nothing in all others.
"""

from collections.abc import Iterator
from typing import Protocol

from appliance.keyring.errors import StreamDamaged
from appliance.keyring.model import Dek
from appliance.keyring.stream import (
    CHUNK_BYTES,
    HEADER_BYTES,
    SEALED_CHUNK_BYTES,
    StreamOpener,
    StreamSealer,
    chunk_count,
    new_header,
    sealed_offset,
    sealed_size,
)
from appliance.meetings.errors import StorageFull, UploadDamaged
from appliance.meetings.ports import IncomingBlob


class Hash(Protocol):
    """What ``hashlib`` makes."""

    def update(self, data: bytes, /) -> None: ...


class Intake:
    """One upload's incoming blob, seen as plaintext.

    Args:
        blob: ours alone while this lives.
        dek: the key of the meeting that the upload becomes.
        size_bytes: how long the file is going to be; decides which chunk is marked as the last.
    """

    def __init__(self, blob: IncomingBlob, dek: Dek, *, size_bytes: int) -> None:
        self._blob = blob
        self._dek = dek
        self._size_bytes = size_bytes
        self._chunks = chunk_count(size_bytes)
        self._sealer: StreamSealer
        self._opener: StreamOpener
        self._next = 0
        self._pending = bytearray()

    @property
    def offset(self) -> int:
        """Plaintext bytes that are encrypted and handed to the disk."""
        return min(self._next * CHUNK_BYTES, self._size_bytes)

    def open(self, *, trusted_bytes: int) -> int:
        """Find out where the blob really ends, and get ready to go on from there.

        Chunks up to ``trusted_bytes`` were made durable before somebody was told so. What lies behind them survived a
        crash by luck: it is kept as far as it decrypts.
        """
        stored = self._blob.size()
        if stored < HEADER_BYTES:
            self._start_over(iter(()))
            return self.offset
        self._use(self._blob.read_at(0, HEADER_BYTES))
        whole = self._whole_chunks(stored)
        torn = stored > self._end_of(whole)
        while whole > trusted_bytes // CHUNK_BYTES and not self._decrypts(whole - 1):
            whole, torn = whole - 1, True
        self._next = whole
        if torn:
            self.rewind(to_bytes=self.offset)
        return self.offset

    def write(self, data: bytes | memoryview) -> None:
        """Take some plaintext; full chunks go to the disk, the rest waits in memory."""
        view = memoryview(data)
        while view:
            wanted = CHUNK_BYTES - len(self._pending)
            self._pending += view[:wanted]
            view = view[wanted:]
            if len(self._pending) == CHUNK_BYTES:
                self._append(bytes(self._pending))
                self._pending.clear()

    def flush(self) -> int:
        """Make everything durable, the last chunk of the file too, and say how many bytes that is.

        Bytes that fill no chunk are dropped: their sender is told the offset, and sends them again.
        """
        if self._pending and self.offset + len(self._pending) == self._size_bytes:
            self._append(bytes(self._pending))
        self._pending.clear()
        self._blob.sync()
        return self.offset

    def rewind(self, *, to_bytes: int) -> None:
        """Take back what lies behind ``to_bytes``, a multiple of the chunk size; ``offset`` says where that led."""
        self._pending.clear()
        try:
            self._start_over(self._decrypted(to_bytes // CHUNK_BYTES))
        except StorageFull:
            # No room for a second copy: better begin again than keep bytes that nobody vouches for.
            self._start_over(iter(()))

    def verify(self, digest: Hash) -> None:
        """Read everything back and decrypt it, feeding the plaintext to ``digest``.

        Raises:
            UploadDamaged: a chunk does not decrypt.
        """
        try:
            for chunk in self._decrypted(self._chunks):
                digest.update(chunk)
        except StreamDamaged as damage:
            raise UploadDamaged(reason=str(damage)) from damage

    def store(self) -> None:
        """Make the complete blob a stored one."""
        self._blob.store()

    def _append(self, plaintext: bytes) -> None:
        last = self._next == self._chunks - 1
        self._blob.append(self._sealer.seal(self._next, plaintext, last=last))
        self._next += 1

    def _start_over(self, chunks: Iterator[bytes]) -> None:
        """Write the blob anew with ``chunks`` in it."""
        header = new_header()
        sealer = StreamSealer(self._dek, header)
        count = 0

        def parts() -> Iterator[bytes]:
            nonlocal count
            yield header
            for chunk in chunks:
                yield sealer.seal(count, chunk, last=count == self._chunks - 1)
                count += 1

        self._blob.replace(parts())
        self._use(header)
        self._next = count

    def _use(self, header: bytes) -> None:
        self._sealer = StreamSealer(self._dek, header)
        self._opener = StreamOpener(self._dek, header)

    def _decrypted(self, count: int) -> Iterator[bytes]:
        opener = self._opener
        for number in range(count):
            yield opener.open(number, self._sealed(number), last=number == self._chunks - 1)

    def _decrypts(self, number: int) -> bool:
        try:
            self._opener.open(number, self._sealed(number), last=number == self._chunks - 1)
        except StreamDamaged:
            return False
        return True

    def _sealed(self, number: int) -> bytes:
        start = sealed_offset(number)
        return self._blob.read_at(start, self._end_of(number + 1) - start)

    def _end_of(self, chunks: int) -> int:
        """Where the blob ends once it holds so many chunks."""
        return sealed_size(self._size_bytes) if chunks == self._chunks else sealed_offset(chunks)

    def _whole_chunks(self, stored_bytes: int) -> int:
        if stored_bytes >= sealed_size(self._size_bytes):
            return self._chunks
        return min(self._chunks - 1, (stored_bytes - HEADER_BYTES) // SEALED_CHUNK_BYTES)
