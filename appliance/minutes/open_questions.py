"""Questions that the meeting asked and did not answer."""

from dataclasses import dataclass

from appliance.language.words import overlap
from appliance.minutes.cues import says
from appliance.minutes.decisions import in_order
from appliance.minutes.reading import Reading, Sentence


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
    """Questions followed by "I do not know", and matters that somebody calls open.

    A question that nobody comments on is left out: most of those are answered in words that no cue recognises, and an
    open question that was in fact answered is worse than one that a reader finds in the transcript.
    """
    found: list[QuestionDraft] = []
    for sentence in reading.sentences:
        draft = _asked_and_unknown(sentence, reading) or _called_open(sentence, reading)
        if draft and not any(_same(draft, known, reading) for known in found):
            found.append(draft)
    return tuple(found)


def _asked_and_unknown(sentence: Sentence, reading: Reading) -> QuestionDraft | None:
    cue = reading.cues.questions
    if not says(sentence.text, cue.asks) or says(sentence.text, cue.social) or len(reading.stems(sentence.text)) < 2:
        return None
    unknown: list[Sentence] = []
    for later in reading.after(sentence, 3):
        if says(later.text, cue.unknown):
            unknown.append(later)
        elif unknown or later.asks or says(later.text, cue.answer):
            break
    return QuestionDraft(sentence, (sentence, *unknown)) if unknown else None


def _called_open(sentence: Sentence, reading: Reading) -> QuestionDraft | None:
    match = says(sentence.text, reading.cues.questions.open)
    if match is None or sentence.asks or says(sentence.text, reading.cues.topic):
        return None
    rest = reading.stems(sentence.text[: match.start()] + " " + sentence.text[match.end() :])
    return QuestionDraft(sentence, (sentence,)) if len(rest) >= 2 else None


def _same(draft: QuestionDraft, known: QuestionDraft, reading: Reading) -> bool:
    a, b = reading.stems(draft.core.text), reading.stems(known.core.text)
    shorter, longer = sorted((a, b), key=len)
    return overlap(shorter, longer, reading.lexicon) >= 0.6
