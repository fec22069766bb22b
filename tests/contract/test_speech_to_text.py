"""What every engine that hears words must keep; the fake, and Whisper with its starter pack."""

import numpy as np
import pytest

from appliance.adapters.fake_speech import FakeSpeechToText
from appliance.meetings.model import SAMPLE_RATE
from appliance.transcripts.ports import VOICE_FRAME_S, Hints, SpeechToText
from tests.factories.engines import an_utterance, whisper

ENGLISH = Hints("en")


@pytest.fixture(scope="module", params=["fake", pytest.param("whisper", marks=[pytest.mark.models, pytest.mark.slow])])
def engine(request: pytest.FixtureRequest) -> SpeechToText:
    return FakeSpeechToText() if request.param == "fake" else whisper()


@pytest.fixture(scope="module")
def utterance() -> np.ndarray:
    return an_utterance()


def test_the_voice_has_a_value_for_every_frame(engine, utterance):
    """One value between 0 and 1 for each 32 ms, whatever the length."""
    for audio in (utterance, utterance[: SAMPLE_RATE + 17], utterance[:100], np.zeros(0, dtype=np.int16)):
        heard = engine.voice(audio)
        assert len(heard) == int(np.ceil(len(audio) / (VOICE_FRAME_S * SAMPLE_RATE)))
        assert ((heard >= 0) & (heard <= 1)).all()


def test_speech_is_heard_and_silence_is_not(engine, utterance):
    """The detector tells speech from silence."""
    assert engine.voice(utterance).mean() > 0.3
    assert engine.voice(np.zeros(3 * SAMPLE_RATE, dtype=np.int16)).max() < 0.5


def test_words_lie_within_their_clip_in_order(engine, utterance):
    """Times count from the start of the clip, never run backwards, and end with it."""
    clips = [utterance, utterance[: 2 * SAMPLE_RATE], utterance[SAMPLE_RATE:]]
    decodings = engine.decode(clips, ENGLISH)
    assert len(decodings) == len(clips)
    for clip, decoded in zip(clips, decodings, strict=True):
        assert decoded.words
        for word in decoded.words:
            assert 0 <= word.start_s <= word.end_s <= len(clip) / SAMPLE_RATE + 0.3
            assert word.text == word.text.strip() != ""
            assert 0 <= word.probability <= 1
            assert {type(word.start_s), type(word.end_s), type(word.probability)} == {float}
        starts = [word.start_s for word in decoded.words]
        assert starts == sorted(starts)
        assert decoded.logprob <= 0
        assert 0 <= decoded.no_speech <= 1


def test_decoding_is_repeatable(engine, utterance):
    """The same clip makes the same words: a resumed job equals an uninterrupted one."""
    assert engine.decode([utterance], ENGLISH) == engine.decode([utterance], ENGLISH)


def test_careful_decoding_hears_words_too(engine, utterance):
    """The patient way answers in the same shape."""
    assert engine.decode_carefully(utterance, ENGLISH).words


def test_languages_are_probabilities(engine, utterance):
    """Codes of two or three letters with probabilities that add up to no more than one."""
    weights = engine.languages(utterance)
    assert all(2 <= len(language) <= 3 for language in weights)
    assert 0 < sum(weights.values()) <= 1.001


def test_an_engine_says_what_it_is(engine):
    """The transcript records engine and weights; clips and batches have a size."""
    assert engine.name
    assert engine.model
    assert 5 <= engine.longest_clip_s <= 30
    assert engine.batch >= 1
