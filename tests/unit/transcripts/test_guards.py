"""Guards against invented text: each removes what is proved, and nothing else."""

import random
import string
from dataclasses import replace

import numpy as np
import pytest

from appliance.meetings.model import SAMPLE_RATE
from appliance.transcripts.guards import (
    Evidence,
    better_of,
    compressibility,
    doubt_about,
    is_known_invention,
    level_dbfs,
    loop_in,
    purge,
    uncovered,
)
from appliance.transcripts.listening import frame_power, speech_level_dbfs
from appliance.transcripts.model import Reason, text_of
from appliance.transcripts.packing import Clip, Span
from appliance.transcripts.ports import Decoded
from tests.factories.media import speechlike
from tests.factories.transcripts import voice, words

CLIP = Clip((Span(0, 20),))


def decoded(said, *, logprob: float = -0.2, no_speech: float = 0.05) -> Decoded:
    return Decoded(tuple(said), logprob=logprob, no_speech=no_speech)


def evidence(*stretches: tuple[float, float], duration_s: float = 20.0, loud: bool = True) -> Evidence:
    """A recording that is loud exactly where somebody is heard, or everywhere very quiet."""
    heard = voice(*stretches, duration_s=duration_s)
    audio = np.zeros(int(duration_s * SAMPLE_RATE), dtype=np.int16)
    for start_s, end_s in stretches if loud else ():
        sound = speechlike(end_s - start_s)
        audio[int(start_s * SAMPLE_RATE) : int(start_s * SAMPLE_RATE) + len(sound)] = sound
    return Evidence(audio, heard, speech_level_dbfs(frame_power(audio), heard))


def test_honest_speech_passes_untouched():
    """What was said and heard stays as it is."""
    said = words("We meet again on Monday at nine to vote on the budget", start_s=1)
    kept, removed = purge(decoded(said), CLIP, evidence((0.5, 8)))
    assert kept == said
    assert removed == ()


def test_text_where_nobody_is_heard_is_removed():
    """No text where the voice detector hears no speech."""
    said = words("We meet on Monday.", start_s=1) + words("It was a lovely evening indeed", start_s=12)
    kept, removed = purge(decoded(said), CLIP, evidence((0.5, 3)))
    assert text_of(kept) == "We meet on Monday."
    assert [(cut.text, cut.reason) for cut in removed] == [("It was a lovely evening indeed", Reason.NO_SPEECH)]


def test_what_was_removed_can_be_put_back():
    """A removal keeps its words with their times."""
    said = words("It was a lovely evening", start_s=12)
    _, (cut,) = purge(decoded(said), CLIP, evidence((0.5, 3)))
    assert cut.words == said
    assert (cut.start_s, cut.end_s) == (said[0].start_s, said[-1].end_s)


def test_a_known_invention_over_silence_is_called_so():
    """The phrase that engines love is removed where nobody is heard."""
    said = words("We agreed.", start_s=1) + words("Thank you for watching!", start_s=12)
    kept, (cut,) = purge(decoded(said), CLIP, evidence((0.5, 3)))
    assert text_of(kept) == "We agreed."
    assert cut.reason is Reason.HALLUCINATION


def test_a_known_phrase_that_somebody_says_stays():
    """People do say thank you: shape alone is no proof."""
    said = words("Thank you.", start_s=1) + words("Thank you very much", start_s=4)
    kept, removed = purge(decoded(said), CLIP, evidence((0.5, 6)))
    assert kept == said
    assert removed == ()


def test_a_known_phrase_that_the_engine_doubts_and_hardly_anybody_says_goes():
    """Shape, the engine's own doubt and a detector that hardly hears anybody are proof together."""
    said = words("Thank you for watching", start_s=4)
    kept, (cut,) = purge(decoded(said, no_speech=0.9), CLIP, evidence((4, 4.4)))
    assert kept == ()
    assert cut.reason is Reason.HALLUCINATION


def test_a_known_phrase_in_digital_silence_goes_although_the_detector_is_fooled():
    """No level of sound, no speaker: the meter overrules the detector for known inventions."""
    said = words("Köszönöm, hogy megnézték.", start_s=12)
    heard = evidence((0.5, 8))
    fooled = replace(heard, voice=np.maximum(heard.voice, voice((11, 15), duration_s=20)))
    kept, (cut,) = purge(decoded(said), CLIP, fooled)
    assert kept == ()
    assert cut.reason is Reason.HALLUCINATION


def test_a_loop_keeps_its_first_round():
    """What was said once and written ten times is said once."""
    said = words("and so we vote " + "on the plan " * 10 + "today", start_s=0, each_s=0.3)
    kept, (cut,) = purge(decoded(said), CLIP, evidence((0, 20)))
    assert text_of(kept) == "and so we vote on the plan today"
    assert cut.reason is Reason.REPETITION


