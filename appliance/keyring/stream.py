"""Recordings as a sealed stream that can be written as it arrives and read from anywhere.

The STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár: "Online Authenticated-Encryption and its Nonce-Reuse
Misuse-Resistance", CRYPTO 2015) over AES-256-GCM: chunks of 64 KiB, nonce = prefix (7 bytes) | chunk number (4) | last
flag (1). The number makes swapped chunks fail, the flag makes a cut-off end fail. Each stream has a key of its own,
derived from the meeting's key with the salt in the header, so prefixes of two streams can't collide.

Layout: header of 32 bytes (magic and version, salt, prefix, zero), then chunks of 65 536 + 16 bytes, the last one
shorter.
"""

import io
import os
from collections.abc import Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from appliance.kernel.units import KIB
from appliance.keyring.errors import StreamDamaged, StreamTruncated
from appliance.keyring.model import Dek
from appliance.keyring.wrapping import TAG_BYTES, derive_key

CHUNK_BYTES = 64 * KIB
SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES
MAGIC = b"HJSTRM\x00\x01"
SALT_BYTES = 16
PREFIX_BYTES = 7
HEADER_BYTES = 32
CHUNKS_LIMIT = 1 << 32
READ_AHEAD_CHUNKS = 16
"""Chunks fetched with one system call when a long range is read: 1 MiB."""


def new_header() -> bytes:
    """The first bytes of a new stream: where its own key and nonces come from."""
    return MAGIC + os.urandom(SALT_BYTES) + os.urandom(PREFIX_BYTES) + b"\x00"


def sealed_size(plain_bytes: int) -> int:
    """Size of the sealed stream of so many bytes."""
    return HEADER_BYTES + plain_bytes + chunk_count(plain_bytes) * TAG_BYTES


