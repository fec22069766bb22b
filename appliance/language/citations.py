"""Whether what was said bears out what is claimed: decided by code alone, never by a model.

A claim is *supported* when its quotations stand in the cited segments, every number, name, month and weekday in it was
said there, its words are the words said there, it denies nothing that they affirm or the other way round, and it states
nothing that they only suppose. It is *partly* supported when all of that holds but some of its words were not said.
Anything else is *unsupported*.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

from appliance.language.lexicon import Lexicon
from appliance.language.lexicon import lexicon as lexicon_of
from appliance.language.numbers import number_values, numbers
from appliance.language.times import time_words
from appliance.language.words import Word, content_stems, fold, normalised, overlap, same_word, sentences, stem, words

_CLAUSE: Final = re.compile(r"[,;:–]\s+|\s+(?:but|because|although|hanem|mert|hiszen|habár)\s+")
_CONTRAST: Final = re.compile(r"\b(?:nem|not)\b[^,;.]*,?\s*(?:hanem|but)\b", re.IGNORECASE)
"""What is set aside in "not on the tenth, but on the twelfth": the rest of such a sentence denies nothing."""

_NEAR: Final = 0.1
"""Clauses this close to the best one are as near to the claim as it is."""

_DIGRAPHS: Final = ("cs", "dz", "gy", "ly", "ny", "sz", "ty", "zs")
"""Hungarian consonants of two letters, which double their first one: Kovács, Kováccsal."""


class Support(StrEnum):
    """How far the cited words bear out a claim."""

    SUPPORTED = "supported"
    PARTLY = "partly"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True)
class Citation:
    """The words that a claim rests on: ``quote`` stands in the segment with that id."""

    segment: int
    quote: str


@dataclass(frozen=True, slots=True)
class Check:
    """The verdict on one claim; ``missing`` names what was not said, such as ``number 17`` or ``name Anna``."""

    support: Support
    coverage: float
    missing: tuple[str, ...] = ()


def quoted(quote: str, text: str) -> bool:
    """Whether ``quote`` stands in ``text`` word for word; case, punctuation and spacing do not count."""
    return bool(normalised(quote)) and f" {normalised(quote)} " in f" {normalised(text)} "


def check(
    claim: str,
    evidence: Sequence[str],
    lexicon: Lexicon,
    *,
    speakers: Sequence[str] = (),
    roster: Iterable[str] = (),
) -> Check:
    """Weigh a claim against the cited words.

    Words about the meeting itself (``the team decided``) need not have been said.

    Args:
        claim: one sentence.
        evidence: the cited quotations, each one or more sentences.
        lexicon: the words of the meeting's language.
        speakers: who said them: naming a cited speaker needs no further proof.
        roster: names known from the whole meeting, which are names even where a sentence begins with them.
    """
    verdict = check_words(claim, evidence, lexicon, speakers=speakers, roster=roster)
    other_mood = tuple(_other_mood(claim, evidence, lexicon)) if verdict.support is not Support.UNSUPPORTED else ()
    return Check(Support.UNSUPPORTED, verdict.coverage, other_mood) if other_mood else verdict


def check_words(
    claim: str,
    evidence: Sequence[str],
    lexicon: Lexicon,
    *,
    speakers: Sequence[str] = (),
    roster: Iterable[str] = (),
) -> Check:
    """As ``check``, for what states nothing, such as a title: its words, numbers and names have to have been said."""
    heard = " ".join(evidence)
    missing = (
        *_missing_numbers(claim, heard, lexicon),
        *_missing_names(claim, heard, lexicon, speakers, frozenset(fold(name) for name in roster)),
        *_missing_times(claim, heard, lexicon),
    )
    coverage = 1.0 if quoted(claim, heard) else _coverage(claim, heard, speakers, lexicon)
    if missing or coverage < lexicon.partly_coverage:
        return Check(Support.UNSUPPORTED, coverage, missing or ("words",))
    if coverage < lexicon.supported_coverage:
        return Check(Support.PARTLY, coverage, ("words",))
    return Check(Support.SUPPORTED, coverage)


def claim_stems(claim: str, lexicon: Lexicon) -> list[str]:
    """The words of a claim that have to have been said: those about the meeting itself are left out."""
    return [one for one in content_stems(claim, lexicon) if one not in _reporting_stems(lexicon.language)]


def names(text: str, lexicon: Lexicon) -> list[str]:
    """Words that are capitalised although no sentence begins with them."""
    found: list[str] = []
    for sentence in sentences(text, lexicon):
        for place, word in enumerate(words(sentence)):
            if place and word.text[0].isupper() and word.folded not in {*lexicon.not_names, *lexicon.units}:
                found.append(word.text)
    return found


def same_name(left: str, right: str, lexicon: Lexicon) -> bool:
    """Whether two words are the same name, endings of declension apart.

    Péter and Péternek are, Kovács and Kováccsal, Anna and Annáéknak; Anna and Annamária, Kis and Kiss are two people.
    """
    short, long = sorted((fold(left).removesuffix("'s"), fold(right).removesuffix("'s")), key=len)
    if short == long:
        return True
    endings = lexicon.name_endings
    bases = _bases(short, lexicon)
    return long in bases or any(long == base + ending for base in bases for ending in endings)


def _bases(name: str, lexicon: Lexicon) -> set[str]:
    """What endings are added to: Anna and Anná-, Kovács and Kováccsa-."""
    if lexicon.language != "hu":
        return {name}
    stretched = name[:-1] + {"a": "á", "e": "é", "o": "ó"}.get(name[-1], name[-1])
    doubled = name[:-2] + name[-2] + name[-2:] if name.endswith(_DIGRAPHS) else name + name[-1]
    return {name, stretched, doubled + "al", doubled + "el"}


def negated(text: str, lexicon: Lexicon) -> bool:
    """Whether a clause denies."""
    return any(word.folded in lexicon.negations for word in words(text))


def _missing_numbers(claim: str, heard: str, lexicon: Lexicon) -> list[str]:
    said = {number.value for number in numbers(heard, lexicon)}
    return [f"number {value}" for value in sorted(number_values(claim, lexicon) - said)]


def _missing_names(
    claim: str, heard: str, lexicon: Lexicon, speakers: Sequence[str], roster: frozenset[str]
) -> list[str]:
    said = [word.text for text in (heard, *speakers) for word in words(text)]
    stems = content_stems(" ".join(said), lexicon)
    first = [
        word.text
        for word in words(claim)[:1]
        if word.folded in roster or _is_unsaid(word, stems, lexicon) or _is_like_a_name(word, heard, lexicon)
    ]
    return [
        f"name {name}"
        for name in (*first, *names(claim, lexicon))
        if not any(same_name(name, other, lexicon) for other in said)
    ]


def _is_unsaid(first: Word, stems: Sequence[str], lexicon: Lexicon) -> bool:
    """Whether the word that a claim begins with was not said in any form: then its capital may be that of a name."""
    own = [one for one in content_stems(first.text, lexicon) if one not in _reporting_stems(lexicon.language)]
    return any(not any(same_word(one, other, lexicon) for other in stems) for one in own)


def _is_like_a_name(first: Word, heard: str, lexicon: Lexicon) -> bool:
    """Whether the word that a claim begins with is a form of some name that was said, or another one that begins so."""
    own = stem(first.folded, lexicon)
    return any(same_word(own, stem(fold(name), lexicon), lexicon) for name in names(heard, lexicon))


def _missing_times(claim: str, heard: str, lexicon: Lexicon) -> list[str]:
    said = {word.folded for word in words(heard)}
    return [
        f"time {beginning}"
        for beginning in time_words(lexicon)
        if any(_begins(word.folded, beginning) for word in words(claim))
        and not any(_begins(one, beginning) for one in said)
    ]


def _begins(word: str, beginning: str) -> bool:
    return word == beginning or (len(beginning) > 3 and word.startswith(beginning))


def _other_mood(claim: str, evidence: Sequence[str], lexicon: Lexicon) -> list[str]:
    """Whether everything near to the claim denies what it affirms, or only supposes what it states; or the reverse."""
    stems, values = content_stems(claim, lexicon), {number.value for number in numbers(claim, lexicon)}

    def nearness(clause: str) -> float:
        """Numbers first: two clauses that differ in the number alone speak of two things."""
        said = {number.value for number in numbers(clause, lexicon)}
        shared = len(values & said) / len(values) if values else 0.0
        return 2 * shared + overlap(stems, content_stems(clause, lexicon), lexicon)

    clauses = [
        (sentence, clause)
        for quote in evidence
        for sentence in sentences(quote, lexicon)
        for clause in (sentence, _CONTRAST.sub("", sentence), *_CLAUSE.split(sentence))
    ]
    best = max((nearness(clause) for _, clause in clauses), default=0.0)
    nearest = [(sentence, clause) for sentence, clause in clauses if nearness(clause) >= best - _NEAR]
    if best <= 0:
        return []
    found = []
    if all(negated(clause, lexicon) != negated(claim, lexicon) for _, clause in nearest):
        found.append("negation")
    if all(_supposes(claim, lexicon) != _supposes(sentence, lexicon) for sentence, _ in nearest):
        found.append("condition")
    return found


def _supposes(text: str, lexicon: Lexicon) -> bool:
    return any(word.folded in lexicon.conditionals for word in words(text))


@cache
def _reporting_stems(language: str) -> frozenset[str]:
    words_of = lexicon_of(language)
    return frozenset(stem(word, words_of) for word in words_of.reporting)


def _coverage(claim: str, heard: str, speakers: Sequence[str], lexicon: Lexicon) -> float:
    stems = claim_stems(claim, lexicon)
    named = [one for label in speakers for one in content_stems(label, lexicon)]
    return overlap(stems, [*content_stems(heard, lexicon), *named], lexicon)
