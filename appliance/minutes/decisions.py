"""Which sentences bind the meeting, what replaced them, and what was taken back.

Code decides it, by cues; a model only words the outcome. Rules, in the order in which they are tried on a sentence:

1. It says so itself ("we have decided to …"); or it only announces ("it is decided.") and the next one binds.
2. It states an intention ("we will …") and somebody asks for consent, or the sentence before announced a decision.
3. It proposes ("I suggest that …") and somebody else agrees before anybody objects.

A later decision about the same matter repeats the earlier one when their numbers agree and replaces it when they
differ.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from appliance.language.citations import negated
from appliance.language.numbers import number_values, numbers
from appliance.language.times import moments
from appliance.language.words import normalised, overlap, words
from appliance.minutes.cues import Patterns, says
from appliance.minutes.reading import Reading, Sentence

_SAME_MATTER = 0.67
"""Share of the shorter statement's words that two statements about one matter have in common. Two purchases share the
word buy, and are two matters."""

_CORRECTED_MATTER = 0.5
"""As above, for a statement that says that it changes something decided earlier."""

_NEAR_MATTER = 0.3
"""As above, for a proposal and the decision a few sentences after it, or a correction of what was just said."""

_LOOK_AHEAD = 4
_LOOK_BACK = 3


@dataclass(frozen=True, slots=True)
class DecisionDraft:
    """A decision as found: ``core`` binds, ``evidence`` repeats or consents, ``corrects`` is what it replaced.

    ``context`` is the sentence before one like "let's order it", which says nothing without it.
    """

    core: Sentence
    evidence: tuple[Sentence, ...]
    corrects: tuple[Sentence, ...] = ()
    context: tuple[Sentence, ...] = ()

    @property
    def said(self) -> str:
        """The words of the decision, with its context where it needs one."""
        return " … ".join(sentence.text for sentence in (*self.context, self.core))

    @property
    def cited(self) -> tuple[Sentence, ...]:
        """Everything that the decision rests on, in order of time, each sentence once."""
        return in_order((*self.corrects, *self.evidence, self.core))


@dataclass(frozen=True, slots=True)
class Decided:
    """What stands at the end of the meeting, and what was decided and then dropped without a successor."""

    standing: tuple[DecisionDraft, ...]
    withdrawn: tuple[DecisionDraft, ...]


def find_decisions(reading: Reading) -> Decided:
    """Every decision that still stands when the meeting ends."""
    standing: list[DecisionDraft] = []
    withdrawn: list[DecisionDraft] = []
    for sentence in reading.sentences:
        if taken := _taken_back(sentence, standing, reading):
            standing.remove(taken)
            withdrawn.append(replace(taken, evidence=in_order((*taken.evidence, sentence))))
        elif draft := _decision_at(sentence, reading):
            _fold_in(_in_context(draft, reading), standing, withdrawn, reading)
        elif restated := _restated(sentence, standing, reading):
            place = standing.index(restated)
            standing[place] = replace(restated, evidence=in_order((*restated.evidence, sentence)))
    return Decided(tuple(standing), tuple(withdrawn))


def in_order(found: Iterable[Sentence]) -> tuple[Sentence, ...]:
    """Each sentence once, in order of time."""
    return tuple(sorted(set(found), key=lambda sentence: sentence.place))


def correcting(sentence: Sentence, reading: Reading) -> bool:
    """Whether a sentence, or one shortly before it, says that something earlier is being changed."""
    near = (sentence, *reading.before(sentence, _LOOK_BACK))
    return any(says(one.text, reading.cues.decisions.correct) for one in near)


def joking(sentence: Sentence, reading: Reading) -> bool:
    """Whether its speaker says at once that it was not meant."""
    own = (one for one in reading.after(sentence, 2) if one.speaker == sentence.speaker)
    return any(says(one.text, reading.cues.joke) for one in (sentence, *own))


def _decision_at(sentence: Sentence, reading: Reading) -> DecisionDraft | None:
    cue = reading.cues.decisions
    if says(sentence.text, cue.not_yet) or joking(sentence, reading) or says(sentence.text, reading.cues.farewell):
        return None
    if _announces(sentence, reading):
        looks_back = says(sentence.text, cue.anchor) and not _binds_next(sentence, reading)
        return _proposal_before(sentence, reading) if looks_back else None
    if not sentence.asks and says(sentence.text, cue.anchor):
        return DecisionDraft(sentence, (sentence,))
    if not sentence.asks and says(sentence.text, cue.will):
        announced = next((one for one in reading.before(sentence, 2) if _announces(one, reading)), None)
        consented = _consent_asked(sentence, reading) or _consent_given(sentence, reading)
        if announced or consented or _corrects_earlier(sentence, reading):
            return DecisionDraft(sentence, tuple(one for one in (announced, sentence) if one))
    if says(sentence.text, cue.propose) and not sentence.asks | bool(says(sentence.text, cue.not_yet)):
        return _agreed_proposal(sentence, reading)
    return None


def _in_context(draft: DecisionDraft, reading: Reading) -> DecisionDraft:
    """The draft with the sentence that "it" refers to, when it has no other word of meaning."""
    telling = len(_matter(draft.core.text, reading)) + len(number_values(draft.core.text, reading.lexicon))
    if telling > 1 or moments(draft.core.text, reading.lexicon):
        return draft
    before = reading.before(draft.core, 2 * _LOOK_AHEAD)
    context = next((one for one in before if not one.asks and len(_matter(one.text, reading)) >= 2), None)
    if context is None:
        return draft
    return replace(draft, context=(context,), evidence=in_order((context, *draft.evidence)))


def _announces(sentence: Sentence, reading: Reading) -> bool:
    """Whether a sentence says that something is decided, and not what."""
    cue = reading.cues.decisions
    patterns = (*cue.opening, *cue.anchor)
    return bool(says(sentence.text, patterns)) and _content(sentence, reading, patterns) < 2 and not sentence.asks


def _binds_next(sentence: Sentence, reading: Reading) -> bool:
    """Whether the announced decision is the sentence after it; otherwise it is what was proposed before."""
    return any(
        later.speaker == sentence.speaker and not later.asks and says(later.text, reading.cues.decisions.will)
        for later in reading.after(sentence, 1)
    )


def _consent_asked(sentence: Sentence, reading: Reading) -> Sentence | None:
    for later in reading.after(sentence, 2):
        if says(later.text, reading.cues.decisions.booster):
            return None if _objected(later, reading) else later
    return None


def _consent_given(sentence: Sentence, reading: Reading) -> Sentence | None:
    """The next speaker's consent in so many words; a bare "yes" may answer anything."""
    for later in reading.after(sentence, 2):
        if later.speaker != sentence.speaker:
            return later if says(later.text, reading.cues.decisions.agree[:1]) else None
    return None