def chunk_count(plain_bytes: int) -> int:
    """How many chunks so many bytes take; an empty stream has one, which is empty."""
    return max(1, -(-plain_bytes // CHUNK_BYTES))


def sealed_offset(chunk: int) -> int:
    """Where a chunk begins in the sealed stream: also its length before that chunk was written."""
    return HEADER_BYTES + chunk * SEALED_CHUNK_BYTES


class StreamSealer:
    """Seals the chunks of one stream, in any process that has its header: an upload goes on after a restart.

    Sealing the same chunk number twice with *different* bytes would break AES-GCM; a caller that repeats a chunk after
    a lost connection must repeat the same bytes, or begin a new stream with a new header.
    """

    def __init__(self, dek: Dek, header: bytes) -> None:
        self._meeting_id = dek.meeting_id
        self._cipher, self._prefix = _open_header(dek, header)

    def seal(self, chunk: int, plaintext: bytes | memoryview, *, last: bool) -> bytes:
        """Encrypt one chunk.

        Args:
            chunk: its number, from 0.
            plaintext: exactly ``CHUNK_BYTES`` of it, fewer only in the last chunk.
            last: whether the stream ends with it.
        """
        if not (len(plaintext) == CHUNK_BYTES or (last and len(plaintext) < CHUNK_BYTES)):
            raise ValueError(f"a chunk has {CHUNK_BYTES} bytes, only the last one fewer; got {len(plaintext)}")
        if last and not plaintext and chunk > 0:
            raise ValueError("only an empty stream ends with an empty chunk")
        return self._cipher.encrypt(_nonce(self._prefix, chunk, last=last), plaintext, None)


class StreamOpener:
    """Opens single chunks of a stream that may not have its end yet; ``EncryptedReader`` reads a finished one."""

    def __init__(self, dek: Dek, header: bytes) -> None:
        self._meeting_id = dek.meeting_id
        self._cipher, self._prefix = _open_header(dek, header)

    def open(self, chunk: int, sealed: bytes | memoryview, *, last: bool) -> bytes:
        """Decrypt one chunk.

        Raises:
            StreamDamaged: it was changed, swapped or cut, or ``last`` is not what it was sealed with.
        """
        try:
            return self._cipher.decrypt(_nonce(self._prefix, chunk, last=last), sealed, None)
        except InvalidTag:
            raise StreamDamaged(chunk=chunk, meeting_id=self._meeting_id) from None


class EncryptedReader(io.RawIOBase):
    """A sealed stream as a plain read-only file: read, seek, tell; every byte it hands out was checked.

    Not for several threads at once. Closing it closes the source.

    Raises:
        StreamTruncated: the source ends before the chunk that was sealed as the last one; told at once.
        StreamDamaged: a chunk was changed or swapped; told when it is read.
    """

    def __init__(self, source: BinaryIO, dek: Dek) -> None:
        super().__init__()
        self._source = source
        self._meeting_id = dek.meeting_id
        stored = source.seek(0, io.SEEK_END)
        source.seek(0)
        self._cipher, self._prefix = _open_header(dek, source.read(HEADER_BYTES))
        self._count = -(-(stored - HEADER_BYTES) // SEALED_CHUNK_BYTES)
        self.size = stored - HEADER_BYTES - self._count * TAG_BYTES
        self._position = 0
        self._cached: tuple[int, bytes] = (-1, b"")
        self._require_end()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; past the end is allowed and reads nothing there, as in any file."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError("a position before the beginning")
        self._position = base + offset
        return self._position

    def read(self, size: int | None = -1, /) -> bytes:
        """So many bytes, or all up to the end; fewer only there, so nobody needs to ask again."""
        stop = self.size if size is None or size < 0 else min(self._position + size, self.size)
        if stop - self._position > CHUNK_BYTES:
            data = b"".join(self.ranges(self._position, stop))
        else:
            data = b"".join(self._cached_pieces(self._position, stop))
        self._position += len(data)
        return data

    def readinto(self, buffer: memoryview | bytearray) -> int:  # type: ignore[override]  # io.pyi says WriteableBuffer
        """Fill the buffer from one chunk; 0 at the end."""
        piece = self.read(min(len(buffer), CHUNK_BYTES - self._position % CHUNK_BYTES))
        buffer[: len(piece)] = piece
        return len(piece)

    def ranges(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes from ``start`` up to, not including, ``stop``, in pieces of at most one chunk: for HTTP ranges."""
        stop = min(stop, self.size)
        while start < stop:
            first, last = start // CHUNK_BYTES, (stop - 1) // CHUNK_BYTES
            batch = min(last - first + 1, READ_AHEAD_CHUNKS)
            for number, plain in self._fetch(first, batch):
                begin = start - number * CHUNK_BYTES
                end = min(stop - number * CHUNK_BYTES, CHUNK_BYTES)
                yield plain if begin == 0 and end >= len(plain) else plain[begin:end]
                start = number * CHUNK_BYTES + end

    def close(self) -> None:
        """Close the source as well, and forget the decrypted chunk."""
        if not self.closed:
            self._cached = (-1, b"")
            self._source.close()
        super().close()

    def _cached_pieces(self, start: int, stop: int) -> Iterator[memoryview]:
        """As ``ranges``, through the chunk that is kept: readers of media ask for a few KiB again and again."""
        while start < stop:
            chunk, inside = divmod(start, CHUNK_BYTES)
            piece = memoryview(self._chunk(chunk))[inside : inside + stop - start]
            yield piece
            start += len(piece)

    def _chunk(self, number: int) -> bytes:
        if self._cached[0] != number:
            self._cached = next(self._fetch(number, 1))
        return self._cached[1]

    def _fetch(self, first: int, count: int) -> Iterator[tuple[int, bytes]]:
        self._source.seek(sealed_offset(first))
        sealed = memoryview(self._source.read(count * SEALED_CHUNK_BYTES))
        for index in range(count):
            yield first + index, self._open(first + index, sealed[index * SEALED_CHUNK_BYTES :][:SEALED_CHUNK_BYTES])

    def _open(self, number: int, sealed: memoryview) -> bytes:
        try:
            nonce = _nonce(self._prefix, number, last=number == self._count - 1)
            return self._cipher.decrypt(nonce, sealed, None)
        except InvalidTag:
            raise StreamDamaged(chunk=number, meeting_id=self._meeting_id) from None

    def _require_end(self) -> None:
        """Open the last chunk under the last flag: a cut-off stream has no such chunk at its end."""
        try:
            if self.size < 0 or self._count < 1:
                raise StreamTruncated(meeting_id=self._meeting_id)
            plain = self._chunk(self._count - 1)
        except StreamDamaged:
            raise StreamTruncated(meeting_id=self._meeting_id) from None
        if not plain and self._count > 1:
            raise StreamTruncated(meeting_id=self._meeting_id)


def _open_header(dek: Dek, header: bytes) -> tuple[AESGCM, bytes]:
    if len(header) != HEADER_BYTES or not header.startswith(MAGIC):
        raise StreamTruncated(meeting_id=dek.meeting_id)
    salt = header[len(MAGIC) :][:SALT_BYTES]
    prefix = header[len(MAGIC) + SALT_BYTES :][:PREFIX_BYTES]
    key = derive_key(dek.key, salt=salt, info=b"hangjegyzet/stream/v1/" + dek.meeting_id.bytes + header)
    return AESGCM(key), prefix


def _nonce(prefix: bytes, chunk: int, *, last: bool) -> bytes:
    if not 0 <= chunk < CHUNKS_LIMIT:
        raise ValueError("a stream has fewer than 2**32 chunks")
    return prefix + chunk.to_bytes(4, "big") + (b"\x01" if last else b"\x00")
