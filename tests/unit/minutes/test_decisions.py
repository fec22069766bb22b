"""What binds a meeting, what replaces it, what is taken back."""

import pytest

from appliance.minutes.decisions import find_decisions
from tests.factories.minutes import a_reading


def standing(*turns: str, language: str = "en") -> list[str]:
    """The sentences that bind at the end."""
    return [one.core.text for one in find_decisions(a_reading(*turns, language=language)).standing]


def test_a_sentence_that_says_so_binds() -> None:
    """No consent is asked for."""
    assert standing("A: We have decided to keep the old system.") == ["We have decided to keep the old system."]


def test_an_intention_binds_when_consent_was_asked_for() -> None:
    """The same sentence without the question is only talk."""
    plan = "A: We will paint the hall in spring."
    assert standing(plan, "A: Does everybody agree?", "B: Yes, I agree.") == ["We will paint the hall in spring."]
    assert standing(plan, "B: How nice.") == []


def test_an_intention_that_met_an_objection_does_not_bind() -> None:
    """Consent asked for and refused is no decision."""
    assert standing("A: We will paint the hall in spring. Does anybody object?", "B: I disagree.") == []


def test_a_proposal_binds_by_the_consent_of_somebody_else() -> None:
    """Agreeing with oneself does not count, and an objection before the consent ends it."""
    proposal = "A: I suggest that we buy the blue chairs."
    assert standing(proposal, "B: Agreed.") == ["I suggest that we buy the blue chairs."]
    assert standing(proposal, "A: Agreed.") == []
    assert standing(proposal, "B: I disagree.", "C: I agree.") == []


def test_an_announcement_binds_the_sentence_after_it_or_the_proposal_before_it() -> None:
    """ "It is decided" says nothing by itself."""
    after = standing("A: Then it is decided. We will spend six thousand euros on training.")
    assert after == ["We will spend six thousand euros on training."]
    before = standing(
        "A: I propose to close the office in August.", "B: What about the phones?", "A: So it is decided."
    )
    assert before == ["I propose to close the office in August."]


@pytest.mark.parametrize(
    "turn",
    [
        "A: We have not decided anything about the office.",
        "A: We have to decide about the office next week.",
        "A: If we decide to close the office, we need a plan.",
        "A: Let us not decide that today, the plan is unclear.",
        "A: Have we decided to close the office?",
        "A: We have decided to fly to the moon. I am just kidding.",
    ],
)
def test_what_is_open_asked_or_meant_as_a_joke_does_not_bind(turn: str) -> None:
    """The word decide alone makes no decision."""
    assert standing(turn) == []


def test_a_decision_made_twice_is_one_decision_with_both_as_evidence() -> None:
    """Repeating does not double."""
    found = find_decisions(
        a_reading(
            "A: We have agreed to launch on the first of June.", "B: So we have agreed to launch on the first of June."
        )
    )
    (decision,) = found.standing
    assert [sentence.place for sentence in decision.cited] == [0, 1]
    assert decision.corrects == ()


def test_a_correction_replaces_the_decision_and_cites_it() -> None:
    """The later date stands; the earlier one remains as evidence of what was replaced."""
    found = find_decisions(
        a_reading(
            "A: So we have decided to release the version on the tenth of March.",
            "B: The tenth is a bad day.",
            "A: Then I correct our earlier decision. We will not release on the tenth of March. "
            "We will release the version on the seventeenth of March instead.",
            "A: So the new release date is the seventeenth of March.",
        )
    )
    (decision,) = found.standing
    assert decision.core.text == "We will release the version on the seventeenth of March instead."
    assert [sentence.place for sentence in decision.corrects] == [0, 3]
    assert [sentence.place for sentence in decision.evidence] == [4, 5]
    assert found.withdrawn == ()


def test_a_decision_about_something_else_is_not_a_correction() -> None:
    """Two amounts for two purposes stand side by side."""
    assert standing(
        "A: We have decided to spend six thousand euros on training courses.",
        "A: We have decided to spend two thousand euros on garden furniture.",
    ) == [
        "We have decided to spend six thousand euros on training courses.",
        "We have decided to spend two thousand euros on garden furniture.",
    ]


def test_two_purchases_are_two_decisions() -> None:
    """One verb in common does not make one matter."""
    assert len(standing("A: We have decided to buy chairs.", "A: We have decided to buy tables.")) == 2


def test_a_decision_taken_back_stands_no_longer() -> None:
    """It is listed as withdrawn, with the words that took it back."""
    found = find_decisions(
        a_reading("A: We decided to buy the laptops.", "B: Too expensive. We will not buy the laptops after all.")
    )
    assert found.standing == ()
    (dropped,) = found.withdrawn
    assert [sentence.place for sentence in dropped.cited] == [0, 2]


def test_hungarian_decisions_are_corrected_in_one_sentence() -> None:
    """ "Nem tizedikén, hanem tizenhetedikén" denies one date and sets another."""
    found = find_decisions(
        a_reading(
            "A: Akkor döntsünk. Az új változatot március tizedikén adjuk ki. Egyetért mindenki?",
            "B: Igen, egyetértek.",
            "A: Akkor módosítjuk a korábbi döntést. "
            "Nem március tizedikén, hanem március tizenhetedikén adjuk ki az új változatot. Egyetért mindenki?",
            "B: Egyetértek.",
            language="hu",
        )
    )
    (decision,) = found.standing
    assert "tizenhetedikén" in decision.core.text
    assert decision.corrects
