"""The media type under which a browser can play a recording."""

from collections.abc import Mapping
from typing import Final

_BY_CONTAINER: Final[Mapping[str, tuple[str, str]]] = {
    "wav": ("audio/wav", "audio/wav"),
    "mp3": ("audio/mpeg", "audio/mpeg"),
    "flac": ("audio/flac", "audio/flac"),
    "ogg": ("audio/ogg", "video/ogg"),
    "mov": ("audio/mp4", "video/mp4"),
    "mp4": ("audio/mp4", "video/mp4"),
    "m4a": ("audio/mp4", "video/mp4"),
    "matroska": ("audio/webm", "video/webm"),
    "webm": ("audio/webm", "video/webm"),
    "asf": ("audio/x-ms-wma", "video/x-ms-wmv"),
    "aac": ("audio/aac", "audio/aac"),
}
"""FFmpeg's names of containers to (sound alone, with pictures)."""


def media_type_of(container: str | None, *, has_video: bool) -> str:
    """What to call a recording of ``container``, which FFmpeg may name as a list such as ``mov,mp4,m4a``.

    An unknown one is bytes: together with ``nosniff`` no browser takes it for a page.
    """
    for name in (container or "").split(","):
        if name in _BY_CONTAINER:
            return _BY_CONTAINER[name][has_video]
    return "application/octet-stream"
