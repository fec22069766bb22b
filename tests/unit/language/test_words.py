"""Text as sentences and stems."""

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.language.lexicon import known_languages, lexicon
from appliance.language.words import content_stems, same_word, sentences, stem

EN, HU = lexicon("en"), lexicon("hu")


def test_sentences_end_at_their_marks_and_not_at_abbreviations_or_figures() -> None:
    """A decimal point or a title does not cut a sentence in two."""
    text = "Good. So we did it. It cost 3.5 euros. Is it? Yes. Dr. Kiss came."
    assert sentences(text, EN) == ["Good.", "So we did it.", "It cost 3.5 euros.", "Is it?", "Yes.", "Dr. Kiss came."]
    assert sentences("Március 10. napja. A 3. pont jön.", HU) == ["Március 10. napja.", "A 3. pont jön."]


@settings(deadline=None)
@given(st.text(max_size=300))
def test_no_word_is_lost_between_sentences(text: str) -> None:
    """The sentences together are the text."""
    for words in (EN, HU):
        assert "".join("".join(sentences(text, words)).split()) == "".join(text.split())


def test_inflections_share_a_stem_and_lookalikes_do_not() -> None:
    """English by endings, Hungarian by a long enough common beginning."""
    assert stem("released", EN) == stem("releasing", EN)
    assert stem("planned", EN) == stem("plan", EN)
    assert same_word(stem("frissítenie", HU), stem("frissítése", HU), HU)
    assert same_word(stem("lefoglalom", HU), stem("lefoglalása", HU), HU)
    assert not same_word(stem("költség", HU), stem("költözik", HU), HU)


def test_words_without_meaning_of_their_own_do_not_count() -> None:
    """Articles, pronouns and figures are no content."""
    assert content_stems("And then we will do it in 2026", EN) == []


def test_a_language_without_words_of_its_own_is_checked_with_english_ones() -> None:
    """Strictness is the safe side: nothing is supported because nothing is known."""
    assert known_languages() == {"en", "hu"}
    assert lexicon("fi") is not None
    assert lexicon("fi").language == "en"
