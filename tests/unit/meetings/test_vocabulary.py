"""Names and terms to expect: what people write, and what is kept of it."""

import pytest

from appliance.meetings.errors import VocabularyTooLong
from appliance.meetings.vocabulary import LONGEST_VOCABULARY_BYTES, clean_vocabulary, packed, unpacked


def test_people_separate_words_as_they_like():
    """Commas, semicolons, lines and several fields give the same words, each once and tidy."""
    assert clean_vocabulary(["Zsigmond  Kft., Tündérkert;", "\n Csík Ernő\nTündérkert", "", " , "]) == (
        "Zsigmond Kft.",
        "Tündérkert",
        "Csík Ernő",
    )


def test_as_much_is_taken_as_an_engine_keeps_in_mind():
    """Up to the limit nothing is lost; one letter more is refused with both figures."""
    most = ["x" * (LONGEST_VOCABULARY_BYTES - 12), "Keszthely."]
    assert clean_vocabulary(most) == tuple(most)
    with pytest.raises(VocabularyTooLong, match="401 bytes of at most 400"):
        clean_vocabulary([most[0], "Keszthelyi."])


def test_words_come_back_from_their_document():
    """Accents and all."""
    assert unpacked(packed(("Őrség", "Ürge"))) == ("Őrség", "Ürge")
