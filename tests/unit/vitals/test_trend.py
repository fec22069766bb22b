"""How long the space will last, told from what was measured."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.kernel.units import GIB
from appliance.vitals.model import Measurement, Volume, days_left, with_trend

START = datetime(2026, 11, 1, tzinfo=UTC)


def hourly(*free_bytes: float, path: str = "/data") -> list[Measurement]:
    """One measurement an hour."""
    return [Measurement(START + timedelta(hours=hour), {path: int(free)}) for hour, free in enumerate(free_bytes)]


def test_a_steady_fall_tells_the_day_on_which_nothing_is_left() -> None:
    """One GiB an hour off 100 GiB, after two days: 52 GiB are left, for 52 hours."""
    history = hourly(*((100 - hour) * GIB for hour in range(49)))
    assert days_left(history, "/data") == pytest.approx(52 / 24)


def test_one_large_deletion_does_not_hide_the_trend() -> None:
    """What was freed at once does not make the disk last for ever."""
    history = hourly(*((100 - hour + (20 if hour > 40 else 0)) * GIB for hour in range(49)))
    found = days_left(history, "/data")
    assert found is not None
    assert 2 < found < 6


def test_less_than_a_day_says_nothing() -> None:
    """A trend of hours would frighten, or lull."""
    volume = with_trend(Volume("/data", 100 * GIB, 50 * GIB), hourly(*((100 - hour) * GIB for hour in range(20))))
    assert (volume.days_left, volume.has_history) == (None, False)


def test_a_disk_that_does_not_fill_has_no_day() -> None:
    """Constant or growing space is told apart from not knowing."""
    volume = with_trend(Volume("/data", 100 * GIB, 50 * GIB), hourly(*(50 * GIB for _ in range(30))))
    assert (volume.days_left, volume.has_history) == (None, True)


def test_another_file_system_s_history_is_not_taken_for_ours() -> None:
    """Each path has its own trend."""
    history = hourly(*((100 - hour) * GIB for hour in range(49)), path="/other")
    assert days_left(history, "/data") is None


@given(st.lists(st.integers(0, 10**15), min_size=25, max_size=300))
def test_whatever_was_measured_the_answer_is_a_sensible_number(free: list[int]) -> None:
    """Nothing, or between now and ten years."""
    found = days_left(hourly(*free), "/data")
    assert found is None or 0 <= found < 3650
