"""What Whisper's pieces become."""

from types import SimpleNamespace

from appliance.adapters.whisper.engine import _words


def piece(word: str, start: float, probability: float = 0.9) -> SimpleNamespace:
    return SimpleNamespace(word=word, start=start, end=start + 0.3, probability=probability)


def test_pieces_without_a_space_belong_together():
    """Numbers and contractions are one word, as sure as their least sure piece."""
    found = _words(
        [piece(" 12", 5.0), piece(",000", 5.3, 0.4), piece(" euros", 5.6), piece(" o", 6.0), piece("'clock.", 6.3)],
        4.0,
        spaced=True,
    )
    assert [word.text for word in found] == ["12,000", "euros", "o'clock."]
    assert (found[0].start_s, found[0].end_s, found[0].probability) == (1.0, 1.6, 0.4)


def test_languages_without_spaces_keep_their_pieces():
    """Chinese is not glued into one word of a minute."""
    assert len(_words([piece("我", 0), piece("们", 1)], 0.0, spaced=False)) == 2


def test_empty_pieces_are_no_words():
    """Nothing is no word."""
    assert _words([piece(" ", 0), piece("", 1)], 0.0, spaced=True) == []
