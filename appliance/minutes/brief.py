"""Recordings of a few words: what little was said is the summary, and nobody words it again.

A sentence or two have no topics, and a title, a gist and a list of keywords made of them are longer than they are.
"""

from collections.abc import Iterable
from typing import Final

from appliance.language.words import words
from appliance.minutes.cues import says
from appliance.minutes.evidence import cite, extract, weigh
from appliance.minutes.model import Claim, Origin
from appliance.minutes.reading import Reading, Sentence

_WORDS: Final = 25
"""Fewer than these are said within ten seconds."""

_SENTENCES: Final = 3


def is_brief(reading: Reading) -> bool:
    """Whether the whole meeting is shorter than minutes of it would be."""
    return len(reading.sentences) <= _SENTENCES and sum(len(words(one.text)) for one in reading.sentences) < _WORDS


def says_nothing(reading: Reading) -> bool:
    """Whether there is no word in it: no sentence, or signs for music and noise alone."""
    return not any(words(sentence.text) for sentence in reading.sentences)


def told(reading: Reading, listed: Iterable[Sentence]) -> tuple[Claim, ...]:
    """The statements among a few words, as they were said; greetings and what is listed elsewhere are left out."""
    elsewhere = {sentence.place for sentence in listed}
    cue = reading.cues
    return tuple(
        Claim(
            text=extract(one.text),
            citations=cite((one,)),
            support=weigh(extract(one.text), (one,), reading).support,
            origin=Origin.EXTRACT,
        )
        for one in reading.sentences
        if one.place not in elsewhere
        and not one.asks
        and len(reading.stems(one.text)) >= 2
        and not says(one.text, (*cue.greeting, *cue.farewell, *cue.joke))
    )
