"""A recording that is too long to hold reads like an array."""

from collections.abc import Generator

import numpy as np
import pytest

from appliance.meetings.ports import Samples
from appliance.meetings.sound import RecordedSound

WINDOW = 1_000


class Tape:
    """A recording of counted samples that knows how often it was played, and whether anybody still plays it."""

    def __init__(self, length: int, *, block: int = 37) -> None:
        self.samples = np.arange(length, dtype=np.int64).astype(np.int16)
        self.block = block
        self.played = self.playing = 0

    def decode(self) -> Generator[Samples]:
        self.played += 1
        self.playing += 1
        try:
            for start in range(0, len(self.samples), self.block):
                yield self.samples[start : start + self.block]
        finally:
            self.playing -= 1


@pytest.mark.parametrize("length", [0, 1, 36, 999, 1_000, 1_001, 7_777])
@pytest.mark.parametrize("block", [1, 37, 1_000, 5_000])
def test_any_stretch_is_that_of_the_array(length, block):
    """Forwards, backwards, over both ends and empty: the same samples, whatever the blocks of the decoder."""
    tape = Tape(length, block=block)
    sound = RecordedSound(tape.decode, length=length, window=WINDOW)
    dice = np.random.default_rng(length + block)
    assert len(sound) == length
    for start in dice.integers(-50, length + 100, 60).tolist():
        stretch = slice(start, start + int(dice.integers(0, 600)))
        assert np.array_equal(sound[stretch], tape.samples[stretch])


def test_reading_forwards_decodes_once():
    """Overlapping stretches in order cost one decoding of a recording of any length."""
    tape = Tape(20_000)
    sound = RecordedSound(tape.decode, length=20_000, window=WINDOW)
    for start in range(0, 20_000, 100):
        assert np.array_equal(sound[start : start + 500], tape.samples[start : start + 500])
    assert tape.played == 1
    assert np.array_equal(sound[10_000:10_010], tape.samples[10_000:10_010])
    assert tape.played == 2


def test_a_short_recording_is_decoded_once_for_good():
    """What fits into the window is held, and the decoder is let go."""
    tape = Tape(900)
    sound = RecordedSound(tape.decode, window=WINDOW)
    assert len(sound) == 900
    assert sound.is_short
    assert np.array_equal(sound[:], tape.samples)
    assert np.array_equal(sound[5:10], tape.samples[5:10])
    assert (tape.played, tape.playing) == (1, 0)


def test_a_stretch_belongs_to_its_reader():
    """What was read stays as it is while the window moves on."""
    tape = Tape(5_000)
    sound = RecordedSound(tape.decode, length=5_000, window=WINDOW)
    first = sound[:500]
    sound[4_500:5_000]
    assert np.array_equal(first, tape.samples[:500])


def test_a_long_recording_does_not_fit_at_once():
    """Reading more than the window has room for is a mistake that is told, not a gigabyte that is taken."""
    sound = RecordedSound(Tape(5_000).decode, length=5_000, window=WINDOW)
    for stretch in (slice(None), slice(0, 700), slice(0, 100, 2)):
        with pytest.raises(ValueError, match="no stretch"):
            sound[stretch]


def test_another_decoder_does_not_change_the_length():
    """What it does not find is silence, and what it finds in excess is left out."""
    fewer = RecordedSound(Tape(1_950).decode, length=2_000, window=WINDOW)
    assert list(fewer[1_948:2_100]) == [1_948, 1_949, *[0] * 50]
    more = RecordedSound(Tape(2_050).decode, length=2_000, window=WINDOW)
    assert list(more[1_990:2_100]) == list(range(1_990, 2_000))


def test_a_closed_recording_lets_its_decoder_go():
    """Nothing plays on after the end, and reading again starts again."""
    tape = Tape(5_000)
    sound = RecordedSound(tape.decode, length=5_000, window=WINDOW)
    sound[:10]
    assert tape.playing == 1
    sound.close()
    assert tape.playing == 0
    assert list(sound[2:4]) == [2, 3]
    del sound
    assert tape.playing == 0


def test_holding_can_be_called_off():
    """Whoever cancels a job does not wait until its recording is decoded."""
    tape, asked = Tape(900), 0

    def cancelled() -> None:
        nonlocal asked
        asked += 1
        if asked == 3:
            raise KeyboardInterrupt

    sound = RecordedSound(tape.decode, length=900, window=WINDOW)
    with pytest.raises(KeyboardInterrupt):
        sound.hold(cancelled)
    assert asked == 3
