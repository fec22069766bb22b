"""Edits as pure functions: nothing is lost, everything can be taken back."""

from collections.abc import Callable
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.kernel.errors import HangJegyzetError
from appliance.transcripts.editing import (
    AssignSpeaker,
    Change,
    Delete,
    Edit,
    EditText,
    Merge,
    MergeSpeakers,
    Rename,
    Replace,
    SetTimes,
    Split,
    apply,
    inverse,
)
from appliance.transcripts.errors import ChangedMeanwhile, EditInvalid
from appliance.transcripts.model import Origin, Transcript
from tests.factories.transcripts import transcript

LINES = ("Jó reggelt mindenkinek.", "Kezdjük a költségvetéssel!", "Az Őrség kétszáz forint.", "Igen, az őrség.")
START = transcript(*((f"Speaker {place % 2 + 1}", line) for place, line in enumerate(LINES)), language="hu")

SEGMENT = st.integers(0, 7)
TEXT = st.lists(st.sampled_from(["igen", "nem,", "Őrség", "forint", "a", "kétszáz."]), min_size=1, max_size=6)
SPEAKER = st.sampled_from(["Speaker 1", "Speaker 2", "Éva"])
EDIT: st.SearchStrategy[Edit] = st.one_of(
    st.builds(EditText, segment=SEGMENT, text=TEXT.map(" ".join)),
    st.builds(Split, segment=SEGMENT, at=st.integers(0, 30)),
    st.integers(0, 6).map(lambda first: Merge(segments=(first, first + 1))),
    st.builds(Delete, segments=st.tuples(SEGMENT)),
    st.builds(AssignSpeaker, segments=st.lists(SEGMENT, min_size=1, max_size=3).map(tuple), speaker=SPEAKER),
    st.builds(Rename, speaker=SPEAKER, name=st.sampled_from(["Kovács Márta", "Béla"])),
    st.builds(MergeSpeakers, speaker=SPEAKER, into=SPEAKER),
    st.builds(SetTimes, segment=SEGMENT, start_s=st.floats(0, 8), end_s=st.floats(8.5, 16)),
    st.builds(Replace, find=st.sampled_from(["a", "őrség", "forint"]), replacement=st.sampled_from(["", "x y"])),
)


def letters(text: str) -> str:
    return "".join(text.split())


def made(start: Transcript, edits: list[Edit]) -> tuple[Transcript, list[Change]]:
    """The transcript after those of the edits that can be made, and their changes."""
    changes = []
    for edit in edits:
        try:
            change = edit.change(start, ())
        except HangJegyzetError:
            continue
        start = apply(start, change)
        changes.append(change)
    return start, changes


@given(st.lists(EDIT, max_size=12))
def test_taking_everything_back_gives_the_start_again(edits: list[Edit]) -> None:
    """Segment by segment, names and words included; only ids stay used up."""
    end, changes = made(START, edits)
    for change in reversed(changes):
        end = apply(end, inverse(change))
    assert msgspec.structs.replace(end, given_ids=0) == START


@given(st.lists(EDIT, max_size=12))
def test_a_stored_change_replays_as_it_was_made(edits: list[Edit]) -> None:
    """What comes back from JSON makes the same transcript."""
    end, changes = made(START, edits)
    replayed = START
    for change in changes:
        replayed = apply(replayed, msgspec.json.decode(msgspec.json.encode(change), type=Change))
    assert replayed == end


@given(st.lists(EDIT, max_size=12))
def test_words_stay_in_order_within_their_segment(edits: list[Edit]) -> None:
    """Whatever people do, a player can follow; and no id is given twice."""
    end, _ = made(START, edits)
    ids = [segment.id for segment in end.segments]
    assert len(ids) == len(set(ids))
    for segment in end.segments:
        assert [word.text for word in segment.words] == segment.text.split()
        for word in segment.words:
            assert segment.start_s <= word.start_s <= word.end_s <= segment.end_s
        assert all(one.start_s <= next_one.start_s for one, next_one in pairwise(segment.words))


@given(st.integers(0, 3), st.integers(1, 30))
def test_splitting_and_merging_lose_no_letter(segment: int, at: int) -> None:
    """Two halves hold what the whole held, and merged again they do."""
    try:
        change = Split(segment=segment, at=at).change(START, ())
    except EditInvalid:
        assert at >= len(LINES[segment])
        return
    split = apply(START, change)
    assert letters(split.text) == letters(START.text)
    merged = apply(split, Merge(segments=(segment, 4)).change(split, ()))
    assert letters(merged.text) == letters(START.text)
    assert len(merged.segments) == len(START.segments)


@given(TEXT.map(" ".join), TEXT.map(" ".join), st.permutations(range(4)))
def test_edits_of_different_segments_commute(first: str, second: str, places: list[int]) -> None:
    """Whoever comes first, the transcript is the same."""
    one, two = EditText(segment=places[0], text=first), EditText(segment=places[1], text=second)
    assert made(START, [one, two])[0] == made(START, [two, one])[0]


def test_unchanged_words_keep_their_times() -> None:
    """Only the new word gets times of its own, between its neighbours, and is certain."""
    edited, _ = made(START, [EditText(segment=0, text="Jó  estét mindenkinek.")])
    before, after = START.segments[0], edited.segments[0]
    assert (after.words[0], after.words[2]) == (before.words[0], before.words[2])
    assert (after.words[1].start_s, after.words[1].end_s) == (before.words[1].start_s, before.words[1].end_s)
    assert (after.words[1].probability, after.origin) == (1.0, Origin.EDITED)


def test_a_change_does_not_apply_over_another_ones() -> None:
    """Two people began from the same text: the second is told so."""
    mine = EditText(segment=0, text="Az enyém.").change(START, ())
    theirs, _ = made(START, [EditText(segment=0, text="Az övé.")])
    with pytest.raises(ChangedMeanwhile):
        apply(theirs, mine)


@pytest.mark.parametrize(
    ("replace", "found"),
    [
        (Replace(find="őrség", replacement="x"), [(2, 1), (3, 1)]),
        (Replace(find="őrség", replacement="x", case=True), [(3, 1)]),
        (Replace(find="orseg", replacement="x", accents=False), [(2, 1), (3, 1)]),
        (Replace(find="orseg", replacement="x"), []),
        (Replace(find="a", replacement="x", whole_word=True), [(1, 1)]),
        (Replace(find="őrség", replacement="x", speaker="Speaker 1"), [(2, 1)]),
    ],
)
def test_replacing_finds_what_it_is_told_to(replace: Replace, found: list[tuple[int, int]]) -> None:
    """Case, accents, whole words and speakers, counted beforehand."""
    assert [(each.id, each.count) for each in replace.preview(START)] == found


@pytest.mark.parametrize(
    "edit",
    [
        EditText(segment=0, text="  "),
        EditText(segment=0, text="x" * 20_001),
        Split(segment=0, at=0),
        Split(segment=0, at=99),
        Merge(segments=(0, 2)),
        Merge(segments=(0,)),
        Delete(segments=()),
        Rename(speaker="Nobody", name="x"),
        SetTimes(segment=0, start_s=3, end_s=3),
        Replace(find="", replacement="x"),
        Replace(find="sehol", replacement="x"),
    ],
)
def test_an_edit_without_sense_is_refused(edit: Edit) -> None:
    """With a reason, before anything changes."""
    make: Callable[..., Change] = edit.change
    with pytest.raises(EditInvalid):
        make(START, ())
