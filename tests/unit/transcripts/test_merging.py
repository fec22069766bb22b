"""Words and turns become segments."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from appliance.speakers.model import Turn
from appliance.transcripts.editing import Restore, apply
from appliance.transcripts.merging import LIMIT_SEGMENT_S, merge
from appliance.transcripts.model import Reason, Word, removal
from tests.factories.transcripts import spoken, words


def lines(transcript) -> list[tuple[str | None, str]]:
    return [(segment.speaker, segment.text) for segment in transcript.segments]


def test_each_word_goes_to_who_speaks():
    """A change of speaker starts a new segment."""
    said = words("Shall we vote on it? Yes, we shall.", each_s=0.5)
    merged = merge(spoken(said), [Turn(0, 2.5, 0), Turn(2.5, 4, 1)])
    assert lines(merged) == [("Speaker 1", "Shall we vote on it?"), ("Speaker 2", "Yes, we shall.")]


def test_a_pause_ends_a_segment_of_the_same_speaker():
    """After a second of silence something new begins."""
    said = words("We are done.") + words("One more thing.", start_s=3)
    merged = merge(spoken(said), [Turn(0, 5, 0)])
    assert lines(merged) == [("Speaker 1", "We are done."), ("Speaker 1", "One more thing.")]
    assert [segment.id for segment in merged.segments] == [0, 1]


def test_a_word_just_outside_its_turn_goes_to_the_nearest():
    """Word times are coarse: a word in a short hole between turns has a speaker."""
    merged = merge(spoken(words("Well then", start_s=4.9)), [Turn(0, 2, 1), Turn(5.6, 9, 0)])
    assert lines(merged) == [("Speaker 1", "Well then")]


def test_a_word_far_from_every_turn_has_no_speaker():
    """Nobody is made to have said what nobody near was heard to say."""
    merged = merge(spoken(words("hello", start_s=30)), [Turn(0, 2, 0)])
    assert lines(merged) == [(None, "hello")]


def test_an_interjection_belongs_to_who_interjects():
    """Where two speak at once, the word goes to the turn that covers it most; equal cover goes to the shorter turn."""
    said = (
        words("I think that", each_s=1.0) + words("Right!", start_s=3.0, each_s=0.5) + words("we should", start_s=3.5)
    )
    merged = merge(spoken(said), [Turn(0, 6, 0), Turn(3.0, 3.5, 1)])
    assert ("Speaker 2", "Right!") in lines(merged)


def test_a_slip_of_the_turns_inside_a_sentence_is_put_right():
    """One word in the middle of a sentence does not change hands and back within half a second."""
    said = words("we will pay the invoice in March", each_s=0.3)
    merged = merge(spoken(said), [Turn(0, 0.9, 0), Turn(0.9, 1.2, 1), Turn(1.2, 2.2, 0)])
    assert lines(merged) == [("Speaker 1", "we will pay the invoice in March")]


def test_without_turns_there_are_no_speakers():
    """A transcript without diarization names nobody."""
    assert lines(merge(spoken(words("Hello there")), [])) == [(None, "Hello there")]


def test_an_endless_speech_is_cut_between_sentences():
    """Long speech becomes segments that end with their sentences."""
    said = words("This is a sentence of seven words. " * 20, each_s=0.35)
    merged = merge(spoken(said, duration_s=60), [Turn(0, 60, 0)])
    assert len(merged.segments) >= 2
    assert all(segment.text.endswith("words.") for segment in merged.segments)


def test_without_sentence_ends_a_segment_still_ends():
    """Even a speaker without full stops gets segments that can be cited."""
    said = words(" ".join(f"w{number}" for number in range(400)), each_s=0.4)
    merged = merge(spoken(said, duration_s=160), [Turn(0, 160, 0)])
    assert all(segment.end_s - segment.start_s <= LIMIT_SEGMENT_S for segment in merged.segments)


WORDS = st.lists(
    st.builds(
        lambda start, length, text: Word(start_s=start, end_s=start + length, text=text, probability=0.5),
        st.floats(0, 100),
        st.floats(0, 2),
        st.sampled_from(["igen", "nem.", "talán", "holnap?"]),
    ),
    max_size=40,
)
TURNS = st.lists(
    st.builds(
        lambda start, length, who: Turn(start, start + length, who),
        st.floats(0, 100),
        st.floats(0.1, 30),
        st.integers(0, 3),
    ),
    max_size=12,
)


@given(WORDS, TURNS)
def test_no_word_is_lost_doubled_or_moved(said, turns):
    """Whatever words and turns there are, the segments hold exactly these words in time order."""
    merged = merge(spoken(said, duration_s=200), turns)
    kept = [word for segment in merged.segments for word in segment.words]
    assert sorted(kept, key=lambda word: word.start_s) == kept
    assert sorted(map(repr, kept)) == sorted(map(repr, said))
    assert [segment.id for segment in merged.segments] == list(range(len(merged.segments)))
    assert all(segment.text == " ".join(word.text for word in segment.words) for segment in merged.segments)


@given(WORDS, TURNS)
def test_merging_twice_gives_the_same_ids(said, turns):
    """Citations name segments by id: the same input always makes the same segments."""
    assert merge(spoken(said, duration_s=200), turns) == merge(spoken(said, duration_s=200), turns)


def test_removed_text_goes_back_to_its_place_and_speaker():
    """What a guard took out stands where it was said, by who spoke then; ids stay, the new one is next."""
    turns = [Turn(0, 3, 0), Turn(5, 8, 1), Turn(10, 12, 0)]
    taken = words("Thank you for listening.", start_s=5, each_s=0.5)
    heard = spoken(words("We are done.", start_s=0) + words("Goodbye.", start_s=10))
    before = msgspec.structs.replace(merge(heard, turns), removed=(removal(taken, Reason.HALLUCINATION),))
    after = apply(before, Restore(number=0).change(before, turns))
    assert lines(after) == [
        ("Speaker 1", "We are done."),
        ("Speaker 2", "Thank you for listening."),
        ("Speaker 1", "Goodbye."),
    ]
    assert [segment.id for segment in after.segments] == [0, 2, 1]
    assert after.removed == ()
