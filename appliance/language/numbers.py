"""Numbers in speech and in writing, so that ``seventeen``, ``17``, ``17th`` and ``tizenhetedikén`` are one.

English number words stand apart and add up; Hungarian ones are glued together and carry endings. Both are read by the
same arithmetic: a part below a scale multiplies it, a scale of a thousand or more closes a group. Halves belong to the
number beside them: ``one and a half million`` and ``másfél millió`` are 1 500 000, and not a million.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from appliance.language.lexicon import Lexicon
from appliance.language.words import fold

_FIGURE: Final = re.compile(
    r"(?<![\w.,])(?P<grouped>\d{1,3}(?:[ .,\u00a0\u202f]\d{3})+(?!\d))|(?P<decimal>\d+[.,]\d+)(?!\d)|(?P<plain>\d+)"
)
_WORD: Final = re.compile(r"[^\W\d_]+")
_HALF: Final = Decimal("0.5")
_MONEY_SCALE: Final = re.compile(
    r"(?:(?<=[£$€])|(?<=[£$€] ))(?P<led>\d+(?:[.,]\d+)?) ?(?P<led_scale>k|m|bn)\b"
    r"|(?P<followed>\d+(?:[.,]\d+)?) ?(?P<scale>k|m|e|mrd|bn)\.? ?(?:ft|huf|eur|usd|gbp|€|\$|£)(?!\w)"
)
"""Sums as people write them: ``£25m``, ``3.5k €``, ``25 mFt``."""

_SPOKEN_SCALES: Final = frozenset(Decimal(10**power) for power in (3, 6, 9))
_MONEY_SCALES: Final = {"k": 1000, "e": 1000, "m": 1_000_000, "mrd": 1_000_000_000, "bn": 1_000_000_000}
_HU_ENDINGS: Final = re.compile(
    r"(?:j?[aáeé]|[aeoöáé]?t|[aeoö]?s|[aáeé]?n|[ao]n|en|ön|[aá]ig|[eé]ig|ig|j?[aá]ra|j?[eé]re|ra|re|[aeoö]?k|kor|[aáeé]?ba|[aáeé]?be|"
    r"ban|ben|ból|ből|ról|ről|tól|től|hoz|hez|höz|nak|nek|n[aá]l|n[eé]l|szor|szer|ször|féle|an|en|edik|adik|odik|ödik|"
    r"i|ei|ai|[tszrnlcmkd]?v?[ae]l|ért)?"
)


@dataclass(frozen=True, slots=True)
class Number:
    """A number where it stands; ``ambiguous`` when its word also means something else."""

    value: Decimal
    start: int
    end: int
    ambiguous: bool = False


def numbers(text: str, lexicon: Lexicon) -> list[Number]:
    """Every number of a text in order of place, written in figures or in words."""
    folded = fold(text)
    if len(folded) != len(text):  # a few letters grow when folded: places then refer to the folded text
        text = folded
    parts = sorted([*_figures(text), *_worded(folded, lexicon)], key=lambda number: number.start)
    return _with_money_scales(_with_scales(_with_halves(parts, folded, lexicon), folded, lexicon), folded)


def number_values(text: str, lexicon: Lexicon) -> frozenset[Decimal]:
    """The values that a claim has to account for: ambiguous words left out."""
    return frozenset(number.value for number in numbers(text, lexicon) if not number.ambiguous)


def _figures(text: str) -> list[Number]:
    found = []
    for match in _FIGURE.finditer(text):
        if match["grouped"]:
            value = Decimal(re.sub(r"\D", "", match["grouped"]))
        elif match["decimal"]:
            value = Decimal(match["decimal"].replace(",", "."))
        else:
            value = Decimal(match["plain"])
        found.append(Number(value, match.start(), match.end()))
    return found


def _with_money_scales(parts: list[Number], folded: str) -> list[Number]:
    """Figures with a letter that scales them, beside a currency."""
    sums = []
    for match in _MONEY_SCALE.finditer(folded):
        figure, scale = match["led"] or match["followed"], match["led_scale"] or match["scale"]
        value = Decimal(figure.replace(",", ".")) * _MONEY_SCALES[scale]
        sums.append(Number(value, match.start(), match.end()))
    apart = [part for part in parts if not any(one.start <= part.start < one.end for one in sums)]
    return sorted([*apart, *sums], key=lambda number: number.start)


def _worded(folded: str, lexicon: Lexicon) -> list[Number]:
    if lexicon.language == "hu":
        return _hungarian(folded, lexicon)
    return _spaced(folded, lexicon)


def _spaced(folded: str, lexicon: Lexicon) -> list[Number]:
    """Runs of number words joined by spaces, hyphens or ``and``."""
    found: list[Number] = []
    run: list[tuple[int, bool]] = []
    start = end = 0

    def close() -> None:
        if run:
            only = folded[start:end] in lexicon.ambiguous
            found.append(Number(Decimal(_sum(run)), start, end, ambiguous=only))
            run.clear()

    for match in _WORD.finditer(folded):
        word = match.group()
        part = _part(word, lexicon)
        joined = run and re.fullmatch(r"[\s-]+(?:and[\s-]+)?", folded[end : match.start()].replace(" and ", " and "))
        if part is None:
            if word == "and" and run and run[-1][1]:
                continue
            close()
            continue
        if not joined or not _may_follow(run[-1], part):
            close()
            start = match.start()
        run.append(part)
        end = match.end()
    close()
    return _with_years(found, folded)


def _with_years(found: list[Number], folded: str) -> list[Number]:
    """``nineteen ninety eight`` is one year."""
    joined: list[Number] = []
    for number in found:
        before = joined[-1] if joined else None
        century = before is not None and 11 <= before.value <= 20 and 10 <= number.value <= 99
        if before is not None and century and not folded[before.end : number.start].strip(" -"):
            joined[-1] = Number(before.value * 100 + number.value, before.start, number.end)
        else:
            joined.append(number)
    return joined


def _part(word: str, lexicon: Lexicon) -> tuple[int, bool] | None:
    """Value of a number word and whether it is a scale."""
    singular = word.removesuffix("s")
    if word in lexicon.numbers:
        return lexicon.numbers[word], False
    for form in (word, singular, word.removesuffix("th")):
        if form in lexicon.scales:
            return lexicon.scales[form], True
    return None


def _may_follow(previous: tuple[int, bool], part: tuple[int, bool]) -> bool:
    """``twenty six`` and ``two thousand`` go on; ``two three`` are two numbers."""
    if part[1] or previous[1]:
        return True
    return previous[0] >= 20 and part[0] < 10


def _sum(run: list[tuple[int, bool]]) -> int:
    total = group = 0
    for value, scale in run:
        if not scale:
            group += value
        elif value < 1000:
            group = max(group, 1) * value
        else:
            total += max(group, 1) * value
            group = 0
    return total + group


def _hungarian(folded: str, lexicon: Lexicon) -> list[Number]:
    """Words made of number parts alone, with an ending at most."""
    parts = {**{word: (value, False) for word, value in lexicon.numbers.items()}}
    parts.update({word: (value, True) for word, value in lexicon.scales.items()})
    longest_first = sorted(parts, key=len, reverse=True)
    found: list[Number] = []
    for match in _WORD.finditer(folded):
        factor, rest = _leading_half(match.group(), lexicon)
        run, heard = list[tuple[int, bool]](), list[str]()
        while rest and (part := next((one for one in longest_first if rest.startswith(one)), None)):
            run.append(parts[part])
            heard.append(part)
            rest = rest[len(part) :]
        if (run or factor > 1) and _HU_ENDINGS.fullmatch(rest):
            single = heard in [[one] for one in lexicon.ambiguous]
            value = factor * _sum(run) if run else factor
            found.append(Number(value, match.start(), match.end(), ambiguous=single))
    return _with_remainders(found, folded)


def _leading_half(word: str, lexicon: Lexicon) -> tuple[Decimal, str]:
    """``félmillió`` and ``másfél``: what multiplies the rest of a word, and that rest."""
    for beginning, value in lexicon.halves.items():
        rest = word.removeprefix(beginning)
        if rest != word and (value > 1 or any(rest.startswith(scale) for scale in lexicon.scales)):
            return Decimal(str(value)), rest
    return Decimal(1), word


def _with_remainders(found: list[Number], folded: str) -> list[Number]:
    """``huszonöt millió`` and ``kétmillió ötszázezer`` in two words are one number each."""
    joined: list[Number] = []
    for number in found:
        before = joined[-1] if joined else None
        if before is not None and not folded[before.end : number.start].strip(" -") and before.end < number.start:
            if number.value in _SPOKEN_SCALES and before.value < number.value:
                joined[-1] = Number(before.value * number.value, before.start, number.end)
                continue
            unit = next((unit for unit in (10**9, 10**6, 10**3, 10**2) if before.value % unit == 0), 1)
            if before.value >= unit > number.value > 0 and not number.ambiguous:
                joined[-1] = Number(before.value + number.value, before.start, number.end)
                continue
        joined.append(number)
    return joined


def _with_halves(parts: list[Number], folded: str, lexicon: Lexicon) -> list[Number]:
    """``two and a half``, ``két és fél``, ``half a million``: a half in words of its own, beside a number."""
    found: list[Number] = []
    for part in parts:
        scale = part.value in lexicon.scales.values()
        since = found[-1].end if found else 0
        if scale and (lead := re.search(rf"\b(?:{lexicon.half_of})\s*$", folded[since : part.start])):
            found.append(Number(part.value * _HALF, since + lead.start(), part.end))
        elif after := re.match(rf"\s+(?:{lexicon.and_half})(?!\w)", folded[part.end :]):
            found.append(Number(part.value + _HALF, part.start, part.end + after.end()))
        else:
            found.append(part)
    return found


def _with_scales(parts: list[Number], folded: str, lexicon: Lexicon) -> list[Number]:
    """``1.5 million`` and ``300 ezer`` as one number each."""
    merged: list[Number] = []
    for part in parts:
        scale = next((value for value in lexicon.scales.values() if part.value == value), None)
        before = merged[-1] if merged else None
        counted = before is not None and (folded[before.start].isdigit() or before.value % 1 != 0)
        spelt = not folded[part.start].isdigit()
        if scale and before is not None and counted and spelt and not folded[before.end : part.start].strip(" -"):
            merged[-1] = Number(before.value * scale, before.start, part.end)
        elif before is None or part.start >= before.end:
            merged.append(part)
    return merged
