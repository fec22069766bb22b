"""Words of one language as data: what checks need to know of English and Hungarian.

Another language is another TOML file beside these; nothing else changes. A meeting in a language without a file is
checked with English rules, which are strict where they know nothing: an unknown inflection counts as a word that
nobody said.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

FALLBACK: Final = "en"


@dataclass(frozen=True, slots=True)
class Times:
    """How moments are named: ``phrases`` are regular expressions over folded text."""

    months: tuple[str, ...]
    weekdays: tuple[str, ...]
    phrases: tuple[str, ...]
    until: frozenset[str]
    drop_before: frozenset[str]
    not_due_before: frozenset[str]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """One language.

    ``reporting`` words are those that minutes use about the meeting itself; ``not_names`` are capitalised without being
    names; ``name_endings`` are what declension adds to one; ``units`` are short forms of words. ``halves`` begin a
    number word, ``half_of`` stands before a scale and ``and_half`` behind a number; ``ambiguous`` number words count
    only beside another number. Two stems are one word when they share a beginning of ``prefix_similarity`` of the
    longer one (1.0: equal stems only): Hungarian needs it, English does not. The coverages are the shares of a claim's
    words that have to have been said for it to be supported, or partly so.
    """

    language: str
    stopwords: frozenset[str]
    reporting: frozenset[str]
    negations: frozenset[str]
    conditionals: frozenset[str]
    pronouns: frozenset[str]
    not_names: frozenset[str]
    abbreviations: frozenset[str]
    numbers: dict[str, int]
    scales: dict[str, int]
    ambiguous: frozenset[str]
    halves: dict[str, float]
    half_of: str
    and_half: str
    units: dict[str, str]
    name_endings: tuple[str, ...]
    times: Times
    suffixes: tuple[str, ...]
    verb_prefixes: tuple[str, ...]
    prefix_similarity: float
    supported_coverage: float
    partly_coverage: float


@cache
def lexicon(language: str) -> Lexicon:
    """The words of ``language`` (``hu``, ``en``), or English ones where there are none."""
    code = language if language in known_languages() else FALLBACK
    raw = tomllib.loads(files(__package__).joinpath("languages", f"{code}.toml").read_text("utf-8"))
    return _read(raw)


@cache
def known_languages() -> frozenset[str]:
    """Languages that have words of their own here."""
    folder = files(__package__).joinpath("languages")
    return frozenset(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def _read(raw: dict[str, Any]) -> Lexicon:
    times = raw["times"]
    return Lexicon(
        language=raw["language"],
        stopwords=_set(raw["stopwords"]),
        reporting=_set(raw["reporting"]),
        negations=_set(raw["negations"]),
        conditionals=_set(raw["conditionals"]),
        pronouns=_set(raw["pronouns"]),
        not_names=_set(raw["not_names"]),
        abbreviations=_set(raw["abbreviations"]),
        numbers=raw["numbers"],
        scales=raw["scales"],
        ambiguous=_set(raw["ambiguous"]["words"]),
        halves=raw["halves"]["words"],
        half_of=raw["halves"]["before"],
        and_half=raw["halves"]["after"],
        units=raw["units"],
        name_endings=tuple(raw["name_endings"].split()),
        times=Times(
            months=tuple(times["months"].split()),
            weekdays=tuple(times["weekdays"].split()),
            phrases=tuple(times["phrases"]),
            until=_set(times["until"]),
            drop_before=_set(times["drop_before"]),
            not_due_before=_set(times["not_due_before"]),
        ),
        suffixes=tuple(sorted(set(raw["suffixes"]["plain"].split()), key=len, reverse=True)),
        verb_prefixes=tuple(raw["verb_prefixes"]),
        prefix_similarity=raw["prefix_similarity"],
        supported_coverage=raw["supported_coverage"],
        partly_coverage=raw["partly_coverage"],
    )


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())
