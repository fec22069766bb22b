"""Text as words: folding, stems, sentences. Light rules, tuned so that a doubt makes two words differ."""

import re
from dataclasses import dataclass
from typing import Final

from appliance.language.lexicon import Lexicon

_WORD: Final = re.compile(r"\d+(?:[.,:]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*")
_SENTENCE_END: Final = re.compile(r"[.!?…]+[\"'”»)]*\s+")
_APOSTROPHES: Final = str.maketrans({"’": "'", "‘": "'", "´": "'", "`": "'", "\u00a0": " ", "\u202f": " "})
_ASSIMILATED: Final = re.compile(r"([bcdfghjklmnprstvz])\1([yzs]?)[ae]l$")
"""-val and -vel after a consonant, which doubles: Tamás, Tamással; Balázs, Balázzsal."""

_MIN_STEM: Final = 3
_MIN_SHARED: Final = 4


@dataclass(frozen=True, slots=True)
class Word:
    """One word where it stands in a text."""

    text: str
    folded: str
    start: int
    end: int


def fold(text: str) -> str:
    """Case and typography taken away, accents kept: ``Kör`` and ``kor`` are two words."""
    return text.translate(_APOSTROPHES).casefold()


def words(text: str) -> list[Word]:
    """The words and figures of a text."""
    return [Word(match.group(), fold(match.group()), match.start(), match.end()) for match in _WORD.finditer(text)]


def normalised(text: str) -> str:
    """Words alone, single spaces: two spellings of one quotation are equal in it."""
    return " ".join(word.folded for word in words(text))


def stem(folded: str, lexicon: Lexicon) -> str:
    """What stays of a word when its endings go; not a dictionary form."""
    body = folded.removesuffix("'s").removesuffix("'")
    for prefix in lexicon.verb_prefixes:
        rest = body.removeprefix(prefix)
        if rest != body and len(rest) > _MIN_STEM and not rest.startswith("y"):  # megy-ünk begins with a gy
            body = rest
            break
    if lexicon.language == "hu":
        body = _ASSIMILATED.sub(r"\1\2", body)
    for _ in range(2):  # documented, document: an ending may stand on an ending
        for suffix in lexicon.suffixes:
            if body.endswith(suffix) and len(body) - len(suffix) >= _MIN_STEM:
                body = body[: -len(suffix)]
                break
    if len(body) > _MIN_STEM and body[-1] == body[-2]:
        body = body[:-1]
    return body


def same_word(left: str, right: str, lexicon: Lexicon) -> bool:
    """Whether two stems are the same word in the eyes of ``lexicon``."""
    if left == right:
        return True
    if lexicon.prefix_similarity >= 1.0:
        return False
    shared = 0
    for a, b in zip(left, right, strict=False):
        if a != b:
            break
        shared += 1
    longer = max(len(left), len(right))
    if shared == min(len(left), len(right)) >= 2 and longer - shared == 1:
        return shared >= lexicon.prefix_similarity * longer
    return shared >= min(_MIN_SHARED, max(longer - 1, _MIN_STEM)) and shared >= lexicon.prefix_similarity * longer


def content_stems(text: str, lexicon: Lexicon) -> list[str]:
    """Stems of the words that carry meaning, in order, each once; figures and number words are not among them."""
    found: dict[str, None] = {}
    for word in words(text):
        folded = lexicon.units.get(word.folded, word.folded)
        if word.folded in lexicon.stopwords or word.folded[0].isdigit() or len(word.folded) < 2:
            continue
        found[stem(folded, lexicon)] = None
    return list(found)


def overlap(claim: list[str], evidence: list[str], lexicon: Lexicon) -> float:
    """Share of the stems of ``claim`` that ``evidence`` has; 0 for an empty claim."""
    if not claim:
        return 0.0
    return sum(any(same_word(one, other, lexicon) for other in evidence) for one in claim) / len(claim)


def similarity(left: str, right: str, lexicon: Lexicon) -> float:
    """How much of the shorter text's content the longer one has: 1 when one repeats the other."""
    a, b = content_stems(left, lexicon), content_stems(right, lexicon)
    return overlap(a, b, lexicon) if len(a) <= len(b) else overlap(b, a, lexicon)


def sentences(text: str, lexicon: Lexicon) -> list[str]:
    """A text cut after its sentences; abbreviations and figures with a point do not end one."""
    found: list[str] = []
    start = 0
    for match in _SENTENCE_END.finditer(text):
        if _ends_sentence(text[start : match.start()], text[match.end() :], match.group(), lexicon):
            found.append(text[start : match.end()].strip())
            start = match.end()
    if rest := text[start:].strip():
        found.append(rest)
    return found


def _ends_sentence(before: str, after: str, mark: str, lexicon: Lexicon) -> bool:
    if mark[0] in "!?":
        return True
    if not after or after[0].islower():
        return False
    last = before.rsplit(None, 1)[-1] if before else ""
    return fold(last) not in lexicon.abbreviations and not (last.isdigit() and lexicon.language == "hu")
