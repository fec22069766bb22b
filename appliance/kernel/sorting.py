"""Hungarian alphabetical order, computed here because no PostgreSQL wheel can sort it."""

import re
import unicodedata
from typing import Final

# fmt: off
_ALPHABET: Final = [
    "a", "b", "c", "cs", "d", "dz", "dzs", "e", "f", "g", "gy", "h", "i", "j", "k", "l", "ly", "m", "n", "ny", "o", "ö",
    "p", "q", "r", "s", "sz", "t", "ty", "u", "ü", "v", "w", "x", "y", "z", "zs",
]
# fmt: on
_RANKS: Final = {letter: rank for rank, letter in enumerate(_ALPHABET, start=1)}
_SAME_LETTER: Final = str.maketrans("áéíóőúű", "aeioöuü")
_DOUBLED: Final = {
    "ccs": "cs",
    "ddzs": "dzs",
    "ddz": "dz",
    "ggy": "gy",
    "lly": "ly",
    "nny": "ny",
    "ssz": "sz",
    "tty": "ty",
    "zzs": "zs",
}
_LETTERS: Final = re.compile(r"ddzs|dzs|ddz|ccs|ggy|lly|nny|ssz|tty|zzs|cs|dz|gy|ly|ny|sz|ty|zs|\w", re.DOTALL)
_BEHIND_THE_ALPHABET: Final = 1000

SortKey = tuple[tuple[int, ...], str]


def hungarian_sort_key(text: str) -> SortKey:
    """Orders words as a Hungarian dictionary does (AkH. 12th edition, rules 14-15).

    Long and short vowels are one letter unless everything else is equal; o and ö, u and ü are two; cs, dz, dzs, gy, ly,
    ny, sz, ty and zs are letters of their own, doubled ones included. Blanks and hyphens do not count.
    """
    folded = unicodedata.normalize("NFC", text).casefold()
    ranks: list[int] = []
    for letter in _LETTERS.findall(folded.translate(_SAME_LETTER)):
        single = _DOUBLED.get(letter)
        ranks += [_RANKS[single]] * 2 if single else [_rank(letter)]
    return tuple(ranks), folded


def _rank(letter: str) -> int:
    return _RANKS.get(letter) or (
        ord(letter) - ord("0") - _BEHIND_THE_ALPHABET if letter.isdigit() else ord(letter[0]) + _BEHIND_THE_ALPHABET
    )
