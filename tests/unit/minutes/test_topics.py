"""The meeting in parts."""

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.minutes.topics import announced_title, keywords, split
from tests.factories.minutes import a_reading

FILLER = "The roof of the house leaks in the winter. The repair of the roof costs money. The rain comes in at night."


def count(text: str) -> int:
    """Four letters are a token."""
    return -(-len(text) // 4)


def test_a_meeting_is_cut_where_somebody_turns_to_another_topic() -> None:
    """The announcement belongs to the topic that it announces."""
    reading = a_reading(f"A: {FILLER} {FILLER}", f"A: The next topic is the garden. {FILLER} {FILLER}")
    first, second = split(reading, count_tokens=count, room=1000)
    assert second.sentences[0].text == "The next topic is the garden."
    assert announced_title(second, reading) == ("The garden", second.sentences[0])
    assert announced_title(first, reading) is None


def test_a_part_without_a_title_is_called_by_its_commonest_words() -> None:
    """Better than nothing, and nobody's invention."""
    reading = a_reading(f"A: {FILLER}")
    (part,) = split(reading, count_tokens=count, room=1000)
    assert keywords(part, reading).startswith("Roof")


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.sampled_from(["The roof leaks.", "Next topic is tea.", "I like the blue one!", "Why?"]),
        min_size=1,
        max_size=80,
    ),
    st.integers(min_value=5, max_value=200),
)
def test_every_sentence_is_in_exactly_one_part_and_every_part_fits(texts: list[str], room: int) -> None:
    """The map sees the whole meeting once, however long it is and however little the model reads at once."""
    reading = a_reading(*(f"{'AB'[place % 2]}: {text}" for place, text in enumerate(texts)))
    parts = split(reading, count_tokens=count, room=room)
    assert [one for part in parts for one in part.sentences] == list(reading.sentences)
    assert all(len(part.sentences) == 1 or count("\n".join(part.lines)) <= room for part in parts)


def test_a_sentence_over_two_segments_stays_whole_and_cites_both() -> None:
    """Recognisers break sentences at breaths; evidence does not get lost in between."""
    reading = a_reading("A: We have decided to release the version", "A: on the tenth of March. Good.")
    first, second = reading.sentences
    assert first.text == "We have decided to release the version on the tenth of March."
    assert [(one.segment, one.quote) for one in first.citations] == [
        (0, "We have decided to release the version"),
        (1, "on the tenth of March."),
    ]
    assert [one.segment for one in second.citations] == [1]


def test_speakers_that_are_only_numbered_are_not_told_to_the_model() -> None:
    """ "Speaker 1 instructs Speaker 2" helps nobody; names do."""
    (numbered,) = split(a_reading("Speaker 1: The roof leaks."), count_tokens=count, room=100)
    (named,) = split(a_reading("Anna: The roof leaks."), count_tokens=count, room=100)
    assert numbered.lines == ["- The roof leaks."]
    assert named.lines == ["Anna: The roof leaks."]
