"""Cutting a recording into clips."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.meetings.model import SAMPLE_RATE
from appliance.transcripts.packing import Clip, Span, pack, speech_spans, voice_between
from appliance.transcripts.ports import VOICE_FRAME_S
from tests.factories.transcripts import voice

LONGEST_S = 28.0


def test_speech_is_found_with_a_margin():
    """Quiet beginnings and ends of words are kept; long silence is not."""
    spans = speech_spans(voice((5, 8), (20, 22), duration_s=30), duration_s=30, longest_s=LONGEST_S)
    assert [(round(span.start_s, 1), round(span.end_s, 1)) for span in spans] == [(4.6, 8.4), (19.6, 22.4)]


def test_silence_makes_no_clip():
    """Where nobody is heard there is nothing to decode, so nothing can be invented."""
    assert speech_spans(voice(duration_s=30), duration_s=30, longest_s=LONGEST_S) == []
    assert pack([], longest_s=LONGEST_S) == []


def test_hours_without_a_pause_are_cut_like_minutes():
    """A detector that is fooled by music for half a day makes many clips, and no error."""
    heard = np.full(12 * 3600 * 31, 0.9, dtype=np.float32)
    duration_s = len(heard) * VOICE_FRAME_S
    spans = speech_spans(heard, duration_s=duration_s, longest_s=LONGEST_S)
    assert max(span.duration_s for span in spans) <= LONGEST_S
    assert sum(span.duration_s for span in spans) == pytest.approx(duration_s)


def test_speech_without_a_pause_is_cut_at_its_calmest_moment():
    """A speech of a minute is cut where the voice dips, and nothing of it is lost."""
    heard = voice((0, 60), duration_s=60)
    heard[round(20 / VOICE_FRAME_S) : round(20.2 / VOICE_FRAME_S)] = 0.4
    spans = speech_spans(heard, duration_s=60, longest_s=LONGEST_S)
    assert spans[0].end_s == pytest.approx(20.1, abs=0.2)
    assert all(span.duration_s <= LONGEST_S + 0.01 for span in spans)
    assert sum(span.duration_s for span in spans) == pytest.approx(60, abs=0.1)


STRETCHES = st.lists(st.tuples(st.floats(0.2, 45), st.floats(0.05, 20)), max_size=15)


@settings(deadline=None)
@given(STRETCHES)
def test_clips_hold_all_speech_once_and_none_is_too_long(stretches):
    """Whatever is heard, clips keep its order, cover it and stay within what the engine can take."""
    moment, heard = 0.0, []
    for length_s, pause_s in stretches:
        heard.append((moment, moment + length_s))
        moment += length_s + pause_s
    duration_s = moment + 1
    spans = speech_spans(voice(*heard, duration_s=duration_s), duration_s=duration_s, longest_s=LONGEST_S)
    clips = pack(spans, longest_s=LONGEST_S)
    assert [span for clip in clips for span in clip.spans] == spans
    assert all(clip.duration_s <= LONGEST_S + 0.1 for clip in clips)
    for before, after in pairwise(spans):
        assert before.end_s <= after.start_s + 1e-6
    for start_s, end_s in heard:
        middle = (start_s + end_s) / 2
        assert any(span.start_s <= middle <= span.end_s for span in spans)


def test_words_of_a_clip_find_their_place_in_the_recording():
    """What lies between the spans of a clip is added to the times of the words behind it."""
    clip = Clip((Span(10, 14), Span(20, 25)))
    assert clip.in_recording(1.0, 1.5) == (11.0, 11.5)
    assert clip.in_recording(5.0, 5.5) == (21.0, 21.5)
    assert clip.in_recording(3.8, 4.6) == (20.0, 20.6)
    assert clip.in_recording(8.8, 12.0) == (24.8, 25.0)


def test_the_sound_of_a_clip_is_its_spans_joined():
    """The engine hears the spans one after the other."""
    audio = np.arange(30 * SAMPLE_RATE, dtype=np.int64).astype(np.int16)
    sound = Clip((Span(1, 2), Span(5, 5.5))).cut(audio)
    assert len(sound) == 1.5 * SAMPLE_RATE
    assert sound[SAMPLE_RATE] == audio[5 * SAMPLE_RATE]


def test_a_stretch_shorter_than_a_frame_still_has_a_value():
    """The detector is asked about any moment of the recording, its last one included."""
    heard = voice((0, 1), duration_s=2)
    assert len(voice_between(heard, 0.5, 0.501)) >= 1
    assert len(voice_between(heard, 99.0, 99.5)) == 1
