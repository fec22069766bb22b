"""The one form of tar that bundles are: plain files under one folder, each header the only one possible for its file.

A header is accepted if it equals, byte for byte, the one that we would have written for the same name, size and time.
So there are no links, devices, sparse files, extended headers, second opinions about a name, or anything hidden in
padding, and ``tar xf`` of any make unpacks exactly what was looked at here.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

BLOCK = 512
RECORD = 20 * BLOCK
PLAIN_MODE = 0o644
PROGRAM_MODE = 0o755

_OCTAL_LIMIT = 8**11
_NAME_BYTES, _PREFIX_BYTES = 100, 155
_END = bytes(BLOCK)


class TapeDamaged(ValueError):
    """The archive is not in our form."""


class HostileHeader(ValueError):
    """A member is not the plain file that it has to be."""

    def __init__(self, member: str, reason: str) -> None:
        super().__init__(reason)
        self.member = member
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Member:
    """One file in the archive."""

    name: str
    size_bytes: int
    mode: int
    mtime: int
    offset: int = 0
    """Where its content begins."""


def header(member: Member) -> bytes:
    """The 512 bytes before a file.

    The form is POSIX.1-1988 ustar; sizes of 8 GiB and more are in base 256, as GNU and BSD tar read them.

    Raises:
        ValueError: the name is too long for the format.
    """
    prefix, name = _split(member.name)
    block = bytearray(BLOCK)
    block[0 : len(name)] = name
    block[100:108] = b"%07o\0" % member.mode
    block[108:116] = block[116:124] = b"%07o\0" % 0
    block[124:136] = _number(member.size_bytes)
    block[136:148] = b"%011o\0" % member.mtime
    block[148:156] = b" " * 8
    block[156:157] = b"0"
    block[257:265] = b"ustar\x0000"
    block[265:269] = block[297:301] = b"root"
    block[329:337] = block[337:345] = b"%07o\0" % 0
    block[345 : 345 + len(prefix)] = prefix
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def padding(size_bytes: int) -> bytes:
    """The zeros after a file's content."""
    return bytes(-size_bytes % BLOCK)


def ending(written_bytes: int) -> bytes:
    """The zeros after the last file, up to a whole record."""
    end = 2 * BLOCK
    return bytes(end + -(written_bytes + end) % RECORD)


def read_members(archive: IO[bytes]) -> Iterator[Member]:
    """Every file of a seekable archive, in order, without reading contents.

    Raises:
        HostileHeader: a member is something else than a plain file with a plain header.
        TapeDamaged: the archive breaks off, or goes on after its end.
    """
    total = archive.seek(0, os.SEEK_END)
    position = 0
    while True:
        archive.seek(position)
        block = archive.read(BLOCK)
        if len(block) < BLOCK:
            raise TapeDamaged("it breaks off")
        if block == _END:
            archive.seek(position)
            rest = archive.read(2 * RECORD)
            if rest != ending(position):
                raise TapeDamaged("its end is damaged, or something follows it")
            return
        member = _member(block, position + BLOCK)
        position = member.offset + member.size_bytes
        pad = padding(member.size_bytes)
        if position + len(pad) > total:
            raise TapeDamaged(f"it breaks off in {member.name}")
        archive.seek(position)
        if archive.read(len(pad)) != pad:
            raise TapeDamaged(f"there is something behind {member.name}")
        position += len(pad)
        yield member


def _member(block: bytes, offset: int) -> Member:
    name = _text(block[0:_NAME_BYTES])
    prefix = _text(block[345 : 345 + _PREFIX_BYTES])
    full = f"{prefix}/{name}" if prefix else name
    try:
        mode, mtime = int(block[100:107], 8), int(block[136:147], 8)
        size = int.from_bytes(block[125:136], "big") if block[124] == 0x80 else int(block[124:135], 8)
        member = Member(full, size, mode, mtime, offset)
        expected = header(member) if min(size, mode, mtime) >= 0 else b""
    except (ValueError, OverflowError) as error:
        raise HostileHeader(full, "has a header that no bundle has") from error
    if block[156:157] not in (b"0", b"\0"):
        raise HostileHeader(full, "is not a plain file")
    if expected != block or mode not in (PLAIN_MODE, PROGRAM_MODE):
        raise HostileHeader(full, "has a header that no bundle has")
    return member


def _number(value: int) -> bytes:
    return b"%011o\0" % value if value < _OCTAL_LIMIT else b"\x80" + value.to_bytes(11, "big")


def _text(field: bytes) -> str:
    # What does not print becomes a mark that no path of ours has: it is refused for it, and can be shown on a terminal.
    text = field.rstrip(b"\0").decode("ascii", "replace")
    return "".join(character if character.isprintable() else "�" for character in text)


def _split(name: str) -> tuple[bytes, bytes]:
    """A long name in two: cut at the last slash that leaves a prefix which fits."""
    encoded = name.encode("ascii")
    if len(encoded) <= _NAME_BYTES:
        return b"", encoded
    cut = encoded.rfind(b"/", 0, _PREFIX_BYTES + 1)
    prefix, rest = encoded[: max(cut, 0)], encoded[cut + 1 :]
    if not prefix or not rest or len(rest) > _NAME_BYTES:
        raise ValueError(f"{name} is too long for the archive")
    return prefix, rest
