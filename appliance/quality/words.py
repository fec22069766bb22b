"""How far a transcript is from what was said: word and character error rates, with the normalisation named.

WER = (substitutions + deletions + insertions) / words of the reference, over the alignment with the fewest errors.
Without the name of the normalisation such a number means nothing, so every result carries it.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "`": "'"})
_NOT_WORD = re.compile(r"[^\w\s']|_")
_LOOSE_APOSTROPHE = re.compile(r"(?<!\w)'|'(?!\w)")


def normalise_plain(text: str) -> str:
    """Normalisation "plain": NFKC, lower case, punctuation out (apostrophes inside words stay), single spaces."""
    folded = unicodedata.normalize("NFKC", text).translate(_APOSTROPHES).lower()
    return " ".join(_LOOSE_APOSTROPHE.sub(" ", _NOT_WORD.sub(" ", folded)).split())


def normalise_letters(text: str) -> str:
    """Normalisation "letters": as plain, with accents off and apostrophes gone; forgiving, for noisy references."""
    decomposed = unicodedata.normalize("NFKD", normalise_plain(text))
    return "".join(letter for letter in decomposed if letter != "'" and not unicodedata.combining(letter))


NORMALISATIONS: dict[str, Callable[[str], str]] = {"plain": normalise_plain, "letters": normalise_letters}


@dataclass(frozen=True, slots=True)
class ErrorRate:
    """Counts of an alignment of two sequences, and the rate they make."""

    substitutions: int
    deletions: int
    insertions: int
    reference: int
    normalisation: str

    @property
    def errors(self) -> int:
        """All three kinds together."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Errors per item of the reference; above 1 when much was invented, 0 for two empty sequences."""
        if not self.reference:
            return float(self.errors > 0)
        return self.errors / self.reference


def word_error_rate(reference: str, hypothesis: str, *, normalisation: str = "plain") -> ErrorRate:
    """WER of ``hypothesis`` under the named normalisation; ``KeyError`` for a name we do not have."""
    normalise = NORMALISATIONS[normalisation]
    return _rate(normalise(reference).split(), normalise(hypothesis).split(), normalisation)


def character_error_rate(reference: str, hypothesis: str, *, normalisation: str = "plain") -> ErrorRate:
    """CER: the same over characters, spaces included."""
    normalise = NORMALISATIONS[normalisation]
    return _rate(list(normalise(reference)), list(normalise(hypothesis)), normalisation)


def _rate(reference: list[str], hypothesis: list[str], normalisation: str) -> ErrorRate:
    pairs = align(reference, hypothesis)
    deletions = sum(right is None for _, right in pairs)
    insertions = sum(left is None for left, _ in pairs)
    substitutions = sum(
        left is not None and right is not None and reference[left] != hypothesis[right] for left, right in pairs
    )
    return ErrorRate(substitutions, deletions, insertions, len(reference), normalisation)


def align(reference: Sequence[str], hypothesis: Sequence[str]) -> list[tuple[int | None, int | None]]:
    """Pairs of positions in the alignment with the fewest errors; None where one side has nothing.

    Levenshtein distance; memory grows with the product of both lengths (four bytes each).
    """
    table = _distances(reference, hypothesis)
    at, to = len(reference), len(hypothesis)
    pairs: list[tuple[int | None, int | None]] = []
    while at or to:
        here = table[at, to]
        if at and to and here == table[at - 1, to - 1] + (reference[at - 1] != hypothesis[to - 1]):
            at, to = at - 1, to - 1
            pairs.append((at, to))
        elif at and here == table[at - 1, to] + 1:
            at -= 1
            pairs.append((at, None))
        else:
            to -= 1
            pairs.append((None, to))
    pairs.reverse()
    return pairs


def _distances(reference: Sequence[str], hypothesis: Sequence[str]) -> npt.NDArray[np.int32]:
    numbers: dict[str, int] = {}
    left = np.array([numbers.setdefault(item, len(numbers)) for item in reference], dtype=np.int32)
    right = np.array([numbers.setdefault(item, len(numbers)) for item in hypothesis], dtype=np.int32)
    steps = np.arange(len(right) + 1, dtype=np.int32)
    table = np.empty((len(left) + 1, len(right) + 1), dtype=np.int32)
    table[0] = steps
    for row, item in enumerate(left, start=1):
        best = table[row - 1] + 1
        best[1:] = np.minimum(best[1:], table[row - 1, :-1] + (right != item))
        best[0] = row
        table[row] = np.minimum.accumulate(best - steps) + steps
    return table
