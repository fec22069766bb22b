"""Names stand where a Hungarian reader looks for them."""

import random

import pytest

from appliance.kernel.sorting import hungarian_sort_key


@pytest.mark.parametrize(
    "ordered",
    [
        ["Cukor", "Csaba"],
        ["Ábel", "Abigél", "Zoltán"],
        ["Olga", "Ödön", "Petra"],
        ["Ubul", "Ünige", "Vera"],
        ["kas", "kastély", "kasza", "kasszék"],
        ["menni", "menta", "menza", "meny", "mennybolt"],
        ["Gabi", "Gzella", "Gyula"],
        ["hal", "hál", "halál"],
        ["2. ülés", "3. ülés", "Alakuló ülés"],
    ],
)
def test_words_stand_in_dictionary_order(ordered: list[str]) -> None:
    """Digraphs are letters, accents count last, digits come first."""
    shuffled = random.Random(1).sample(ordered, len(ordered))
    assert sorted(shuffled, key=hungarian_sort_key) == ordered


def test_a_doubled_digraph_counts_as_two_letters() -> None:
    """``ssz`` is ``sz`` twice: loccsan stands after locsog is done with its single cs."""
    assert hungarian_sort_key("ssz")[0] == hungarian_sort_key("szsz")[0]
