"""What a statement is about, and whether two statements are about the same thing in the same terms.

The matter of a statement is its words of meaning without numbers and moments, since these are what versions of one
decision differ in.
"""

from decimal import Decimal
from typing import Final

from appliance.language.numbers import number_values, numbers
from appliance.language.times import moments
from appliance.language.words import content_stems, fold, normalised, overlap, words
from appliance.minutes.cues import Patterns, says
from appliance.minutes.reading import Reading, Sentence

SAME_MATTER: Final = 0.67
"""Share of the shorter statement's words that two statements about one matter have in common. Two purchases share the
word buy, and are two matters."""

CORRECTED_MATTER: Final = 0.5
"""As above, for a statement that says that it changes something decided earlier."""

NEAR_MATTER: Final = 0.3
"""As above, for a proposal and the decision a few sentences after it, or a correction of what was just said."""

LOOK_AHEAD: Final = 4
LOOK_BACK: Final = 3


def matter(text: str, reading: Reading) -> list[str]:
    """The words of meaning of a statement, without numbers, moments and the words that propose or bind."""
    return reading.once(_matter, text)


def _matter(text: str, reading: Reading) -> list[str]:
    for moment in reversed(moments(text, reading.lexicon)):
        text = text[: moment.start] + text[moment.end :]
    cue = reading.cues.decisions
    for patterns in (cue.propose, cue.anchor):
        if match := says(text, patterns):
            text = text[: match.start()] + text[match.end() :]
    for pattern in cue.light:
        text = pattern.sub(" ", fold(text))
    kept = " ".join(
        word.text
        for word in words(text)
        if word.folded not in reading.lexicon.reporting and not number_values(word.text, reading.lexicon)
    )
    return content_stems(kept, reading.lexicon)


def named_moments(text: str, reading: Reading) -> set[str]:
    """The moments of a statement, as words."""
    return reading.once(_named_moments, text)


def _named_moments(text: str, reading: Reading) -> set[str]:
    return {normalised(moment.text) for moment in moments(text, reading.lexicon)}


def same_figures(left: str, right: str, reading: Reading) -> bool:
    """Whether two statements name a number or a moment in common."""
    a, b = reading.once(_values, left), reading.once(_values, right)
    return any(_same_number(one, other) for one in a for other in b) or bool(
        named_moments(left, reading) & named_moments(right, reading)
    )


def _values(text: str, reading: Reading) -> set[Decimal]:
    return {number.value for number in numbers(text, reading.lexicon)}


def _same_number(left: Decimal, right: Decimal) -> bool:
    """Equal, or one in short: "forty five" where thousands are spoken of."""
    short, long = sorted((left, right))
    return short == long or (short >= 2 and long in (short * 1000, short * 1_000_000))


def correcting(sentence: Sentence, reading: Reading) -> bool:
    """Whether a sentence, or one shortly before it, says that something earlier is being changed."""
    near = (sentence, *reading.before(sentence, LOOK_BACK))
    return any(says(one.text, reading.cues.decisions.correct) for one in near)


def shared(later: Sentence, earlier: Sentence, reading: Reading) -> float:
    """Common words of two statements, numbers and moments left out: these may differ between versions of one matter.

    One common word says nothing, unless the numbers are the same as well or the later statement says that it corrects.
    """
    shorter, longer = sorted((matter(later.text, reading), matter(earlier.text, reading)), key=len)
    telling = len(shorter) >= 2 or same_figures(later.text, earlier.text, reading) or correcting(later, reading)
    return overlap(shorter, longer, reading.lexicon) if telling else 0.0


def matches(later: Sentence, earlier: Sentence, reading: Reading) -> bool:
    """Whether two statements are about one matter."""
    near = later.place - earlier.place <= LOOK_AHEAD
    recent = later.place - earlier.place <= 2 * LOOK_AHEAD
    if recent and not matter(earlier.text, reading) and same_figures(later.text, earlier.text, reading):
        return True  # "then it is the fifth", "so we do it on the fifth"
    corrects = correcting(later, reading)
    follows = near and (corrects or not says(earlier.text, reading.cues.decisions.anchor))
    if follows or (recent and same_figures(later.text, earlier.text, reading)):
        enough = NEAR_MATTER
    else:
        enough = CORRECTED_MATTER if corrects else SAME_MATTER
    return shared(later, earlier, reading) >= enough


def same_terms(later: Sentence, earlier: Sentence, reading: Reading) -> bool:
    """Whether two statements about one matter name no different number or moment."""
    a, b = number_values(later.text, reading.lexicon), number_values(earlier.text, reading.lexicon)
    short = all(any(_same_number(one, other) for other in b) for one in a)
    if a and b and not short and not (a == b if correcting(later, reading) else a <= b or b <= a):
        return False
    when_a, when_b = named_moments(later.text, reading), named_moments(earlier.text, reading)
    return not (when_a and when_b) or bool(when_a & when_b) or bool(a & b)


def content_besides(sentence: Sentence, cue: Patterns, reading: Reading) -> int:
    """How many words of meaning and numbers a sentence has besides a cue."""
    match = says(sentence.text, cue)
    rest = sentence.text[: match.start()] + " " + sentence.text[match.end() :] if match else sentence.text
    stems = [one for one in reading.stems(rest) if one not in reading.lexicon.reporting]
    return len(stems) + len(number_values(rest, reading.lexicon))