def _objected(sentence: Sentence, reading: Reading) -> bool:
    """Whether the answer to a question for consent is a no."""
    for later in reading.after(sentence, 2):
        if says(later.text, reading.cues.decisions.agree):
            return False
        if says(later.text, reading.cues.decisions.disagree):
            return True
    return False


def _agreed_proposal(sentence: Sentence, reading: Reading) -> DecisionDraft | None:
    for later in reading.after(sentence, _LOOK_AHEAD):
        if later.speaker == sentence.speaker:
            continue
        if says(later.text, reading.cues.decisions.agree):
            return DecisionDraft(sentence, (sentence, later))
        if says(later.text, reading.cues.decisions.disagree) or later.asks:
            return None
    return None


def _proposal_before(sentence: Sentence, reading: Reading) -> DecisionDraft | None:
    """What a bare "agreed, so it is decided" refers to: the nearest proposal or intention before it."""
    cue = reading.cues.decisions
    for earlier in reading.before(sentence, 6):
        if says(earlier.text, (*cue.propose, *cue.will)) and len(reading.stems(earlier.text)) >= 2:
            return DecisionDraft(earlier, (earlier, sentence))
    return None


def _corrects_earlier(sentence: Sentence, reading: Reading) -> bool:
    """Whether an intention stands in the middle of a correction of something decided."""
    return correcting(sentence, reading) and any(
        _matches(sentence, earlier, reading)
        for earlier in reading.sentences[: sentence.place]
        if says(earlier.text, reading.cues.decisions.anchor) or says(earlier.text, reading.cues.decisions.will)
    )


def _fold_in(
    draft: DecisionDraft, standing: list[DecisionDraft], withdrawn: list[DecisionDraft], reading: Reading
) -> None:
    """Add a decision to those that stand: as a new one, a repetition, or a successor."""
    earlier = _nearest(draft.core, standing, reading)
    denies = negated(draft.core.text, reading.lexicon) and correcting(draft.core, reading)
    if earlier is None:
        if not denies:
            standing.append(_successor_of_withdrawn(draft, withdrawn, reading))
        return
    place = standing.index(earlier)
    if not _same_terms(draft.core, earlier.core, reading):
        standing[place] = replace(draft, corrects=in_order((*earlier.corrects, *earlier.evidence)))
    elif denies:
        withdrawn.append(replace(earlier, evidence=in_order((*earlier.evidence, draft.core))))
        standing.pop(place)
    else:
        core = max(earlier.core, draft.core, key=lambda one: _firmness(one, reading))
        evidence = in_order((*earlier.evidence, *draft.evidence, draft.core))
        standing[place] = replace(earlier, core=core, evidence=evidence)


def _successor_of_withdrawn(draft: DecisionDraft, withdrawn: list[DecisionDraft], reading: Reading) -> DecisionDraft:
    """A decision made right after the one that it replaces was taken back cites that one too."""
    for dropped in reversed(withdrawn):
        near = draft.core.place - dropped.evidence[-1].place <= _LOOK_AHEAD
        if near and _matches(draft.core, dropped.core, reading):
            withdrawn.remove(dropped)
            return replace(draft, corrects=in_order((*dropped.corrects, *dropped.evidence)))
    return draft


