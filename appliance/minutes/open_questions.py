"""Questions that the meeting asked and did not answer, and matters that it put off."""

from dataclasses import dataclass
from typing import Final

from appliance.language.numbers import numbers
from appliance.language.times import moments
from appliance.language.words import overlap
from appliance.minutes.binding import joking
from appliance.minutes.cues import says
from appliance.minutes.decisions import in_order
from appliance.minutes.matters import matter
from appliance.minutes.reading import Reading, Sentence

_LOOK_AHEAD: Final = 4
_SAME_QUESTION: Final = 0.6


@dataclass(frozen=True, slots=True)
class QuestionDraft:
    """A question and the words that leave it open."""

    core: Sentence
    evidence: tuple[Sentence, ...]

    @property
    def cited(self) -> tuple[Sentence, ...]:
        """Everything that the question rests on, in order of time, each sentence once."""
        return in_order((*self.evidence, self.core))


def find_questions(reading: Reading) -> tuple[QuestionDraft, ...]:
    """Questions followed by "I do not know" or "not today", and matters that somebody calls open.

    A question that nobody comments on is left out: most of those are answered in words that no cue recognises, and an
    open question that was in fact answered is worse than one that a reader finds in the transcript.
    """
    found: list[QuestionDraft] = []
    for sentence in reading.sentences:
        for find in (_asked_and_unknown, _asked_inside, _put_off, _called_open):
            draft = find(sentence, reading)
            if draft and not any(_same(draft, known, reading) for known in found):
                found.append(draft)
                break
    return tuple(found)


def _asked_and_unknown(sentence: Sentence, reading: Reading) -> QuestionDraft | None:
    cue = reading.cues.questions
    telling = len(reading.stems(sentence.text)) + len(numbers(sentence.text, reading.lexicon))
    if not says(sentence.text, cue.asks) or says(sentence.text, cue.social) or telling < 2:
        return None
    unknown: list[Sentence] = []
    for later in reading.after(sentence, _LOOK_AHEAD):
        if _leaves_open(later, reading):
            unknown.append(later)
        elif unknown or later.asks or says(later.text, cue.answer) or _tells(later, sentence, reading):
            break
    return QuestionDraft(sentence, (sentence, *unknown)) if unknown else None


def _asked_inside(sentence: Sentence, reading: Reading) -> QuestionDraft | None:
    """ "We do not know yet whether they agree": the question and that it is open in one sentence."""
    cue = reading.cues.questions
    if sentence.asks or not says(sentence.text, cue.indirect) or not says(sentence.text, cue.unknown):
        return None
    return QuestionDraft(sentence, (sentence,)) if len(matter(sentence.text, reading)) >= 2 else None


def _put_off(sentence: Sentence, reading: Reading) -> QuestionDraft | None:
    """ "Not today": the matter is what somebody else just asked for."""
    cue = reading.cues
    if sentence.asks or not says(sentence.text, cue.questions.defer):
        return None
    if not says(sentence.text, cue.decisions.anaphora):
        return None
    for earlier in reading.before(sentence, 2):
        if earlier.speaker != sentence.speaker and len(matter(earlier.text, reading)) >= 2:
            settled = joking(earlier, reading) or says(earlier.text, cue.decisions.anchor)
            wanted = earlier.asks or says(
                earlier.text, (*cue.decisions.propose, *cue.decisions.urge, *cue.questions.wants)
            )
            return QuestionDraft(earlier, (earlier, sentence)) if wanted and not settled else None
    return None


def _called_open(sentence: Sentence, reading: Reading) -> QuestionDraft | None:
    match = says(sentence.text, reading.cues.questions.open)
    if match is None or sentence.asks or says(sentence.text, reading.cues.topic):
        return None
    rest = reading.stems(sentence.text[: match.start()] + " " + sentence.text[match.end() :])
    return QuestionDraft(sentence, (sentence,)) if len(rest) >= 2 else None


def _leaves_open(sentence: Sentence, reading: Reading) -> bool:
    cue = reading.cues.questions
    return bool(says(sentence.text, (*cue.unknown, *cue.defer)))


def _tells(later: Sentence, question: Sentence, reading: Reading) -> bool:
    """Whether somebody else names the number or the moment that was asked for."""
    if later.speaker == question.speaker or not says(question.text, reading.cues.questions.quantity):
        return False
    return bool(numbers(later.text, reading.lexicon)) or bool(moments(later.text, reading.lexicon))


def _same(draft: QuestionDraft, known: QuestionDraft, reading: Reading) -> bool:
    a, b = reading.stems(draft.core.text), reading.stems(known.core.text)
    shorter, longer = sorted((a, b), key=len)
    return overlap(shorter, longer, reading.lexicon) >= _SAME_QUESTION
