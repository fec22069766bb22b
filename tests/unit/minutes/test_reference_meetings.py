"""What is found in meetings whose decisions, tasks, owners and dates are known."""

from pathlib import Path

import pytest

from appliance.adapters.fake_language import FakeLanguageModel
from appliance.minutes.writing import MinutesWriter
from appliance.quality.faithfulness import Count, Faithfulness, faithfulness
from tests.factories.minutes import DEVELOPMENT, HELD_OUT, MEETINGS, reference, reference_meetings


def figures_of(name: str, folder: Path = MEETINGS) -> Faithfulness:
    """Minutes of a reference meeting, written without any help from a model, against what they have to contain."""
    transcript, expected = reference(name, folder)
    minutes = MinutesWriter(FakeLanguageModel()).write(transcript).minutes
    return faithfulness(minutes, expected, turn_of=lambda segment: segment + 1)


@pytest.mark.parametrize("name", reference_meetings())
def test_everything_that_binds_is_found_and_nothing_else(name: str) -> None:
    """Corrections, jokes, requests that nobody takes and decisions taken back included, in both languages."""
    found = figures_of(name)
    assert found.missed == []
    assert found.invented == []
    assert found.owners.right == found.owners.expected
    assert found.dues.right == found.dues.expected


@pytest.mark.parametrize("name", reference_meetings(DEVELOPMENT))
def test_nearly_everything_is_found_in_the_meetings_that_cues_are_developed_with(name: str) -> None:
    """One fault in a meeting at most; whoever takes in new ones lowers this for a while."""
    found = figures_of(name, DEVELOPMENT)
    assert len(found.missed) + found.false_claims <= 1


def test_most_is_found_in_meetings_that_no_cue_was_written_for() -> None:
    """Less than in the others, and the difference is what docs/minutes.md tells its readers."""
    total = sum((figures_of(name, HELD_OUT) for name in reference_meetings(HELD_OUT)), Faithfulness())
    assert total.decisions.recall >= 0.85
    assert total.decisions.precision >= 0.75
    assert total.actions.recall >= 0.7
    assert total.actions.precision >= 0.7
    assert total.owners.precision >= 0.9
    assert total.questions.recall >= 0.55
    assert total.false_claims <= 0.15 * total.claims


def test_counting_nothing_against_nothing_is_no_fault() -> None:
    """A meeting without decisions has found all of them."""
    assert (Count().recall, Count().precision) == (1.0, 1.0)
    assert Count(4, 2, 1) + Count(0, 2, 1) == Count(4, 4, 2)


def test_a_claim_is_false_when_it_misleads() -> None:
    """An owner that is another one, a date that is, a decision that was replaced."""
    transcript, _ = reference("en_budget")
    minutes = MinutesWriter(FakeLanguageModel()).write(transcript).minutes
    action = minutes.actions[0]
    wrong = {"task": action.task, "owner": "Nobody else", "due": "in a year", "turns": [1]}
    figures = faithfulness(minutes, {"actions": [wrong], "untrue": [{"text": minutes.decisions[0].text}]})
    assert len(figures.wrong) == (1 if action.owner else 0) + (1 if action.due else 0) + 1
    assert figures.false_claims == len(figures.wrong) + len(figures.invented)


def test_optional_findings_count_neither_way() -> None:
    """What honest minute takers differ about is no fault when it is found, and none when it is not."""
    transcript, expected = reference("en_budget")
    minutes = MinutesWriter(FakeLanguageModel()).write(transcript).minutes
    optional = {kind: [one | {"optional": True} for one in expected[kind]] for kind in ("decisions", "actions")}
    figures = faithfulness(minutes, expected | optional)
    assert (figures.decisions, figures.actions) == (Count(), Count())
    assert figures.invented == figures.missed == []
