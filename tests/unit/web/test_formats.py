"""Values are written as readers of each language write them."""

from datetime import UTC, datetime

import pytest

from web.formats import Formats
from web.texts import Texts

EN, HU = Formats("en"), Formats("hu")


@pytest.mark.parametrize(
    ("seconds", "clock"), [(0, "0:00"), (59.9, "0:59"), (247, "4:07"), (3600, "1:00:00"), (6758, "1:52:38")]
)
def test_a_position_is_as_short_as_it_can_be(seconds: float, clock: str) -> None:
    """Hours appear only when there are some."""
    assert EN.clock(seconds) == clock


@pytest.mark.parametrize(
    ("size_bytes", "english", "hungarian"),
    [(0, "0 B", "0 B"), (1536, "1.5 KiB", "1,5 KiB"), (8 << 30, "8 GiB", "8 GiB"), (150 << 20, "150 MiB", "150 MiB")],
)
def test_sizes_have_the_decimal_mark_of_the_language(size_bytes: int, english: str, hungarian: str) -> None:
    """A comma in Hungarian, a point in English."""
    assert (EN.size(size_bytes), HU.size(size_bytes)) == (english, hungarian)


def test_a_moment_names_the_year_only_when_it_is_another() -> None:
    """Lists stay short for what is recent."""
    assert "2019" in EN.moment(datetime(2019, 5, 4, 12, tzinfo=UTC))
    assert str(datetime.now(UTC).year) not in EN.moment(datetime.now(UTC))


def test_names_are_sorted_as_the_reader_expects() -> None:
    """Hungarian has cs after c; English ignores accents."""
    names = ["Csaba", "Cukor", "Ödön", "Olga", "Petra"]
    assert sorted(names, key=HU.sort_key) == ["Cukor", "Csaba", "Olga", "Ödön", "Petra"]
    assert sorted(names, key=EN.sort_key) == ["Csaba", "Cukor", "Ödön", "Olga", "Petra"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (12, "less than a minute left"),
        (60, "about 1 minute left"),
        (61, "about 2 minutes left"),
        (7200, "about 2 h 0 min left"),
    ],
)
def test_time_left_is_rounded_up(seconds: float, words: str) -> None:
    """Nobody is promised less than it takes."""
    assert Texts("en").time_left(seconds) == words


def test_machine_labels_of_speakers_are_translated_and_names_are_not() -> None:
    """A person's own name stays as it is."""
    assert Texts("hu").speaker("Speaker 3") == "3. beszélő"
    assert Texts("hu").speaker("Kovács Anna") == "Kovács Anna"
    assert Texts("en").speaker(None) == "Unknown speaker"
