"""When a sentence binds the meeting: it says so, or it is a joint intention or a proposal that others consent to.

Rules, in the order in which they are tried on a sentence:

1. It says so itself ("we have decided to …"); or it only announces ("it is decided.") and the next one binds.
2. It states what all will do or how things will be ("we will …", "the price stays …"), and somebody announced a
   decision, consents, or is asked for consent and has no objection.
3. It draws the conclusion ("so we …", "then it is the tenth") of what was asked or proposed shortly before.
4. It proposes ("I suggest that …") and somebody else agrees before anybody objects.

What is only supposed ("if they agree, we …"), meant as a joke or said of the past binds nobody.
"""

from dataclasses import dataclass
from typing import Final

from appliance.language.lexicon import Lexicon
from appliance.language.numbers import numbers
from appliance.language.times import moments
from appliance.language.words import overlap, words
from appliance.minutes.cues import says
from appliance.minutes.matters import (
    LOOK_AHEAD,
    NEAR_MATTER,
    content_besides,
    correcting,
    matches,
    matter,
    same_figures,
    shared,
)
from appliance.minutes.reading import Reading, Sentence

_FEW_WORDS: Final = 7
_DISCUSSED: Final = 10
"""Sentences back to the question or the proposal that a conclusion ends."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A sentence that binds, with those that make it do so: announcement, consent, the question it answers."""

    core: Sentence
    because: tuple[Sentence, ...]


def binds(sentence: Sentence, reading: Reading) -> Bound | None:
    """How a sentence binds the meeting; None when it does not."""
    cue = reading.cues.decisions
    if says(sentence.text, cue.not_yet) or joking(sentence, reading) or says(sentence.text, reading.cues.farewell):
        return None
    if dictating(sentence, reading):
        return None
    if _announces(sentence, reading):
        looks_back = says(sentence.text, cue.anchor) and not _binds_next(sentence, reading)
        return _proposal_before(sentence, reading) if looks_back else None
    if not sentence.asks and says(sentence.text, cue.anchor):
        return Bound(sentence, (sentence,))
    if supposes(sentence.text, reading.lexicon) or _promises(sentence, reading):
        return None
    if says(sentence.text, reading.cues.questions.defer):
        return None
    return _intended(sentence, reading) or _concluded(sentence, reading) or _agreed_proposal(sentence, reading)


def joking(sentence: Sentence, reading: Reading) -> bool:
    """Whether its speaker says at once that it was not meant, or the next one takes it so."""
    after = reading.after(sentence, 2)
    own = (one for one in after if one.speaker == sentence.speaker)
    others = (one for one in after[:1] if one.speaker != sentence.speaker)
    return any(says(one.text, reading.cues.joke) for one in (sentence, *own)) or any(
        says(one.text, reading.cues.taken_as_joke) for one in others
    )


def dictating(sentence: Sentence, reading: Reading) -> bool:
    """Whether it belongs to a turn that speaks to the writer of the minutes, or to a program."""
    turn = [sentence]
    for earlier in reading.before(sentence, LOOK_AHEAD):
        if earlier.speaker != sentence.speaker:
            break
        turn.append(earlier)
    return any(says(one.text, reading.cues.dictated) for one in turn)


def supposes(text: str, lexicon: Lexicon) -> bool:
    """Whether a sentence speaks of what happens under a condition."""
    return any(word.folded in lexicon.conditionals for word in words(text))


def states(sentence: Sentence, reading: Reading) -> bool:
    """Whether a sentence says what all will do, or how things will be; a question only tagged on leaves it so."""
    cue = reading.cues.decisions
    if sentence.asks and not says(sentence.text, cue.tag):
        return False
    stated = says(sentence.text, (*cue.will, *cue.outcome))
    return bool(stated) and not says(sentence.text, (*cue.procedural, *cue.disagree))


def _promises(sentence: Sentence, reading: Reading) -> bool:
    """Whether it is one speaker's promise and nothing of all."""
    return bool(says(sentence.text, reading.cues.actions.self)) and not says(
        sentence.text,
        (*reading.cues.decisions.will, *reading.cues.decisions.propose, *reading.cues.decisions.urge),
    )


def _announces(sentence: Sentence, reading: Reading) -> bool:
    """Whether a sentence says that something is decided, and not what."""
    cue = reading.cues.decisions
    patterns = (*cue.opening, *cue.anchor)
    return (
        bool(says(sentence.text, patterns)) and content_besides(sentence, patterns, reading) < 2 and not sentence.asks
    )


def _binds_next(sentence: Sentence, reading: Reading) -> bool:
    """Whether the announced decision is the sentence after it; otherwise it is what was proposed before."""
    return any(
        later.speaker == sentence.speaker and not later.asks and says(later.text, reading.cues.decisions.will)
        for later in reading.after(sentence, 1)
    )


def _intended(sentence: Sentence, reading: Reading) -> Bound | None:
    """ "We will …", with an announcement before it or consent around it."""
    if not states(sentence, reading):
        return None
    announced = next((one for one in reading.before(sentence, 2) if _announces(one, reading)), None)
    if announced:
        return Bound(sentence, (announced, sentence))
    if consent := _consent_asked(sentence, reading) or _consent_given(sentence, reading):
        return Bound(sentence, (sentence, consent))
    return Bound(sentence, (sentence,)) if _corrects_earlier(sentence, reading) else None


