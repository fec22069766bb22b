"""The waveform, and how loud a recording is."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.meetings.peaks import SILENCE_DBFS, PeakMeter


def metered(*blocks: np.ndarray) -> PeakMeter:
    """A meter that heard ``blocks``."""
    meter = PeakMeter()
    for block in blocks:
        meter.add(block)
    return meter


def tone(seconds: float, amplitude: int) -> np.ndarray:
    """A sine at 440 Hz."""
    t = np.arange(int(seconds * 16_000)) / 16_000
    return (np.sin(2 * np.pi * 440 * t) * amplitude).astype(np.int16)


def test_a_second_is_twenty_numbers() -> None:
    """One number per 50 ms."""
    assert len(metered(tone(1.0, 1000)).peaks()) == 20


def test_an_unfinished_window_counts() -> None:
    """The end of a recording is drawn too."""
    assert len(metered(tone(0.12, 1000)).peaks()) == 3


def test_the_loudest_possible_sample_is_full_scale() -> None:
    """-32768 has no positive counterpart in 16 bits, and must not wrap around to silence."""
    assert metered(np.full(800, -32768, np.int16)).peaks() == bytes([127])


def test_no_sound_at_all_has_no_peaks() -> None:
    """An empty track is measured without a division by zero."""
    meter = metered()
    assert meter.peaks() == b""
    assert meter.loudness_dbfs() == -math.inf


@given(st.lists(st.integers(1, 2500), min_size=1, max_size=8))
def test_the_waveform_does_not_depend_on_how_the_sound_is_cut(sizes: list[int]) -> None:
    """A decoder may hand over blocks of any size."""
    sound = np.random.default_rng(sum(sizes)).integers(-32768, 32768, sum(sizes)).astype(np.int16)
    cuts = np.cumsum(sizes)[:-1]
    pieces = metered(*np.split(sound, cuts))
    assert pieces.peaks() == metered(sound).peaks()
    assert pieces.samples == len(sound)


def test_a_click_is_not_sound() -> None:
    """Plugging a microphone in is loud, and no meeting."""
    silence = np.zeros(16_000 * 5, np.int16)
    silence[400] = 20_000
    assert metered(silence).loudness_dbfs() < SILENCE_DBFS


def test_a_short_word_is_sound() -> None:
    """A quarter of a second of speech in an hour of silence is not refused."""
    assert (
        metered(np.zeros(80_000, np.int16), tone(0.3, 400), np.zeros(80_000, np.int16)).loudness_dbfs() > SILENCE_DBFS
    )


def test_loudness_is_in_decibels_below_full_scale() -> None:
    """Half of full scale is 6 dB below it."""
    assert metered(tone(1.0, 16_384)).loudness_dbfs() == pytest.approx(-6.0, abs=0.1)
