"""One foreign file, read by FFmpeg inside the jail: runs in the forked child and ends with it.

Nothing here may be trusted by the parent. It imports all it needs before the jail closes, because afterwards it cannot
open a file.
"""

import errno
import importlib
import io
import json
import os
import pkgutil
import socket
import wave
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

import av
import av.audio.resampler
import av.codec
import av.container
import av.error
import av.logging

from appliance.adapters.media import formats, structure, wire

SAMPLE_RATE = 16_000
READ_AHEAD_BYTES = 1 << 18
SHORTEST_S = 0.1
TOLERANCE_S, TOLERANCE_SHARE = 0.5, 0.01
TOLERATED_DAMAGE = 0.05
SAMPLE_RATES = range(2_000, 768_001)
EXACT_DURATION = ("wav", "w64", "flac", "mov", "aiff", "caf", "au")
"""Demuxers whose stream duration is counted; the others estimate it from a bit rate."""

av.logging.set_level(av.logging.PANIC)


class Refusal(Exception):
    """Why the file cannot be used: the code and fields of one of the meetings room's refusals."""

    def __init__(self, code: str, **fields: Any) -> None:
        super().__init__(code)
        self.code, self.fields = code, fields


class RemoteFile:
    """The recording, read by ranges through the socket; looks like a binary file to FFmpeg."""

    def __init__(self, sock: socket.socket, size: int) -> None:
        self._sock, self._size = sock, size
        self._at = 0
        self._block, self._block_at = b"", 0

    def read(self, size: int = -1) -> bytes:
        wanted = self._size - self._at if size < 0 else min(size, self._size - self._at)
        parts = []
        while wanted > 0:
            if not self._block_at <= self._at < self._block_at + len(self._block):
                self._fetch(self._at)
            skip = self._at - self._block_at
            part = self._block[skip : skip + wanted]
            if not part:
                break
            parts.append(part)
            self._at += len(part)
            wanted -= len(part)
        return b"".join(parts)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise OSError(errno.EINVAL, "seek before the start")
        self._at = min(base + offset, self._size)
        return self._at

    def tell(self) -> int:
        return self._at

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def _fetch(self, offset: int) -> None:
        wire.send_frame(self._sock, wire.Kind.READ, wire.READ_REQUEST.pack(offset, READ_AHEAD_BYTES))
        (length,) = wire.READ_ANSWER.unpack(wire.receive_exactly(self._sock, wire.READ_ANSWER.size))
        self._block, self._block_at = wire.receive_exactly(self._sock, length), offset


