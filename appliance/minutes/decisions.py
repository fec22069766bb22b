"""What the meeting decided and still holds at its end; what replaced what, and what was taken back.

Code decides it, by cues; a model only words the outcome. ``binding`` says when a sentence binds; this module keeps the
state of the discussion. A later decision about the same matter repeats the earlier one when their numbers agree and
replaces it when they differ. Decisions of earlier meetings are known, and are none of this one until it changes them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from appliance.language.citations import negated
from appliance.language.numbers import number_values, numbers
from appliance.language.times import moments
from appliance.language.words import overlap
from appliance.minutes.binding import binds, states, supposes
from appliance.minutes.cues import says
from appliance.minutes.matters import (
    CORRECTED_MATTER,
    LOOK_AHEAD,
    LOOK_BACK,
    NEAR_MATTER,
    content_besides,
    correcting,
    matches,
    matter,
    named_moments,
    same_figures,
    same_terms,
    shared,
)
from appliance.minutes.reading import Reading, Sentence


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
    discussion = _Discussion(reading)
    for sentence in reading.sentences:
        discussion.hear(sentence)
    return Decided(tuple(discussion.standing), tuple(discussion.withdrawn))


def in_order(found: Iterable[Sentence]) -> tuple[Sentence, ...]:
    """Each sentence once, in order of time."""
    return tuple(sorted(set(found), key=lambda sentence: sentence.place))


@dataclass
class _Discussion:
    """The state of the meeting after each sentence; ``before`` are decisions of earlier meetings."""

    reading: Reading
    standing: list[DecisionDraft] = field(default_factory=list)
    withdrawn: list[DecisionDraft] = field(default_factory=list)
    before: list[DecisionDraft] = field(default_factory=list)

    def hear(self, sentence: Sentence) -> None:
        """Go on by one sentence."""
        if self._reports_earlier(sentence):
            self.before.append(DecisionDraft(sentence, (sentence,)))
        elif dropped := self._dropped(sentence):
            (self.standing if dropped in self.standing else self.before).remove(dropped)
            self.withdrawn.append(replace(dropped, evidence=in_order((*dropped.evidence, sentence))))
        elif bound := binds(sentence, self.reading):
            self._decide(DecisionDraft(bound.core, bound.because))
        elif amended := self._amended(sentence):
            self.standing[self.standing.index(amended[0])] = amended[1]
        elif restated := self._restated(sentence):
            place = self.standing.index(restated)
            self.standing[place] = replace(restated, evidence=in_order((*restated.evidence, sentence)))

    def _reports_earlier(self, sentence: Sentence) -> bool:
        return not sentence.asks and bool(says(sentence.text, self.reading.cues.decisions.prior))

    def _decide(self, draft: DecisionDraft) -> None:
        """Add a decision to those that stand: as a new one, a repetition, or a successor."""
        reading = self.reading
        earlier = self._nearest(draft.core, self.standing)
        denies = negated(draft.core.text, reading.lexicon) and correcting(draft.core, reading)
        if earlier is None:
            known = self._nearest(draft.core, self.before)
            if known is not None:
                self.before.remove(known)
                if not same_terms(draft.core, known.core, reading):
                    self.standing.append(replace(draft, corrects=known.cited))
                elif denies:
                    self.withdrawn.append(replace(known, evidence=in_order((*known.evidence, draft.core))))
                else:
                    self.standing.append(draft)
            elif not self._denies_withdrawn(draft):
                self.standing.append(self._successor_of_withdrawn(_in_context(draft, reading)))
            return
        place = self.standing.index(earlier)
        if not same_terms(draft.core, earlier.core, reading):
            self.standing[place] = replace(draft, corrects=in_order((*earlier.corrects, *earlier.evidence)))
        elif denies and not negated(earlier.core.text, reading.lexicon):
            self.withdrawn.append(replace(earlier, evidence=in_order((*earlier.evidence, draft.core))))
            self.standing.pop(place)
        else:
            core = max(earlier.core, draft.core, key=lambda one: _firmness(one, reading))
            context = draft.context if core is draft.core else earlier.context
            evidence = in_order((*earlier.evidence, *draft.evidence, draft.core))
            self.standing[place] = replace(earlier, core=core, context=context, evidence=evidence)

    def _denies_withdrawn(self, draft: DecisionDraft) -> bool:
        """Whether "so we won't …" only repeats that something was taken back."""
        if not negated(draft.core.text, self.reading.lexicon):
            return False
        own = matter(draft.core.text, self.reading)
        return any(
            overlap(own, matter(dropped.core.text, self.reading), self.reading.lexicon) >= CORRECTED_MATTER
            or draft.core.place - dropped.cited[-1].place <= LOOK_AHEAD
            for dropped in self.withdrawn
        )

    def _successor_of_withdrawn(self, draft: DecisionDraft) -> DecisionDraft:
        """A decision made right after the one that it replaces was taken back cites that one too."""
        for dropped in reversed(self.withdrawn):
            near = draft.core.place - dropped.evidence[-1].place <= LOOK_AHEAD
            if near and matches(draft.core, dropped.core, self.reading):
                self.withdrawn.remove(dropped)
                return replace(draft, corrects=in_order((*dropped.corrects, *dropped.evidence)))
        return draft

    def _nearest(self, sentence: Sentence, among: list[DecisionDraft]) -> DecisionDraft | None:
        matching = [draft for draft in among if self._matches(sentence, draft)]
        if not matching and correcting(sentence, self.reading) and not matter(sentence.text, self.reading):
            return self._nearest_in_figures(sentence, among)
        return max(matching, key=lambda draft: shared(sentence, draft.core, self.reading), default=None)

    def _nearest_in_figures(self, sentence: Sentence, among: list[DecisionDraft]) -> DecisionDraft | None:
        """What "then it has to be the fifth" is about: what the talk before it names the figures of, else what has a
        moment and was spoken of last."""
        talk = self.reading.before(sentence, LOOK_BACK)
        named = [draft for draft in among if any(same_figures(one.text, draft.core.text, self.reading) for one in talk)]
        dated = named or [draft for draft in among if named_moments(draft.core.text, self.reading)]
        return max(dated, key=lambda draft: draft.cited[-1].place, default=None)

    def _matches(self, sentence: Sentence, draft: DecisionDraft) -> bool:
        return any(matches(sentence, one, self.reading) for one in (draft.core, *draft.context))

    def _restated(self, sentence: Sentence) -> DecisionDraft | None:
        """The decision that a closing remark repeats in the same terms: "so the new date is the seventeenth"."""
        reading, cue = self.reading, self.reading.cues.decisions
        if sentence.asks or not says(sentence.text, (*cue.settles, *cue.will, *cue.outcome)):
            return None
        for draft in reversed(self.standing):
            same = same_figures(sentence.text, draft.core.text, reading) and same_terms(sentence, draft.core, reading)
            bare = not matter(sentence.text, reading)
            if same and (bare or shared(sentence, draft.core, reading) >= CORRECTED_MATTER):
                return draft
        return None

    def _amended(self, sentence: Sentence) -> tuple[DecisionDraft, DecisionDraft] | None:
        """A decision whose number or moment somebody puts right: "I said five branches. It is four." """
        reading, cue = self.reading, self.reading.cues.decisions
        own = [one for one in reading.before(sentence, 2) if one.speaker == sentence.speaker]
        amends = any(says(one.text, cue.amend) for one in (sentence, *own))
        if sentence.asks or not amends or not _has_figures(sentence.text, reading):
            return None
        for context in (sentence, *own):
            for draft in reversed(self.standing):
                same = shared(context, draft.core, reading) >= NEAR_MATTER and len(matter(context.text, reading)) >= 1
                if same and not same_terms(sentence, draft.core, reading):
                    around = () if context is sentence else (context,)
                    evidence = in_order((*around, sentence))
                    corrects = in_order((*draft.corrects, *draft.evidence))
                    return draft, DecisionDraft(sentence, evidence, corrects=corrects, context=around)
        return None

    def _dropped(self, sentence: Sentence) -> DecisionDraft | None:
        """The decision, of this meeting or an earlier one, that a sentence takes back: by name, or by "that"."""
        reading, cue = self.reading, self.reading.cues.decisions
        among = [*self.before, *self.standing]
        if not among or sentence.asks or supposes(sentence.text, reading.lexicon):
            return None
        match = says(sentence.text, cue.withdraw)
        if match is None:
            return self._denied(sentence, among)
        named = self._nearest(sentence, among)
        if named is not None:
            return named
        recent = max(among, key=lambda draft: draft.cited[-1].place)
        points_back = bool(says(match.group(), cue.anaphora))
        anaphoric = points_back or content_besides(sentence, cue.withdraw, reading) < 2
        return recent if anaphoric and sentence.place - recent.cited[-1].place <= 2 * LOOK_AHEAD else None

    def _denied(self, sentence: Sentence, among: list[DecisionDraft]) -> DecisionDraft | None:
        """The decision that "so we do not …" says the opposite of, in nearly the same words."""
        reading = self.reading
        if not (states(sentence, reading) and negated(sentence.text, reading.lexicon)):
            return None
        opposite = [draft for draft in among if not negated(draft.core.text, reading.lexicon)]
        near = [draft for draft in opposite if sentence.place - draft.cited[-1].place <= 2 * LOOK_AHEAD]
        stems = matter(sentence.text, reading)
        for draft in reversed(near):
            if (
                stems
                and same_terms(sentence, draft.core, reading)
                and shared(sentence, draft.core, reading) >= CORRECTED_MATTER
            ):
                return draft
        return None


def _in_context(draft: DecisionDraft, reading: Reading) -> DecisionDraft:
    """The draft with the sentence that "it" refers to, when it has no other word of meaning."""
    telling = len(matter(draft.core.text, reading)) + len(number_values(draft.core.text, reading.lexicon))
    if telling > 1 or (telling and moments(draft.core.text, reading.lexicon)):
        return draft
    before = [one for one in reading.before(draft.core, 2 * LOOK_AHEAD) if len(matter(one.text, reading)) >= 2]
    cue = reading.cues.decisions
    kinds: tuple[Callable[[Sentence], bool], ...] = (
        lambda one: same_figures(one.text, draft.core.text, reading),
        lambda one: bool(says(one.text, (*cue.propose, *cue.urge, *cue.will))) and not says(one.text, cue.procedural),
        lambda one: not one.asks,
    )
    context = next((one for kind in kinds for one in before if kind(one)), None)
    if context is None:
        return draft
    return replace(draft, context=(context,), evidence=in_order((context, *draft.evidence)))


def _has_figures(text: str, reading: Reading) -> bool:
    return bool(numbers(text, reading.lexicon)) or bool(moments(text, reading.lexicon))


def _firmness(sentence: Sentence, reading: Reading) -> tuple[bool, bool, bool, int]:
    """The best wording of a decision that was made more than once: one that binds, that is complete, that is later."""
    cue = reading.cues.decisions
    binding = bool(says(sentence.text, (*cue.anchor, *cue.will, *cue.outcome)))
    stems = len(reading.stems(sentence.text))
    return not sentence.asks, binding, bool(number_values(sentence.text, reading.lexicon)), stems
