"""``MediaProbe`` and ``MediaDecoder`` over the sandbox: what the appliance uses to open a recording."""

import json
import signal
import socket
from collections.abc import Generator, Iterator
from typing import Any, BinaryIO

import numpy as np

from appliance.adapters.media import wire, zygote
from appliance.adapters.media.forkserver import Child, ForkServer
from appliance.kernel.units import format_clock
from appliance.meetings.errors import (
    DamagedMedia,
    DecoderCrashed,
    DecoderLimit,
    EmptyFile,
    EncryptedMedia,
    MediaRefused,
    NoAudio,
    NotMedia,
    PointsElsewhere,
    TooLong,
    Truncated,
    UnsupportedAudio,
    ZeroLength,
)
from appliance.meetings.model import MediaInfo
from appliance.meetings.ports import Samples

_REFUSALS: dict[str, type[MediaRefused]] = {
    refusal.code: refusal
    for refusal in (
        DamagedMedia, DecoderLimit, EncryptedMedia, NoAudio, NotMedia, PointsElsewhere, UnsupportedAudio, ZeroLength,
    )
}  # fmt: skip
_TEXT_MAX = 200
_CPU_BASE_S = 60
_CPU_SHARE = 1 / 20


class SandboxedMedia:
    """Opens foreign files in a jailed process, a fresh one for each.

    A crash, a memory bomb or an endless loop over a file becomes a refusal of that file. Refuses a recording that
    claims to be longer than ``max_duration_s`` before it is decoded, and one that turns out longer while it is.

    Args:
        max_duration_s: the longest recording to accept.
        stall_s: a child that says nothing for so long is stopped.
    """

    def __init__(self, *, max_duration_s: float = 12 * 3600, stall_s: float = 60.0) -> None:
        self._max_duration_s = max_duration_s
        self._stall_s = stall_s
        self._server = ForkServer()

    def probe(self, source: BinaryIO) -> MediaInfo:
        """What kind of recording ``source`` holds; see ``meetings.ports.MediaProbe``."""
        info: MediaInfo | None = None
        for item in self._converse(source, decode=False):
            if isinstance(item, MediaInfo):
                info = item
        if info is None:
            raise DecoderCrashed(signal="none, it said nothing")
        return info

    def decode(self, source: BinaryIO) -> Iterator[Samples]:
        """The sound of ``source`` in blocks; see ``meetings.ports.MediaDecoder``."""
        for item in self._converse(source, decode=True):
            if not isinstance(item, MediaInfo):
                yield item

    def measures(self) -> frozenset[str]:
        """Which parts of the jail this machine's kernel granted to the fork server, for a health check."""
        self.self_test("limits")
        return self._server.measures

    def self_test(self, attempt: str) -> str:
        """What became of a forbidden ``attempt`` inside the jail: ``refused …``, ``allowed``, or ``died N``."""
        with self._server.start_child({"self_test": attempt, "cpu_s": 1}) as child:
            child.data.settimeout(self._stall_s)
            answer = child.data.recv(100).decode()
            return answer or f"died {child.exit_code()}"

    def close(self) -> None:
        """End the fork server."""
        self._server.close()

    def _converse(self, source: BinaryIO, *, decode: bool) -> Generator[MediaInfo | Samples]:
        size = source.seek(0, 2)
        if size == 0:
            raise EmptyFile
        request = {
            "size": size,
            "max_duration_s": self._max_duration_s,
            "decode": decode,
            "cpu_s": round(_CPU_BASE_S + self._max_duration_s * _CPU_SHARE),
        }
        with self._server.start_child(request) as child:
            child.data.settimeout(self._stall_s)
            try:
                yield from self._read_frames(child.data, source, size)
            except TimeoutError as stalled:
                raise DecoderLimit(resource="time") from stalled
            except wire.ProtocolError as nonsense:
                raise DecoderCrashed(signal=f"none, it sent a {nonsense}") from nonsense
            except (EOFError, ConnectionError) as gone:
                raise _death(child) from gone

    def _read_frames(self, sock: socket.socket, source: BinaryIO, size: int) -> Generator[MediaInfo | Samples]:
        while True:
            kind, payload = wire.receive_frame(sock)
            match kind:
                case wire.Kind.READ:
                    _answer_read(sock, source, payload, size)
                case wire.Kind.INFO:
                    yield _media_info(payload)
                case wire.Kind.SOUND:
                    yield np.frombuffer(payload[: len(payload) & ~1], dtype="<i2").astype(np.int16, copy=False)
                case wire.Kind.REFUSED:
                    raise self._refusal(payload)
                case wire.Kind.END:
                    return

    def _refusal(self, payload: bytes) -> MediaRefused:
        message = _parse(payload)
        code, fields = message.get("code"), message.get("fields")
        if not isinstance(code, str) or not isinstance(fields, dict):
            raise wire.ProtocolError("refusal without a code")
        clean = {name: _clean(value) for name, value in fields.items()}
        if code == TooLong.code:
            duration = format_clock(float(clean.get("duration_s") or 0.0))
            return TooLong(duration=duration, limit=format_clock(self._max_duration_s))
        if code == Truncated.code:
            expected_s = clean.get("expected_s")
            expected = f"about {expected_s:.0f} s" if isinstance(expected_s, float) else "an unknown length"
            return Truncated(found_s=float(clean.get("found_s") or 0.0), expected=expected)
        try:
            return _REFUSALS[code](**clean)
        except (KeyError, TypeError, ValueError) as unknown:
            raise wire.ProtocolError(f"refusal {code[:40]!r}") from unknown


def _answer_read(sock: socket.socket, source: BinaryIO, payload: bytes, size: int) -> None:
    offset, length = wire.READ_REQUEST.unpack(payload)
    data = b""
    if offset < size:
        source.seek(offset)
        data = source.read(min(length, wire.READ_MAX_BYTES, size - offset))
    sock.sendall(wire.READ_ANSWER.pack(len(data)) + data)


def _parse(payload: bytes) -> dict[str, Any]:
    try:
        value = json.loads(payload)
    except ValueError as error:
        raise wire.ProtocolError("frame that is no JSON") from error
    if not isinstance(value, dict):
        raise wire.ProtocolError("frame that is no JSON object")
    return value


def _clean(value: object) -> str | float | None:
    """A value from the child, made harmless: bounded printable text, or a finite number."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return min(max(float(value), -1e12), 1e12) if value == value else 0.0
    return "".join(letter for letter in str(value)[:_TEXT_MAX] if letter.isprintable())


def _media_info(payload: bytes) -> MediaInfo:
    value = _parse(payload)
    duration = _clean(value.get("duration_s"))
    return MediaInfo(
        duration_s=duration if isinstance(duration, float) and duration > 0 else None,
        container=str(_clean(value.get("container"))),
        codec=str(_clean(value.get("codec"))),
        channels=_whole(value.get("channels")),
        sample_rate=_whole(value.get("sample_rate")),
        has_video=value.get("has_video") is True,
    )


def _whole(value: object) -> int:
    return min(max(value, 0), 1 << 24) if isinstance(value, int) else 0


def _death(child: Child) -> MediaRefused:
    code = child.exit_code()
    if code == zygote.EXIT_MEMORY:
        return DecoderLimit(resource="memory")
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        return DecoderLimit(resource="time")
    if code is not None and code < 0:
        return DecoderCrashed(signal=signal.Signals(-code).name)
    return DecoderCrashed(signal="none")
