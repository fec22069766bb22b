"""How good minutes are: what was found of what honest minutes contain, and how much of what they claim is borne out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from appliance.language.citations import Support
from appliance.language.lexicon import Lexicon, lexicon
from appliance.language.numbers import number_values
from appliance.language.words import normalised, similarity
from appliance.minutes.model import ActionItem, Decision, Minutes, Origin

_SAME: Final = 0.5
"""Share of the shorter text's words that a finding and what was expected have in common."""

_SAME_BY_PLACE: Final = 0.2
"""As above, where they also cite the same passage: Hungarian wordings of one task often share one stem only."""

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

    def __add__(self, other: "Faithfulness") -> "Faithfulness":
        return Faithfulness(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))


def faithfulness(
    minutes: Minutes, expected: Mapping[str, Any], *, turn_of: Callable[[int], int] | None = None
) -> Faithfulness:
    """Compare minutes with what they have to contain.

    Args:
        minutes: as written.
        expected: ``decisions``, ``actions``, ``questions`` as the reference meetings give them.
        turn_of: the turn, counted from 1, that a segment belongs to; without it only words are compared.
    """
    words = lexicon(minutes.language)
    result = Faithfulness()
    result.decisions, _ = _compare(minutes.decisions, expected.get("decisions", ()), words, turn_of, result)
    result.actions, pairs = _compare(minutes.actions, expected.get("actions", ()), words, turn_of, result)
    result.questions, _ = _compare(minutes.questions, expected.get("questions", ()), words, turn_of, result)
    for action, wanted in pairs:
        result.owners += Count(1, 1, int(normalised(action.owner) == normalised(wanted["owner"])))
        result.dues += Count(1, 1, int(_same_due(action.due, wanted)))
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
    result.missed += [_wanted_text(one) for index, one in enumerate(expected) if index not in pairs.values()]
    result.invented += [_text(one) for place, one in enumerate(found) if place not in pairs]
    count = Count(len(expected), len(found), len(pairs))
    return count, [(found[place], expected[index]) for place, index in pairs.items()]


def _likeness(one: Any, wanted: Mapping[str, Any], words: Lexicon, turn_of: Callable[[int], int] | None) -> float:
    """0 for two different things; a decision is another one without the numbers that it has to have."""
    text, wanted_text = _text(one), _wanted_text(wanted)
    if isinstance(one, Decision):
        said = {str(int(value)) for value in number_values(text, words)}
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
