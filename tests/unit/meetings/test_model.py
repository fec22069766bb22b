"""Rules of titles, file names and slices."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.keyring.stream import CHUNK_BYTES
from appliance.meetings.admission import check_declaration
from appliance.meetings.errors import EmptyFile, TitleInvalid, UploadInvalid, UploadTooLarge, VocabularyTooLong
from appliance.meetings.model import (
    MAX_TITLE_LENGTH,
    base_name,
    checked_title,
    clean_title,
    slice_problem,
    title_from_filename,
)


@pytest.mark.parametrize(
    ("filename", "title"),
    [
        ("Vezetői_értekezlet.m4a", "Vezetői értekezlet"),
        ("C:\\Users\\Éva\\board.meeting.mp3", "board.meeting"),
        ("../../etc/passwd", "passwd"),
        (".hidden", ".hidden"),
        ("a\nb.wav", "a b"),
    ],
)
def test_a_meeting_without_a_title_is_named_for_its_file(filename: str, title: str) -> None:
    """Folders, endings and control characters are no part of a title."""
    assert title_from_filename(filename) == title


@given(st.text(max_size=300))
def test_a_clean_title_is_one_line_and_stays_clean(text: str) -> None:
    """Cleaning once is enough, and nothing that breaks a line survives."""
    clean = clean_title(text)
    assert clean_title(clean) == clean
    assert len(clean.splitlines()) <= 1
    assert clean == clean.strip()


def test_a_title_may_not_be_empty_or_endless() -> None:
    """Both are said to be so, with the limit."""
    for bad in ("", " \n ", "x" * (MAX_TITLE_LENGTH + 1)):
        with pytest.raises(TitleInvalid):
            checked_title(bad)
    assert checked_title("x" * MAX_TITLE_LENGTH) == "x" * MAX_TITLE_LENGTH


def test_a_path_of_any_system_is_reduced_to_its_last_part() -> None:
    """A client's folders are none of our business."""
    assert base_name("/home/éva/a.wav") == "a.wav"
    assert base_name("D:\\a.wav") == "a.wav"
    assert base_name("folder/") == "folder"


@pytest.mark.parametrize(
    ("offset", "length", "accepted"),
    [
        (0, CHUNK_BYTES, True),
        (0, 2 * CHUNK_BYTES, True),
        (0, 3 * CHUNK_BYTES, False),  # more than a slice
        (0, CHUNK_BYTES + 1, False),  # not the end, no whole chunk
        (CHUNK_BYTES, CHUNK_BYTES + 100, True),  # the end
        (CHUNK_BYTES, CHUNK_BYTES + 101, False),  # behind the end
        (0, 0, False),
    ],
)
def test_slices_end_at_chunks_or_with_the_file(offset: int, length: int, accepted: bool) -> None:
    """A file of two chunks and a hundred bytes, in slices of at most two chunks."""
    problem = slice_problem(offset=offset, length=length, size_bytes=2 * CHUNK_BYTES + 100, slice_bytes=2 * CHUNK_BYTES)
    assert (problem is None) == accepted


def declare(**changes: object) -> object:
    """A declaration that is fine but for ``changes``."""
    said: dict[str, object] = {
        "filename": "a.wav",
        "size_bytes": 10,
        "title": None,
        "language": None,
        "speakers": None,
        "words": (),
        "max_bytes": 100,
    }
    return check_declaration(**{**said, **changes})  # type: ignore[arg-type]  # parameters by name


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"size_bytes": 0}, EmptyFile),
        ({"size_bytes": 101}, UploadTooLarge),
        ({"size_bytes": -1}, UploadInvalid),
        ({"filename": "///"}, UploadInvalid),
        ({"language": "Hungarian"}, UploadInvalid),
        ({"speakers": 0}, UploadInvalid),
        ({"title": "x" * 300}, TitleInvalid),
        ({"words": ["Szentgotthárd"] * 30 + [f"Név {n}" for n in range(60)]}, VocabularyTooLong),
    ],
)
def test_an_impossible_upload_is_refused_before_its_first_byte(
    changes: dict[str, object], refusal: type[Exception]
) -> None:
    """Each reason is an error of its own."""
    with pytest.raises(refusal):
        declare(**changes)
