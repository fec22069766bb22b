"""What a container says about itself: how many bytes it should have, and whether its sound is under copy protection.

Read from the few structural bytes of each format, because FFmpeg plays a cut or protected file as far as it goes and
says nothing. Sources: RIFF (Microsoft 1991), ISO/IEC 14496-12, RFC 8794 and 9559 (EBML, Matroska), RFC 3533 (Ogg), the
ASF specification 01.20.06, and the Xing/Info header of LAME.
"""

import struct
from collections.abc import Iterator
from typing import BinaryIO

_UNKNOWN_RIFF = (0, 0xFFFFFFFF)
_MOV_CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
_MOV_PROTECTED = (b"enca", b"drms", b"sinf", b"p608")
_ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_ENCRYPTION = (
    bytes.fromhex("fbb31122 23bdd211b4b700a0c955fc6e"),
    bytes.fromhex("14e68a292226174cb935dae07ee9289c"),
)
_EBML, _MKV_SEGMENT, _MKV_ENCRYPTION = b"\x1aE\xdf\xa3", b"\x18S\x80g", b"\x50\x35"
_HEADER_WINDOW = 1 << 20


def declared_bytes(source: BinaryIO, size: int) -> int | None:
    """How long the file should be by its own account; None when it says nothing, as a live recording may."""
    head = _read(source, 0, 4096)
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return _riff_bytes(head)
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free"):
        return max((start + length for start, length, _ in _boxes(source, 0, size)), default=None)
    if head[:4] == _EBML:
        return _matroska_bytes(source, head)
    if head[:16] == _ASF_HEADER:
        return _asf_bytes(_read(source, 0, _HEADER_WINDOW))
    if head[:4] == b"OggS":
        return _ogg_bytes(source, size)
    return _mp3_bytes(source, head)


def has_index(source: BinaryIO, size: int) -> bool:
    """Whether an mp4 or mov still has the index without which nothing in it can be found; True for other formats."""
    kinds = {kind for _, _, kind in _boxes(source, 0, size)}
    return b"ftyp" not in kinds or b"moov" in kinds


def protection(source: BinaryIO, size: int) -> str | None:
    """The copy protection on the sound, if there is one."""
    head = _read(source, 0, 4096)
    if head[4:8] == b"ftyp" and _mov_is_protected(source, 0, size):
        return "copy protection of an mp4 (Common Encryption or FairPlay)"
    if head[:16] == _ASF_HEADER:
        header = _read(source, 0, _HEADER_WINDOW)
        if any(guid in header for guid in _ASF_ENCRYPTION):
            return "Windows Media DRM"
    if head[:4] == _EBML and _matroska_is_protected(_read(source, 0, _HEADER_WINDOW)):
        return "Matroska content encryption"
    return None


def _read(source: BinaryIO, offset: int, size: int) -> bytes:
    source.seek(offset)
    return source.read(size)


def _riff_bytes(head: bytes) -> int | None:
    at = 12
    while at + 8 <= len(head):
        kind, length = head[at : at + 4], int.from_bytes(head[at + 4 : at + 8], "little")
        if kind == b"data":
            return None if length in _UNKNOWN_RIFF else at + 8 + length
        at += 8 + length + length % 2
    return None


def _boxes(source: BinaryIO, start: int, end: int) -> Iterator[tuple[int, int, bytes]]:
    """(start, length, kind) of the boxes between two offsets; at most 10 000, so that a crafted file ends."""
    for _ in range(10_000):
        if start + 8 > end:
            return
        header = _read(source, start, 16)
        if len(header) < 8:
            return
        length, kind = int.from_bytes(header[:4], "big"), header[4:8]
        if length == 1 and len(header) == 16:
            length = int.from_bytes(header[8:16], "big")
        elif length == 0:
            length = end - start
        if length < 8 or not kind.isascii():
            return
        yield start, length, kind
        start += length


def _mov_is_protected(source: BinaryIO, start: int, end: int, depth: int = 0) -> bool:
    for at, length, kind in _boxes(source, start, end):
        if kind == b"stsd":
            description = _read(source, at, min(length, 1 << 16))
            if any(mark in description for mark in _MOV_PROTECTED):
                return True
        elif (
            kind in _MOV_CONTAINERS
            and depth < 6
            and _mov_is_protected(source, at + 8, min(at + length, end), depth + 1)
        ):
            return True
    return False


def _ebml_size(data: bytes, at: int) -> tuple[int | None, int]:
    """(value, octets) of a variable-length size; the value is None for "unknown" and for nonsense."""
    if at >= len(data) or not data[at]:
        return None, 1
    octets = 9 - data[at].bit_length()
    value = int.from_bytes(data[at : at + octets], "big") & ((1 << 7 * octets) - 1)
    return (None if value == (1 << 7 * octets) - 1 else value), octets


def _matroska_bytes(source: BinaryIO, head: bytes) -> int | None:
    at = head.find(_MKV_SEGMENT)
    if at < 0:
        return None
    length, octets = _ebml_size(head, at + 4)
    return None if length is None else at + 4 + octets + length


def _matroska_is_protected(header: bytes) -> bool:
    """ContentEncryption (0x5035) inside the track list, before the first cluster."""
    tracks = header.find(b"\x16\x54\xae\x6b")
    if tracks < 0:
        return False
    length, octets = _ebml_size(header, tracks + 4)
    body = header[tracks + 4 + octets : tracks + 4 + octets + (length or 0)]
    return b"\x6d\x80" in body and _MKV_ENCRYPTION in body.split(b"\x6d\x80", 1)[1]


def _asf_bytes(header: bytes) -> int | None:
    at = header.find(_ASF_FILE_PROPERTIES)
    if at < 0 or at + 92 > len(header):
        return None
    (length,) = struct.unpack_from("<Q", header, at + 40)
    (flags,) = struct.unpack_from("<I", header, at + 88)
    is_broadcast = bool(flags & 1)
    return None if is_broadcast or not length else int(length)


def _ogg_bytes(source: BinaryIO, size: int) -> int | None:
    """The end of the last page that begins in the file: beyond its end when the page was cut."""
    window = min(size, 1 << 17)
    tail = _read(source, size - window, window)
    at = tail.rfind(b"OggS")
    if at < 0 or at + 27 > len(tail):
        return None if at < 0 else size + 1
    table = tail[at + 27 : at + 27 + tail[at + 26]]
    return size - window + at + 27 + tail[at + 26] + sum(table)


def _mp3_bytes(source: BinaryIO, head: bytes) -> int | None:
    """By the Xing or Info header of the first frame, which encoders write when they are done."""
    start = 0
    if head[:3] == b"ID3" and len(head) >= 10:
        start = 10 + (head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9])
    frame = _read(source, start, 256)
    if len(frame) < 64 or frame[0] != 0xFF or frame[1] & 0xE0 != 0xE0:
        return None
    at = max(frame.find(b"Xing"), frame.find(b"Info"))
    if at < 0 or not frame[at + 7] & 2:
        return None
    at_bytes = at + 8 + (4 if frame[at + 7] & 1 else 0)
    return start + int.from_bytes(frame[at_bytes : at_bytes + 4], "big") or None
