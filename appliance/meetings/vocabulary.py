"""Names and terms that a meeting's listeners should expect: told with an upload, or later, and kept sealed."""

from collections.abc import Iterable
from typing import Final

import msgspec

from appliance.meetings.errors import VocabularyTooLong

VOCABULARY: Final = "speech/vocabulary"
"""The document of the meeting."""
LONGEST_VOCABULARY_BYTES: Final = 400
"""Whisper takes 223 tokens of them; on names in six languages it made at most 0.54 tokens of a byte."""


def clean_vocabulary(words: Iterable[str]) -> tuple[str, ...]:
    """Names and terms as an engine can use them: single spaces, none twice, none empty, none with a comma in it.

    Raises:
        VocabularyTooLong: an engine would forget some of them, and could not say which.
    """
    parts = (part for word in words for part in word.replace(";", ",").replace("\n", ",").split(","))
    clean = tuple(dict.fromkeys(filter(None, (" ".join(part.split()) for part in parts))))
    size_bytes = len(", ".join(clean).encode())
    if size_bytes > LONGEST_VOCABULARY_BYTES:
        raise VocabularyTooLong(size=size_bytes, most=LONGEST_VOCABULARY_BYTES)
    return clean


def packed(words: tuple[str, ...]) -> bytes:
    """Words as a document's bytes."""
    return msgspec.json.encode(words)


def unpacked(data: bytes) -> tuple[str, ...]:
    """The words in a document."""
    return msgspec.json.decode(data, type=tuple[str, ...])