def _consent_asked(sentence: Sentence, reading: Reading) -> Sentence | None:
    """The question for consent after a statement, or the tag that asks for it, unless the answer is a no."""
    cue = reading.cues.decisions
    if sentence.asks and says(sentence.text, cue.tag):
        return None if _objected(sentence, reading) else sentence
    for later in reading.after(sentence, 2):
        if says(later.text, cue.booster):
            return None if _objected(later, reading) else later
    return None


def _consent_given(sentence: Sentence, reading: Reading) -> Sentence | None:
    """Consent by another speaker in the next sentences; a bare "yes" to a statement may answer anything."""
    cue = reading.cues.decisions
    for later in reading.after(sentence, LOOK_AHEAD):
        if later.speaker == sentence.speaker:
            continue
        if says(later.text, cue.agree) and not later.asks:
            return later
        if later.asks or says(later.text, (*cue.disagree, *cue.not_yet, *reading.cues.questions.defer)):
            return None
        if later.place - sentence.place > 2:
            return None
    return None


def _objected(sentence: Sentence, reading: Reading) -> bool:
    """Whether the answer to a question for consent is a no."""
    cue = reading.cues.decisions
    for later in reading.after(sentence, 2):
        if says(later.text, (*cue.agree, *cue.yes)):
            return False
        if says(later.text, cue.disagree):
            return True
    return False


def _concluded(sentence: Sentence, reading: Reading) -> Bound | None:
    """ "So we …", "then it is …": what was asked or proposed shortly before, by whomever, is settled by it."""
    cue = reading.cues.decisions
    stated = states(sentence, reading)
    if sentence.asks or not says(sentence.text, cue.concludes):
        return None
    if not stated and not _is_bare_figure(sentence, reading):
        return None
    for earlier in reading.before(sentence, _DISCUSSED):
        raised = says(earlier.text, (*cue.propose, *cue.urge, *cue.outcome, *cue.will)) or (stated and earlier.asks)
        if not (raised or _is_bare_figure(earlier, reading)) or joking(earlier, reading):
            continue
        if _settles(sentence, earlier, reading):
            return Bound(sentence, (earlier, sentence))
    return None


def _is_bare_figure(sentence: Sentence, reading: Reading) -> bool:
    """ "Twelve dollars a month": a number that needs no verb to be what was asked for."""
    few = len(words(sentence.text)) <= _FEW_WORDS
    return (
        few
        and bool(numbers(sentence.text, reading.lexicon))
        and not says(sentence.text, reading.cues.decisions.procedural)
    )


def _settles(conclusion: Sentence, raised: Sentence, reading: Reading) -> bool:
    """Whether a conclusion is about what was raised: the same figures, several words in common, or all that it says."""
    if same_figures(conclusion.text, raised.text, reading):
        return True
    own, theirs = matter(conclusion.text, reading), matter(raised.text, reading)
    if len(own) >= 2:
        return shared(conclusion, raised, reading) >= NEAR_MATTER
    near = conclusion.place - raised.place <= LOOK_AHEAD
    return near and overlap(own, theirs, reading.lexicon) == 1.0


def _agreed_proposal(sentence: Sentence, reading: Reading) -> Bound | None:
    cue = reading.cues.decisions
    if sentence.asks or not says(sentence.text, (*cue.propose, *cue.urge)) or says(sentence.text, cue.procedural):
        return None
    for later in reading.after(sentence, LOOK_AHEAD):
        if _echoes(later, sentence, reading):
            continue
        if later.speaker == sentence.speaker:
            if later.asks and not says(later.text, cue.booster):
                return None  # another proposal in place of this one
            continue
        if says(later.text, (*cue.agree, *cue.yes)):
            return None if _takes_it(sentence, later, reading) else Bound(sentence, (sentence, later))
        if later.asks or says(later.text, (*cue.disagree, *reading.cues.questions.defer)):
            return None
    return None


def _echoes(later: Sentence, proposal: Sentence, reading: Reading) -> bool:
    """ "Every day?": a question that only repeats what was proposed."""
    stems = reading.stems(later.text)
    return later.asks and overlap(stems, reading.stems(proposal.text), reading.lexicon) == 1.0


def _takes_it(proposal: Sentence, consent: Sentence, reading: Reading) -> bool:
    """Whether who consents at once promises to do it: then it is a task of theirs and no decision of all."""
    own = (one for one in (consent, *reading.after(consent, 1)) if one.speaker == consent.speaker)
    return any(
        says(one.text, reading.cues.actions.self) and not (moments(proposal.text, reading.lexicon)) for one in own
    ) and not numbers(proposal.text, reading.lexicon)


def _proposal_before(sentence: Sentence, reading: Reading) -> Bound | None:
    """What a bare "agreed, so it is decided" refers to: the nearest proposal or intention before it."""
    cue = reading.cues.decisions
    for earlier in reading.before(sentence, 6):
        if says(earlier.text, (*cue.propose, *cue.urge, *cue.will)) and len(reading.stems(earlier.text)) >= 2:
            return Bound(earlier, (earlier, sentence))
    return None


def _corrects_earlier(sentence: Sentence, reading: Reading) -> bool:
    """Whether an intention stands in the middle of a correction of something decided."""
    if not correcting(sentence, reading):
        return False
    cue = reading.cues.decisions
    return any(
        matches(sentence, earlier, reading)
        for earlier in reading.sentences[: sentence.place]
        if says(earlier.text, (*cue.anchor, *cue.will))
    )
