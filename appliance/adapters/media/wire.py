"""The frames that cross between the process with the keys and the one with FFmpeg.

The child speaks first and always in frames of ``kind, length, payload``; the parent answers a READ with ``length,
bytes`` and says nothing else. The parent trusts no length: each kind has a ceiling.
"""

import json
import socket
import struct
from enum import IntEnum
from typing import Any

HEADER = struct.Struct("!BI")
READ_REQUEST = struct.Struct("!QI")
READ_ANSWER = struct.Struct("!I")

READ_MAX_BYTES = 1 << 20
PCM_MAX_BYTES = 1 << 18
TALK_MAX_BYTES = 1 << 14


class Kind(IntEnum):
    """What a frame from the child holds."""

    READ = 1
    """Give me ``length`` bytes at ``offset``."""
    INFO = 2
    """What the file is, as JSON."""
    SOUND = 3
    """Mono 16 kHz int16 samples, little-endian."""
    REFUSED = 4
    """Why the file cannot be used, as JSON: ``code`` and ``fields``."""
    END = 5
    """All is said."""


CEILING = {
    Kind.READ: READ_REQUEST.size,
    Kind.INFO: TALK_MAX_BYTES,
    Kind.SOUND: PCM_MAX_BYTES,
    Kind.REFUSED: TALK_MAX_BYTES,
    Kind.END: 0,
}


class ProtocolError(Exception):
    """The child sent something that is no frame: it was taken over or is broken."""


def receive_exactly(sock: socket.socket, size: int) -> bytes:
    """``size`` bytes.

    Raises:
        EOFError: the other side is gone.
    """
    parts = bytearray()
    while len(parts) < size:
        part = sock.recv(min(size - len(parts), 1 << 18))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)


def send_frame(sock: socket.socket, kind: Kind, payload: bytes = b"") -> None:
    """One frame, whole."""
    sock.sendall(HEADER.pack(kind, len(payload)) + payload)


def send_json(sock: socket.socket, kind: Kind, value: dict[str, Any]) -> None:
    """One frame with a JSON object."""
    send_frame(sock, kind, json.dumps(value).encode())


def receive_frame(sock: socket.socket) -> tuple[Kind, bytes]:
    """The next frame, or an error when it claims to be larger than its kind may be."""
    number, length = HEADER.unpack(receive_exactly(sock, HEADER.size))
    try:
        kind = Kind(number)
    except ValueError as unknown:
        raise ProtocolError(f"frame of kind {number}") from unknown
    if length > CEILING[kind]:
        raise ProtocolError(f"{kind.name} frame of {length} bytes")
    return kind, receive_exactly(sock, length)
