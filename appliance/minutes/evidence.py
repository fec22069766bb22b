"""Claims with the words that they rest on: citations are found by code, and weighed by code."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from appliance.language.citations import Check, Citation, Support, check, check_words, claim_stems
from appliance.language.numbers import number_values
from appliance.language.words import content_stems, overlap, same_word, sentences
from appliance.minutes.cues import says
from appliance.minutes.reading import Reading, Sentence

_MOST_CITED: Final = 3
"""Sentences that one summary sentence rests on at most; more would prove nothing."""

_CARRIED: Final = 0.6
"""Share of a claim's words that one sentence has to carry."""

_FINISHED: Final = re.compile(r"[.!?…][\"'”»)]*$")

_LEADING: Final = re.compile(
    r"^(?:(?:(?:so|then|well|and|but|now|akkor|tehát|szóval|és|de|hát|nos|most)\b,?|"
    r"(?:okay|ok|good|great|right|yes|fine|alright|all right|first|second|finally|rendben|jó|igen)[,.])\s+)+",
    re.IGNORECASE,
)


def cite(cited: Iterable[Sentence]) -> tuple[Citation, ...]:
    """The citations of sentences, each once, in order of time."""
    found: dict[Citation, None] = {}
    for sentence in sorted(set(cited), key=lambda one: one.place):
        for citation in sentence.citations:
            found[citation] = None
    return tuple(found)


def weigh(claim: str, cited: Sequence[Sentence], reading: Reading) -> Check:
    """How far the cited sentences bear out a claim."""
    speakers = tuple(dict.fromkeys(sentence.speaker for sentence in cited))
    return check(
        claim, [sentence.text for sentence in cited], reading.lexicon, speakers=speakers, roster=reading.people
    )


def weigh_title(title: str, cited: Sequence[Sentence], reading: Reading) -> Check:
    """How far the words of a title were said."""
    speakers = tuple(dict.fromkeys(sentence.speaker for sentence in cited))
    said = [sentence.text for sentence in cited]
    return check_words(title, said, reading.lexicon, speakers=speakers, roster=reading.people)


def ground(claim: str, among: Sequence[Sentence], reading: Reading) -> tuple[Sentence, ...]:
    """The sentences that say most of what a claim says: the best one, then those that add something to it."""
    wanted = [*content_stems(claim, reading.lexicon), *_figures(claim, reading)]
    found: list[Sentence] = []
    while wanted and len(found) < _MOST_CITED:
        best = max(among, key=lambda one: _covers(wanted, one, reading), default=None)
        if best is None or _covers(wanted, best, reading) == 0:
            break
        found.append(best)
        said = _features(best, reading)
        wanted = [one for one in wanted if not any(same_word(one, other, reading.lexicon) for other in said)]
    return tuple(sorted(found, key=lambda one: one.place))


def is_scattered(claim: str, cited: Sequence[Sentence], reading: Reading) -> bool:
    """Whether no single sentence says most of a claim: then its words were said, and what it makes of them was not.

    "The customer's move will give them more time" was made of two sentences that had nothing to do with each other.
    """
    stems = claim_stems(claim, reading.lexicon)
    carried = (overlap(stems, reading.stems(sentence.text), reading.lexicon) for sentence in cited)
    return max(carried, default=0.0) < _CARRIED


def complete(claim: str, said: str, reading: Reading, *, share: float) -> bool:
    """Whether a rewording keeps what was said: every number, and ``share`` of the words."""
    kept = content_stems(claim, reading.lexicon)
    lost_numbers = number_values(said, reading.lexicon) - number_values(claim, reading.lexicon)
    return not lost_numbers and overlap(content_stems(said, reading.lexicon), kept, reading.lexicon) >= share


def extract(text: str) -> str:
    """A sentence of the transcript as a claim: the words that only led up to it are left out."""
    bare = _LEADING.sub("", text.strip())
    return bare[:1].upper() + bare[1:]


def central(among: Sequence[Sentence], reading: Reading) -> Sentence | None:
    """The statement that shares most with the rest of its part: what an extract of one sentence should be."""
    counts: Counter[str] = Counter()
    for sentence in among:
        counts.update(reading.stems(sentence.text))

    def centrality(sentence: Sentence) -> float:
        stems = reading.stems(sentence.text)
        promise = says(sentence.text, reading.cues.actions.self)  # listed as a task already
        return sum(counts[one] - 1 for one in stems) / (len(stems) + 3) * (0.5 if promise else 1.0)

    telling = [
        one
        for one in among
        if not one.asks
        and len(reading.stems(one.text)) >= 3
        and not says(one.text, (*reading.cues.greeting, *reading.cues.farewell, *reading.cues.joke))
    ]
    return max(telling, key=centrality, default=None)


def sentences_of(text: str, reading: Reading) -> list[str]:
    """The sentences of a model's answer, each a claim of its own; without the last one where the form cut it off."""
    found = [one for one in sentences(text, reading.lexicon) if len(claim_stems(one, reading.lexicon)) >= 2]
    return found if len(found) < 2 or _FINISHED.search(found[-1]) else found[:-1]


def is_borne_out(verdict: Check) -> bool:
    """Whether a claim may stand as a record of what was said."""
    return verdict.support is not Support.UNSUPPORTED


def _covers(wanted: Sequence[str], sentence: Sentence, reading: Reading) -> float:
    said = _features(sentence, reading)
    figures = sum(2 for one in wanted if one.startswith("#") and one in said)
    return figures + sum(any(same_word(one, other, reading.lexicon) for other in said) for one in wanted)


def _features(sentence: Sentence, reading: Reading) -> list[str]:
    return [*content_stems(sentence.text, reading.lexicon), *_figures(sentence.text, reading)]


def _figures(text: str, reading: Reading) -> list[str]:
    return [f"#{value.normalize()}" for value in number_values(text, reading.lexicon)]
