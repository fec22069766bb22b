"""What a file is, by its content: the demuxers and decoders we allow, and the things people send by mistake."""

import re

DEMUXERS = (
    "wav", "w64", "mp3", "mov", "flac", "ogg", "matroska", "asf", "aac", "aiff", "caf", "au", "amr", "avi",
    "mpegts", "mpeg",
)  # fmt: skip
"""FFmpeg's names. Not here on purpose: hls, dash, concat, sdp, rtsp, image2, lavfi and every other demuxer that opens
more than the bytes it is given, and every format that no meeting recorder writes."""

DECODERS = frozenset(
    (
        "aac", "aac_latm", "ac3", "eac3", "adpcm_ima_wav", "adpcm_ima_qt", "adpcm_ms", "alac", "amrnb", "amrwb", "flac",
        "gsm_ms", "g722", "mp1", "mp1float", "mp2", "mp2float", "mp3", "mp3float", "opus", "libopus", "vorbis",
        "wmav1", "wmav2", "wmapro", "wmalossless", "wmavoice", "dca",
    )
)  # fmt: skip
"""Sound decoders by FFmpeg's names, besides every plain ``pcm_…``."""

HEAD_BYTES = 1 << 16

_PLAYLISTS = (
    (re.compile(rb"^\s*#EXTM3U", re.IGNORECASE), "an m3u playlist"),
    (re.compile(rb"^\s*ffconcat ", re.IGNORECASE), "a concat script"),
    (re.compile(rb"^\s*\[playlist\]", re.IGNORECASE), "a pls playlist"),
    (re.compile(rb"^\s*v=0\s+o=", re.IGNORECASE), "a session description"),
    (re.compile(rb"<(MPD|SmoothStreamingMedia|smil|asx|playlist)[\s>]", re.IGNORECASE), "a streaming manifest"),
    (
        re.compile(
            rb"^\s*\[Reference\]|^\s*(https?|rtsps?|rtmps?|ftp|file|concat|pipe|data)://?\S+\s*$", re.IGNORECASE
        ),
        "a link",
    ),
)
_PROTECTED = (
    (b"age-encryption.org/", "encrypted with age"),
    (b"-----BEGIN AGE ENCRYPTED FILE", "encrypted with age"),
    (b"-----BEGIN PGP MESSAGE", "encrypted with OpenPGP"),
    (b"Salted__", "encrypted with OpenSSL"),
    (b"LUKS\xba\xbe", "an encrypted volume"),
)
_FOREIGN = (
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a zip archive or an office document"),
    (b"Rar!\x1a\x07", "a rar archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old office document"),
    (b"\x89PNG\r\n", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"MThd", "a MIDI score, which is notes and no sound"),
    (b"SQLite format 3", "a database"),
    (b"{\\rtf", "a text document"),
)
_TEXT = re.compile(rb"[^\x00-\x08\x0e-\x1a\x1c-\x1f]+")


def reference_in(head: bytes) -> str | None:
    """What sort of pointer to elsewhere the file is, if it is one."""
    start = head[:4096].removeprefix(b"\xef\xbb\xbf")
    if not looks_like_text(start):
        return None
    return next((name for pattern, name in _PLAYLISTS if pattern.search(start)), None)


def protection_in(head: bytes) -> str | None:
    """What sort of general encryption the file is under, if we know it; media DRM is looked for elsewhere."""
    if head.startswith(b"PK\x03\x04") and len(head) > 6 and head[6] & 1:
        return "a zip archive with a password"
    return next((name for magic, name in _PROTECTED if head.startswith(magic)), None)


def foreign_content(head: bytes) -> str | None:
    """What else the file is, for a refusal that helps; None when it may be media."""
    if not head.strip(b"\0"):
        return "nothing but zeros"
    if known := next((name for magic, name in _FOREIGN if head.startswith(magic)), None):
        return known
    return "text" if looks_like_text(head[:4096]) else None


def looks_like_text(start: bytes) -> bool:
    """UTF-8 without control characters, possibly cut inside a character."""
    if not _TEXT.fullmatch(start):
        return False
    try:
        start.decode()
    except UnicodeDecodeError as error:
        return error.start >= len(start) - 3
    return True


def decoder_allowed(name: str) -> bool:
    """Whether FFmpeg's sound decoder of this name may run."""
    return name in DECODERS or name.startswith("pcm_")
