"""Clustering and time axis of the diarizer, on made-up voices."""

import itertools

import numpy as np
import pytest

from appliance.adapters.diarizer import clustering, timeline
from appliance.adapters.diarizer.clustering import VoiceSamples, cluster
from appliance.adapters.diarizer.engine import Findings
from appliance.adapters.diarizer.segmentation import FRAMES, VOICES, WINDOW, WINDOW_STEP, window_starts
from appliance.adapters.diarizer.timeline import STEP, lay_out
from appliance.adapters.diarizer.voices import DIMENSIONS
from appliance.speakers.model import SpeakerCount


def voices(people: list[int], *, seconds: float = 4.0, noise: float = 0.03, per_window: int = 1) -> VoiceSamples:
    dice = np.random.default_rng(5)
    faces = np.linalg.qr(dice.standard_normal((192, 12)))[0].T
    vectors = faces[people] + noise * dice.standard_normal((len(people), 192))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    windows = np.arange(len(people)) // per_window
    return VoiceSamples(vectors.astype(np.float32), windows, np.full(len(people), seconds))


def same_grouping(left, right) -> bool:
    return len(set(zip(left, right, strict=True))) == len(set(left)) == len(set(right))


def test_voices_are_grouped_by_person():
    """Vectors of one person come together, those of others stay apart."""
    people = [0, 1, 2, 0, 1, 2, 2, 0, 3, 3]
    assert same_grouping(cluster(voices(people), SpeakerCount()), people)


@pytest.mark.parametrize("number", [1, 2, 3, 5])
def test_a_given_number_of_people_is_kept(number):
    """Four voices become as many people as somebody counted."""
    people = [0, 1, 2, 3] * 4
    assert len(set(cluster(voices(people, noise=0.05), SpeakerCount.exactly(number)))) == number


def test_two_voices_at_once_are_two_people():
    """Voices that sound alike in one window are kept apart when there is another person to be."""
    samples = voices([0, 1, 0, 1, 0, 0], per_window=2)
    labels = cluster(samples, SpeakerCount())
    assert labels[4] != labels[5]


def test_a_cough_is_no_person():
    """A vector of very little speech does not make a speaker of its own."""
    samples = voices([0] * 6 + [1] * 6 + [7])
    samples.seconds[-1] = 0.3
    assert len(set(cluster(samples, SpeakerCount()))) == 2


def test_nobody_is_nobody():
    """No vectors, no labels; one vector, one person."""
    assert len(cluster(voices([]), SpeakerCount())) == 0
    assert list(cluster(voices([0]), SpeakerCount())) == [0]


def test_a_very_long_recording_is_clustered_in_blocks(monkeypatch):
    """Hours of vectors give the same people as minutes of them."""
    monkeypatch.setattr(clustering, "MOST_AT_ONCE", 60)
    people = [0] * 50 + [1] * 60 + [2] * 70 + [0] * 30
    assert same_grouping(cluster(voices(people), SpeakerCount()), people)


def test_windows_cover_every_sample():
    """The last window reaches the end, whatever the length."""
    for samples in (1, WINDOW - 1, WINDOW, WINDOW + 1, 3 * WINDOW + 17):
        starts = window_starts(samples)
        assert starts[-1] + WINDOW >= samples
        assert len(starts) == 1 or starts[-2] + WINDOW < samples
        assert all(after - before == WINDOW_STEP for before, after in itertools.pairwise(starts))


def test_overlapping_windows_vote():
    """One window that hears somebody else is outvoted by the others; overlap of two people is kept."""
    activity = np.zeros((4, FRAMES, VOICES), dtype=bool)
    activity[:, :, 0] = True
    people = np.full((4, VOICES), -1)
    people[:, 0] = [0, 1, 0, 0]
    turns = lay_out(activity.__getitem__, people, duration_s=17.0)
    middle = [turn.speaker for turn in turns if turn.start_s <= 8.0 <= turn.end_s]
    assert middle == [0]
    activity[:, :, 1] = True
    people[:, 1] = 2
    turns = lay_out(activity.__getitem__, people, duration_s=17.0)
    assert {turn.speaker for turn in turns if turn.start_s <= 8.0 <= turn.end_s} == {0, 2}


def test_a_long_recording_is_laid_out_in_blocks(monkeypatch):
    """Turns that reach over the edge of a block stay whole, and none is heard twice."""
    dice = np.random.default_rng(3)
    activity = np.repeat(dice.random((40, 31, VOICES)) > 0.6, 19, axis=1)
    people = dice.permuted(np.tile([-1, 0, 1, 2, 3], (40, 1)), axis=1)[:, :VOICES]
    whole = lay_out(activity.__getitem__, people, duration_s=100.0)
    assert len(whole) > 20
    for block in (1, FRAMES - 1, FRAMES + 1, 3 * STEP, 1_000):
        monkeypatch.setattr(timeline, "BLOCK", block)
        assert lay_out(activity.__getitem__, people, duration_s=100.0) == whole


def test_a_note_brings_findings_back():
    """What one worker heard is taken up by the next; a note of another recording is not."""
    findings = Findings(3)
    heard = np.zeros((FRAMES, VOICES), dtype=bool)
    heard[5:9, 2] = True
    for seconds in ([0, 0, 0], [0, 0, 3.5]):
        findings.add(heard, np.array(seconds), np.outer(seconds, np.ones(DIMENSIONS) / 7))
    again = Findings(3)
    again.take_up(findings.note())
    assert again.done == 2
    assert np.array_equal(again.activity(1), heard)
    assert np.array_equal(again.vectors, findings.vectors)
    assert np.array_equal(again.seconds, findings.seconds)
    other = Findings(4)
    other.take_up(findings.note())
    assert other.done == 0
