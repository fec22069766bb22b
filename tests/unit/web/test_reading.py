"""A transcript becomes turns and places of words; minutes become numbered sources."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.language.citations import Citation, Support
from appliance.minutes.model import Claim, Decision, Minutes, Origin
from appliance.transcripts.model import Segment, Word, text_of
from tests.factories.transcripts import transcript
from web.formats import Formats
from web.pages.meetings.reading import turns, word_places
from web.pages.meetings.sheet import relocated, sheet
from web.texts import Texts

_WORDS = st.lists(st.text(st.characters(exclude_categories=("Z", "C")), min_size=1, max_size=8), max_size=12)


@given(_WORDS)
def test_places_name_exactly_the_words_in_units_of_browsers(spoken: list[str]) -> None:
    """Whatever is said, emoji included, the four numbers of a word cut it out of the row as JavaScript would."""
    words = tuple(Word(start_s=i, end_s=i + 0.5, text=word, probability=1) for i, word in enumerate(spoken))
    segment = Segment(id=0, start_s=0, end_s=9, speaker=None, text=text_of(words), words=words)
    units = segment.text.encode("utf-16-le")
    places = word_places(segment)
    cut = [units[2 * a : 2 * b].decode("utf-16-le") for a, b in zip(places[0::4], places[1::4], strict=True)]
    assert cut == spoken
    assert places[2::4] == [i * 1000 for i in range(len(spoken))]


def test_a_word_that_was_edited_away_is_left_out() -> None:
    """A corrected row keeps the places of the words that still stand in it."""
    words = tuple(
        Word(start_s=i, end_s=i + 0.5, text=word, probability=1) for i, word in enumerate(["we", "uhm", "go"])
    )
    segment = Segment(id=0, start_s=0, end_s=3, speaker=None, text="we go", words=words)
    assert word_places(segment) == [0, 2, 0, 500, 3, 5, 2000, 2500]


def test_segments_of_one_speaker_share_a_turn_and_a_colour() -> None:
    """The name is written once; who comes back has the same colour."""
    said = transcript(("Speaker 1", "One."), ("Speaker 1", "Two."), ("Speaker 2", "Three."), ("Speaker 1", "Four."))
    found = turns(said.segments, Formats("en"), names={"Speaker 1": "Anna"})
    assert [(turn.speaker, turn.colour, len(turn.segments)) for turn in found] == [
        ("Anna", 1, 2),
        ("Speaker 2", 2, 1),
        ("Anna", 1, 1),
    ]


def _claim(quote: str, segment: int) -> Claim:
    citation = Citation(segment=segment, quote=quote)
    return Claim(text=quote, citations=(citation,), support=Support.SUPPORTED, origin=Origin.MODEL)


def _minutes(*claims: Claim) -> Minutes:
    decision = Decision(
        text="Later.",
        citations=claims[0].citations,
        support=Support.PARTLY,
        origin=Origin.EXTRACT,
        corrects=(Citation(segment=1, quote="Two."),),
    )
    return Minutes(language="en", summary=claims, topics=(), decisions=(decision,), actions=(), questions=())


def test_the_same_words_keep_their_number() -> None:
    """Sources are numbered from the top of the page, once each."""
    found = sheet(_minutes(_claim("One.", 0), _claim("Two.", 1)), Texts("en"), is_stale=False)
    assert [source.number for claim in found.summary for source in claim.citations] == [1, 2]
    assert [source.number for source in found.decisions[0].citations] == [1]
    assert [source.number for source in found.decisions[0].replaces] == [2]
    assert found.support == "3 statements · 2 supported · 1 partly supported"


def test_sources_follow_their_words_when_the_transcript_has_changed() -> None:
    """A restored passage moves the rows below it; citations go with their words, or stay where they were."""
    now = transcript(("Speaker 1", "Restored."), ("Speaker 1", "One."), ("Speaker 2", "Other words."))
    moved = relocated(_minutes(_claim("one", 0), _claim("Two.", 1)), now)
    assert [claim.citations[0].segment for claim in moved.summary] == [1, 1]
    assert moved.decisions[0].citations[0].segment == 1