def _nearest(sentence: Sentence, standing: list[DecisionDraft], reading: Reading) -> DecisionDraft | None:
    matching = [draft for draft in standing if _matches(sentence, draft.core, reading)]
    if not matching and correcting(sentence, reading) and not _matter(sentence.text, reading):
        # "Then it has to be the fifth": the matter is the one whose moment was spoken of last.
        dated = [draft for draft in standing if _moments(draft.core.text, reading)]
        return max(dated, key=lambda draft: draft.cited[-1].place, default=None)
    return max(matching, key=lambda draft: _shared(sentence, draft.core, reading), default=None)


def _restated(sentence: Sentence, standing: list[DecisionDraft], reading: Reading) -> DecisionDraft | None:
    """The decision that a closing remark repeats in the same terms: "so the new date is the seventeenth"."""
    cue = reading.cues.decisions
    if sentence.asks or not says(sentence.text, (*cue.settles, *cue.will)):
        return None
    for draft in reversed(standing):
        same = _same_figures(sentence.text, draft.core.text, reading) and _same_terms(sentence, draft.core, reading)
        bare = not _matter(sentence.text, reading)
        if same and (bare or _shared(sentence, draft.core, reading) >= _CORRECTED_MATTER):
            return draft
    return None


def _taken_back(sentence: Sentence, standing: list[DecisionDraft], reading: Reading) -> DecisionDraft | None:
    if sentence.asks or not says(sentence.text, reading.cues.decisions.withdraw) or not standing:
        return None
    named = _nearest(sentence, standing, reading)
    if named is not None:
        return named
    recent = max(standing, key=lambda draft: draft.cited[-1].place)
    anaphoric = _content(sentence, reading, reading.cues.decisions.withdraw) < 2
    return recent if anaphoric and sentence.place - recent.cited[-1].place <= 2 * _LOOK_AHEAD else None


def _matches(later: Sentence, earlier: Sentence, reading: Reading) -> bool:
    """Whether two statements are about one matter."""
    near = later.place - earlier.place <= _LOOK_AHEAD
    corrects = correcting(later, reading)
    if near and (corrects or not says(earlier.text, reading.cues.decisions.anchor)):
        enough = _NEAR_MATTER
    else:
        enough = _CORRECTED_MATTER if corrects else _SAME_MATTER
    return _shared(later, earlier, reading) >= enough


def _shared(later: Sentence, earlier: Sentence, reading: Reading) -> float:
    """Common words of two statements, numbers and moments left out: these may differ between versions of one matter.

    One common word says nothing, unless the numbers are the same as well or the later statement says that it corrects.
    """
    shorter, longer = sorted((_matter(later.text, reading), _matter(earlier.text, reading)), key=len)
    telling = len(shorter) >= 2 or _same_figures(later.text, earlier.text, reading) or correcting(later, reading)
    return overlap(shorter, longer, reading.lexicon) if telling else 0.0


def _same_figures(left: str, right: str, reading: Reading) -> bool:
    """Whether two statements name a number or a moment in common."""
    a = {number.value for number in numbers(left, reading.lexicon)}
    b = {number.value for number in numbers(right, reading.lexicon)}
    return bool(a & b) or bool(_moments(left, reading) & _moments(right, reading))


def _moments(text: str, reading: Reading) -> set[str]:
    return {normalised(moment.text) for moment in moments(text, reading.lexicon)}


def _matter(text: str, reading: Reading) -> list[str]:
    for moment in reversed(moments(text, reading.lexicon)):
        text = text[: moment.start] + text[moment.end :]
    cue = reading.cues.decisions
    for patterns in (cue.propose, cue.anchor):
        if match := says(text, patterns):
            text = text[: match.start()] + text[match.end() :]
    kept = " ".join(
        word.text
        for word in words(text)
        if word.folded not in reading.lexicon.reporting and not number_values(word.text, reading.lexicon)
    )
    return reading.stems(kept)


def _same_terms(later: Sentence, earlier: Sentence, reading: Reading) -> bool:
    """Whether two statements about one matter name no different number or moment."""
    a, b = number_values(later.text, reading.lexicon), number_values(earlier.text, reading.lexicon)
    if a and b and not (a == b if correcting(later, reading) else a <= b or b <= a):
        return False
    when_a, when_b = _moments(later.text, reading), _moments(earlier.text, reading)
    return not (when_a and when_b) or bool(when_a & when_b) or bool(a & b)


def _firmness(sentence: Sentence, reading: Reading) -> tuple[bool, bool, int]:
    """The best wording of a decision that was made more than once: one that binds, that is complete, that is later."""
    cue = reading.cues.decisions
    binds = bool(says(sentence.text, cue.anchor) or says(sentence.text, cue.will))
    return binds, bool(number_values(sentence.text, reading.lexicon)), len(reading.stems(sentence.text))


def _content(sentence: Sentence, reading: Reading, cue: Patterns) -> int:
    """How many words of meaning a sentence has besides the cue itself."""
    match = says(sentence.text, cue)
    rest = sentence.text[: match.start()] + " " + sentence.text[match.end() :] if match else sentence.text
    return len([one for one in reading.stems(rest) if one not in reading.lexicon.reporting]) + len(
        number_values(rest, reading.lexicon)
    )
