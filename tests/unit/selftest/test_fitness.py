"""What the self-test says of a model that is known to be unfit for the language of the sample."""

import pytest

from appliance.models.model import Fitness, LanguageFitness, PackKind
from appliance.selftest.model import WithReserve
from cli.selftest import WORST_WORD_ERROR_RATE, reserve_if_unfit


def known(fitness: Fitness) -> LanguageFitness:
    """A speech model of that fitness for Hungarian."""
    return LanguageFitness(
        kind=PackKind.SPEECH, language="hu", fitness=fitness, note="Four words of five are wrong.", pack="small"
    )


def test_an_unfit_model_is_named_with_what_is_known_of_it() -> None:
    """Its figures come along; they are judged by nobody."""
    with pytest.raises(WithReserve, match=r"small is not fit for this language: hu\. Four words") as told:
        reserve_if_unfit([known(Fitness.FIT), known(Fitness.UNFIT)], {"word_error_rate": 0.78})
    assert told.value.figures == {"word_error_rate": 0.78}


@pytest.mark.parametrize("fitness", [one for one in Fitness if one is not Fitness.UNFIT])
def test_every_other_model_is_judged_by_a_limit(fitness: Fitness) -> None:
    """Stricter where more may be expected."""
    reserve_if_unfit([known(fitness)], {})
    assert WORST_WORD_ERROR_RATE[Fitness.FIT] <= WORST_WORD_ERROR_RATE[fitness] < 0.78