def load_everything() -> None:
    """Load every module of PyAV and decode one tiny file: in the jail nothing can be loaded any more."""
    for module in pkgutil.walk_packages(av.__path__, "av."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    with wave.open(sound := io.BytesIO(), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(44_100)
        file.writeframes(bytes(4 * 4_410))
    sound.seek(0)
    with av.open(sound, mode="r") as container:
        resampler = av.audio.resampler.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
        for frame in container.decode(audio=0):
            resampler.resample(frame)


def serve(sock: socket.socket, *, size: int, max_duration_s: float, decode: bool) -> None:
    """Answer one request on ``sock``: what the file is and, with ``decode``, its sound."""
    source = RemoteFile(sock, size)
    try:
        _serve(sock, source, size, max_duration_s, decode=decode)
    except Refusal as refusal:
        wire.send_json(sock, wire.Kind.REFUSED, {"code": refusal.code, "fields": refusal.fields})
    except (MemoryError, av.error.FFmpegError) as error:
        if not isinstance(error, MemoryError) and error.errno != errno.ENOMEM:
            raise
        del source
        wire.send_json(sock, wire.Kind.REFUSED, {"code": "media.decoder_limit", "fields": {"resource": "memory"}})
    wire.send_frame(sock, wire.Kind.END)


def _serve(sock: socket.socket, source: RemoteFile, size: int, max_duration_s: float, *, decode: bool) -> None:
    file = cast("BinaryIO", source)
    _refuse_by_head(source.read(formats.HEAD_BYTES))
    if kind := structure.protection(file, size):
        raise Refusal("media.encrypted", protection=kind)
    expected_bytes = structure.declared_bytes(file, size)
    left = size / expected_bytes if expected_bytes else 1.0
    with _open(source, size) as container:
        stream = _sound_of(container)
        declared_s = _declared_duration(container, stream)
        if declared_s is not None and declared_s > max_duration_s:
            raise Refusal("media.too_long", duration_s=declared_s)
        wire.send_json(sock, wire.Kind.INFO, _describe(container, stream, declared_s))
        if not decode:
            return
        found_s = _send_sound(sock, container, stream, max_duration_s)
        exact_s = _exact_duration(container, stream)
        falls_short = exact_s is not None and found_s < exact_s - max(TOLERANCE_S, TOLERANCE_SHARE * exact_s)
        if left < 1 or falls_short:
            expected_s = max(found_s / left, exact_s or declared_s or 0.0)
            is_known = expected_s > found_s + TOLERANCE_S
            raise Refusal("media.truncated", found_s=found_s, expected_s=expected_s if is_known else None)
        if found_s < SHORTEST_S:
            raise Refusal("media.zero_length", duration_s=found_s)


def _refuse_by_head(head: bytes) -> None:
    if kind := formats.protection_in(head):
        raise Refusal("media.encrypted", protection=kind)
    if kind := formats.reference_in(head):
        raise Refusal("media.points_elsewhere", content=kind)
    if kind := formats.foreign_content(head):
        raise Refusal("media.not_media", content=kind)


def _open(source: RemoteFile, size: int) -> av.container.InputContainer:
    source.seek(0)
    try:
        return av.open(
            source,
            mode="r",
            metadata_errors="replace",
            buffer_size=1 << 16,
            container_options={
                "format_whitelist": ",".join(formats.DEMUXERS),
                "protocol_whitelist": "none",
                "max_streams": "64",
                "probesize": "5000000",
            },
        )
    except MemoryError:
        raise
    except (av.error.FFmpegError, ValueError, EOFError, OSError) as error:
        if getattr(error, "errno", None) == errno.ENOMEM:
            raise MemoryError from error
        file = cast("BinaryIO", source)
        expected_bytes = structure.declared_bytes(file, size)
        if not structure.has_index(file, size) or (expected_bytes or 0) > size:
            raise Refusal("media.truncated", found_s=0.0, expected_s=None) from error
        raise Refusal("media.not_media", content="in no audio or video format that the appliance knows") from error


def _sound_of(container: av.container.InputContainer) -> Any:
    streams = [stream for stream in container.streams.audio if stream.codec_context is not None]
    if not streams:
        if container.streams.audio:
            raise Refusal("media.unsupported", codec="of an unknown kind")
        raise Refusal("media.no_audio", container=container.format.name.split(",")[0])
    stream = next((stream for stream in streams if stream.disposition & 1), streams[0])
    context = stream.codec_context
    if not formats.decoder_allowed(context.name):
        raise Refusal("media.unsupported", codec=context.name)
    if context.sample_rate and context.sample_rate not in SAMPLE_RATES:
        raise Refusal("media.unsupported", codec=f"{context.name} at {context.sample_rate} samples a second")
    context.thread_count = 1
    return stream


def _stream_duration(stream: Any) -> float | None:
    if not stream.duration or stream.duration <= 0 or not stream.time_base:
        return None
    return float(stream.duration * stream.time_base)


def _declared_duration(container: av.container.InputContainer, stream: Any) -> float | None:
    """The longest that the file claims, for the limit that is checked before decoding."""
    claims = [_stream_duration(stream) or 0.0, (container.duration or 0) / 1_000_000]
    return max(claims) if max(claims) > 0 else None


def _exact_duration(container: av.container.InputContainer, stream: Any) -> float | None:
    return _stream_duration(stream) if container.format.name.split(",")[0] in EXACT_DURATION else None


def _describe(container: av.container.InputContainer, stream: Any, duration_s: float | None) -> dict[str, Any]:
    context = stream.codec_context
    return {
        "duration_s": duration_s,
        "container": container.format.name.split(",")[0],
        "codec": context.name,
        "channels": context.channels or 0,
        "sample_rate": context.sample_rate or 0,
        "has_video": any(not video.disposition & 0x400 for video in container.streams.video),
    }


def _send_sound(
    sock: socket.socket, container: av.container.InputContainer, stream: Any, max_duration_s: float
) -> float:
    """Decode, resample and send; returns the seconds sent."""
    counts = {"packets": 0, "damaged": 0}
    sent = 0
    for pcm in _resampled(_frames(container, stream, counts)):
        sent += len(pcm) // 2
        if sent > max_duration_s * SAMPLE_RATE:
            raise Refusal("media.too_long", duration_s=sent / SAMPLE_RATE)
        for start in range(0, len(pcm), wire.PCM_MAX_BYTES):
            wire.send_frame(sock, wire.Kind.SOUND, pcm[start : start + wire.PCM_MAX_BYTES])
    if counts["damaged"] > max(1, TOLERATED_DAMAGE * counts["packets"]) or (counts["damaged"] and not sent):
        raise Refusal("media.damaged", codec=stream.codec_context.name, **counts)
    return sent / SAMPLE_RATE


def _resampled(frames: Iterator[Any]) -> Iterator[bytes]:
    """Mono int16 at 16 kHz. A recording may change its rate or channels midway, as joined mp3 files do."""
    resampler, shape = None, None
    for frame in frames:
        if resampler is None or (frame.sample_rate, frame.layout.name, frame.format.name) != shape:
            if resampler is not None:
                yield from _drain(resampler, None)
            resampler = av.audio.resampler.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
            shape = (frame.sample_rate, frame.layout.name, frame.format.name)
        yield from _drain(resampler, frame)
    if resampler is not None:
        yield from _drain(resampler, None)


def _drain(resampler: Any, frame: Any) -> Iterator[bytes]:
    for resampled in resampler.resample(frame):
        yield bytes(resampled.planes[0])[: resampled.samples * 2]


def _frames(container: av.container.InputContainer, stream: Any, counts: dict[str, int]) -> Iterator[Any]:
    """Sound frames; packets that do not decode are counted and left out."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, EOFError):
            break
        except (av.error.InvalidDataError, av.error.OSError):
            counts["packets"] += 1
            counts["damaged"] += 1
            break
        counts["packets"] += bool(packet.size)
        try:
            frames = packet.decode()
        except EOFError:
            break
        except MemoryError:
            raise
        except (av.error.FFmpegError, ValueError) as error:
            if getattr(error, "errno", None) == errno.ENOMEM:
                raise MemoryError from error
            counts["damaged"] += 1
            continue
        yield from frames


def read_request(line: bytes) -> dict[str, Any]:
    """The parent's request; the parent is trusted, so this only has to parse."""
    request: dict[str, Any] = json.loads(line)
    return request
