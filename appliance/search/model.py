"""Keyed lexemes, queries made of them, and hits."""

import base64
import hashlib
import hmac
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from appliance.kernel.ids import MeetingId

CONFIGURATIONS: Mapping[str, str] = {
    "ar": "arabic",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "fi": "finnish",
    "fr": "french",
    "hu": "hungarian",
    "it": "italian",
    "nl": "dutch",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sv": "swedish",
    "tr": "turkish",
}
"""PostgreSQL's text search configuration for a spoken language, as far as PostgreSQL 15 brings one."""

PLAIN = "simple"
"""For all other languages: words as they are."""

MAX_QUERY_LENGTH = 200
SNIPPET_LENGTH = 240
_TOKEN_BYTES = 16


@dataclass(frozen=True, slots=True)
class Snippet:
    """A passage with what was found in it; ``marks`` are pairs of start and end, in characters of ``text``."""

    text: str
    marks: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """A segment in which the query was found."""

    meeting_id: MeetingId
    meeting_title: str
    segment_id: int
    start_s: float
    speaker: str | None
    snippet: Snippet


def configuration(language: str | None) -> str:
    """Which of PostgreSQL's configurations cuts words of ``language`` to their stems."""
    return CONFIGURATIONS.get(language or "", PLAIN)


def fold(lexeme: str) -> str:
    """The lexeme without accents and case: who types ``koltsegvetes`` finds ``költségvetés``."""
    folded = unicodedata.normalize("NFKD", lexeme).casefold()
    decomposed = unicodedata.normalize("NFKD", folded).casefold()
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def keyed(key: bytes, config: str, lexeme: str) -> str:
    """The lexeme as it is stored: HMAC-SHA256 under the tenant's key, cut to 128 bits, in letters and digits.

    Equal lexemes of one tenant give equal tokens, which is what makes them searchable, and what tells a thief of the
    database how often each unknown word occurs where. Without the key no token can be made for a guessed word.
    """
    digest = hmac.digest(key, f"{config}\0{fold(lexeme)}".encode(), hashlib.sha256)
    return base64.b32encode(digest[:_TOKEN_BYTES]).decode().rstrip("=").lower()


Wanted = Mapping[str, Sequence[Collection[str]]]
"""What a query looks for: per configuration, the lexemes that each of its words may stand for."""


def tsquery(key: bytes, wanted: Wanted) -> str:
    """A ``tsquery`` that finds segments holding all words of the query by the rules of any one language."""
    by_language = {_all_words(key, config, words) for config, words in wanted.items() if words}
    return " | ".join(f"({query})" for query in sorted(by_language))


def _all_words(key: bytes, config: str, words: Sequence[Collection[str]]) -> str:
    any_form = {" | ".join(sorted({keyed(key, config, form) for form in forms})) for forms in words}
    return " & ".join(f"({forms})" for forms in sorted(any_form))


def snippet(text: str, marks: Sequence[tuple[int, int]], *, length: int = SNIPPET_LENGTH) -> Snippet:
    """The part of ``text`` around its first mark, cut at words, with the marks that fall into it."""
    if len(text) <= length:
        return Snippet(text, tuple(marks))
    first = marks[0][0] if marks else 0
    start = max(0, min(first - length // 3, len(text) - length))
    if start:
        start = text.find(" ", start, first) + 1 or start
    end = min(len(text), start + length)
    if end < len(text):
        end = max(text.rfind(" ", start, end), marks[0][1] if marks else start + 1)
    lead, tail = ("… " if start else ""), (" …" if end < len(text) else "")
    shift = len(lead) - start
    inside = tuple((a + shift, b + shift) for a, b in marks if a >= start and b <= end)
    return Snippet(lead + text[start:end] + tail, inside)