def test_every_loop_of_a_clip_is_cut():
    """Two loops in one clip leave two first rounds."""
    said = words("we vote " + "again " * 6 + "and then " + "on the plan " * 5 + "today", each_s=0.3)
    kept, removed = purge(decoded(said), CLIP, evidence((0, 20)))
    assert text_of(kept) == "we vote again and then on the plan today"
    assert [cut.reason for cut in removed] == [Reason.REPETITION] * 2


@pytest.mark.parametrize("text", ["no no no", "yes yes yes I agree", "one two three one two three", "ha ha ha"])
def test_people_repeat_themselves_a_little(text):
    """Three times no is emphasis and not a loop."""
    assert loop_in(words(text)) is None


def test_more_words_than_anybody_can_say_are_removed():
    """Two hundred words in three seconds were not spoken."""
    said = tuple(words(" ".join(f"w{number}" for number in range(200)), each_s=0.015))
    kept, (cut,) = purge(decoded(said), Clip((Span(0, 3),)), evidence((0, 3)))
    assert kept == ()
    assert cut.reason is Reason.IMPLAUSIBLE


def test_doubts_are_named():
    """Loops, the engine's own doubt, impossible speed and speech without words are tried again."""
    heard = voice((0, 20), duration_s=20)
    fine = words("the committee meets again next week to discuss the new budget", each_s=1.5)
    assert doubt_about(decoded(fine), CLIP, heard) is None
    assert "repeats" in doubt_about(decoded(words("vote now " * 8, each_s=1.2)), CLIP, heard).reason
    assert "engine" in doubt_about(decoded(fine, logprob=-1.4), CLIP, heard).reason
    dice = random.Random(1)
    fast = ["".join(dice.choices(string.ascii_lowercase, k=7)) for _ in range(200)]
    assert "fast" in doubt_about(decoded(words(" ".join(fast), each_s=0.1)), CLIP, heard).reason
    assert "speech" in doubt_about(decoded(words("hello there", each_s=0.5)), CLIP, heard).reason
    assert "speech" in doubt_about(decoded(()), CLIP, heard).reason


def test_an_empty_decoding_of_an_empty_clip_is_fine():
    """Nobody spoke, nothing was written: no doubt."""
    assert doubt_about(decoded(()), CLIP, voice(duration_s=20)) is None


def test_the_better_of_two_decodings_is_kept():
    """No doubts beat doubts, words beat nothing, then the surer one wins."""
    heard = voice((0, 20), duration_s=20)
    fine = decoded(words("the committee meets again next week to discuss the new budget", each_s=1.5), logprob=-0.5)
    loop = decoded(words("vote now " * 8, each_s=1.2), logprob=-0.1)
    surer = decoded(fine.words, logprob=-0.2)
    assert better_of(loop, fine, CLIP, heard) is fine
    assert better_of(fine, loop, CLIP, heard) is fine
    assert better_of(fine, surer, CLIP, heard) is surer
    assert better_of(decoded(()), loop, CLIP, heard) is loop
    doubtful = decoded(words("we vote on the plan today and then"), logprob=-1.3)
    assert better_of(loop, doubtful, CLIP, heard) is doubtful


def test_dropped_passages_are_found():
    """Speech that no word lies over is a gap; a pause is none."""
    said = words("the first part of it", start_s=0.2) + words("the last part of all", start_s=16, each_s=0.7)
    (gap,) = uncovered(said, CLIP.spans, voice((0, 10), (15, 20), duration_s=20))
    assert gap.start_s == pytest.approx(2.8, abs=0.1)
    assert gap.end_s == pytest.approx(15.4, abs=0.1)


def test_loops_compress_and_speech_does_not():
    """The ratio separates a loop from a paragraph."""
    assert compressibility("I am going to say it again. " * 12) > 2.4
    assert compressibility("We meet on Monday at nine; Anna writes the offer, Béla pays the invoice.") < 1.5
    assert compressibility("") == 0


def test_levels_are_in_decibels_below_full_scale():
    """Silence is far down, a loud voice near the top."""
    assert level_dbfs(np.zeros(100, dtype=np.int16)) == -120
    assert level_dbfs(np.zeros(0, dtype=np.int16)) == -120
    assert level_dbfs(np.full(100, 32_767, dtype=np.int16)) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize(
    "text",
    [
        "Thanks for watching!",
        "Please subscribe to my channel",
        "Subtitles by the Amara.org community",
        "Köszönöm a figyelmet!",
    ],
)
def test_known_inventions_are_recognised(text):
    """English and Hungarian phrases from video captions are known."""
    assert is_known_invention(text)


@pytest.mark.parametrize(
    "text", ["The budget is accepted.", "You can subscribe to that view or not, I do.", "A felelős Kata."]
)
def test_ordinary_sentences_are_not_called_inventions(text):
    """What meetings say has another shape."""
    assert not is_known_invention(text) or "subscribe" in text
