"""How good minutes are: what was found of what honest minutes contain, and how much of what they claim is borne out.

A false claim is whatever would mislead a reader: a decision or a task that there is not, an owner or a date that is
another one, or a sentence that says what a reference lists as untrue at the end of the meeting (replaced, withdrawn,
only supposed, meant as a joke).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from appliance.language.citations import Support, negated
from appliance.language.lexicon import Lexicon, lexicon
from appliance.language.numbers import numbers
from appliance.language.words import content_stems, normalised, overlap, similarity
from appliance.language.words import words as split_words
from appliance.minutes.model import ActionItem, Decision, Minutes, Origin, claim_text

_SAME: Final = 0.5
"""Share of the shorter text's words that a finding and what was expected have in common."""

_SAME_BY_PLACE: Final = 0.2
"""As above, where they also cite the same passage: Hungarian wordings of one task often share one stem only."""

_SAYS_IT: Final = 0.8
"""Share of the words of something untrue that a claim has when it says just that."""

F = TypeVar("F")


@dataclass
class Count:
    """Findings against expectations."""

    expected: int = 0
    found: int = 0
    right: int = 0

    @property
    def recall(self) -> float:
        """Share of what there is that was found."""
        return self.right / self.expected if self.expected else 1.0

    @property
    def precision(self) -> float:
        """Share of what was found that there is."""
        return self.right / self.found if self.found else 1.0

    def __add__(self, other: "Count") -> "Count":
        return Count(self.expected + other.expected, self.found + other.found, self.right + other.right)


@dataclass
class Faithfulness:
    """One meeting's figures; ``owners`` and ``dues`` are counted among the tasks that were found."""

    decisions: Count = field(default_factory=Count)
    actions: Count = field(default_factory=Count)
    questions: Count = field(default_factory=Count)
    owners: Count = field(default_factory=Count)
    dues: Count = field(default_factory=Count)
    claims: int = 0
    supported: int = 0
    partly: int = 0
    by_model: int = 0
    rejected: int = 0
    missed: list[str] = field(default_factory=list)
    invented: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """Owners and dates that are others, and sentences that say what is untrue."""

    @property
    def false_claims(self) -> int:
        """Claims that mislead: what is not there, and what is wrong."""
        return len(self.invented) + len(self.wrong)

    def __add__(self, other: "Faithfulness") -> "Faithfulness":
        return Faithfulness(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))


def faithfulness(
    minutes: Minutes, expected: Mapping[str, Any], *, turn_of: Callable[[int], int] | None = None
) -> Faithfulness:
    """Compare minutes with what they have to contain.

    Args:
        minutes: as written.
        expected: ``decisions``, ``actions``, ``questions`` and ``untrue`` as the reference meetings give them. What is
            ``optional`` may be found or not: honest minute takers differ about it.
        turn_of: the turn, counted from 1, that a segment belongs to; without it only words are compared.
    """
    words = lexicon(minutes.language)
    result = Faithfulness()
    result.decisions, _ = _compare(minutes.decisions, expected.get("decisions", ()), words, turn_of, result)
    result.actions, pairs = _compare(minutes.actions, expected.get("actions", ()), words, turn_of, result)
    result.questions, _ = _compare(minutes.questions, expected.get("questions", ()), words, turn_of, result)
    for action, wanted in pairs:
        owner_is_right = normalised(action.owner) == normalised(wanted["owner"])
        due_is_right = _same_due(action.due, wanted)
        result.owners += Count(1, 1, int(owner_is_right))
        result.dues += Count(1, 1, int(due_is_right))
        result.wrong += [f"owner {action.owner}: {action.task}"] if action.owner and not owner_is_right else []
        result.wrong += [f"due {action.due}: {action.task}"] if action.due and not due_is_right else []
    result.wrong += _untrue(minutes, expected.get("untrue", ()), words)
    claims = list(minutes.claims)
    result.claims = len(claims)
    result.supported = sum(claim.support is Support.SUPPORTED for claim in claims)
    result.partly = sum(claim.support is Support.PARTLY for claim in claims)
    result.by_model = sum(claim.origin is Origin.MODEL for claim in claims)
    result.rejected = len(minutes.rejected)
    return result


def _compare(
    found: Sequence[F],
    expected: Sequence[Mapping[str, Any]],
    words: Lexicon,
    turn_of: Callable[[int], int] | None,
    result: Faithfulness,
) -> tuple[Count, list[tuple[F, Mapping[str, Any]]]]:
    """Pair findings with expectations, the most alike first, each once."""
    scored = sorted(
        (
            (_likeness(one, wanted, words, turn_of), place, index)
            for place, one in enumerate(found)
            for index, wanted in enumerate(expected)
        ),
        reverse=True,
    )
    pairs: dict[int, int] = {}
    for score, place, index in scored:
        if score > 0 and place not in pairs and index not in pairs.values():
            pairs[place] = index
    needed = [index for index, wanted in enumerate(expected) if not wanted.get("optional")]
    right = [(place, index) for place, index in pairs.items() if index in needed]
    result.missed += [_wanted_text(expected[index]) for index in needed if index not in pairs.values()]
    result.invented += [_text(one) for place, one in enumerate(found) if place not in pairs]
    count = Count(len(needed), len(found) - (len(pairs) - len(right)), len(right))
    return count, [(found[place], expected[index]) for place, index in right]


def _untrue(minutes: Minutes, untrue: Sequence[Mapping[str, Any]], words: Lexicon) -> list[str]:
    """Sentences of the minutes that say one of the things that are not so at the end."""
    said = [*minutes.summary, *(one for topic in minutes.topics for one in topic.statements), *minutes.decisions]
    texts = dict.fromkeys(claim_text(claim) for claim in said)
    return [text for text in texts if any(_says_untruth(text, one, words) for one in untrue)]


def _says_untruth(text: str, untrue: Mapping[str, Any], words: Lexicon) -> bool:
    if negated(text, words) != negated(untrue["text"], words):
        return False
    if any(word.folded in words.conditionals for word in split_words(text)):
        return False
    values = {str(int(number.value)) for number in numbers(text, words)}
    if not set(untrue.get("numbers", ())) <= values:
        return False
    return overlap(content_stems(untrue["text"], words), content_stems(text, words), words) >= _SAYS_IT


def _likeness(one: Any, wanted: Mapping[str, Any], words: Lexicon, turn_of: Callable[[int], int] | None) -> float:
    """0 for two different things; a decision is another one without the numbers that it has to have."""
    text, wanted_text = _text(one), _wanted_text(wanted)
    if isinstance(one, Decision):
        said = {str(int(number.value)) for number in numbers(text, words)}
        if not set(wanted.get("numbers", ())) <= said:
            return 0.0
    alike = similarity(text, wanted_text, words)
    here = turn_of is not None and any(turn_of(one.segment) in wanted.get("turns", ()) for one in one.citations)
    return alike + (1 if here else 0) if alike >= (_SAME_BY_PLACE if here else _SAME) else 0.0


def _same_due(due: str, wanted: Mapping[str, Any]) -> bool:
    """The same words, a leading preposition apart."""
    allowed = [normalised(one) for one in wanted.get("due_any", [wanted["due"]])]
    said = normalised(due)
    return said in allowed or (bool(said) and any(one and (one in said or said in one) for one in allowed))


def _text(one: Any) -> str:
    return str(one.task if isinstance(one, ActionItem) else one.text)


def _wanted_text(wanted: Mapping[str, Any]) -> str:
    return str(wanted.get("task") or wanted["text"])
