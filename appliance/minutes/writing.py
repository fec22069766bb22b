"""Writing minutes: code reads the whole meeting and finds what binds; a model words it, part by part; code checks it.

The map goes over the parts of the meeting, each read once: title and gist of the part, then the wording of what was
found in it. The reduce brings the gists of a long meeting down to a summary of one page. Whatever the model says is
weighed against the cited words; what fails is listed as rejected, and the words of the transcript stand in its place.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from appliance.language.citations import Support
from appliance.language.numbers import number_values
from appliance.language.ports import LanguageModel
from appliance.language.times import moments
from appliance.language.words import normalised, words
from appliance.minutes.actions import ActionDraft, find_actions
from appliance.minutes.asking import Interviewer, Notebook, Tally
from appliance.minutes.binding import dictating, joking
from appliance.minutes.brief import is_brief, says_nothing, told
from appliance.minutes.cues import says
from appliance.minutes.decisions import Decided, DecisionDraft, find_decisions, in_order
from appliance.minutes.errors import NothingSaid
from appliance.minutes.evidence import (
    central,
    cite,
    complete,
    extract,
    ground,
    is_borne_out,
    is_scattered,
    sentences_of,
    weigh,
    weigh_title,
)
from appliance.minutes.model import (
    ActionItem,
    Claim,
    Decision,
    Minutes,
    Origin,
    Question,
    Rejected,
    Topic,
    Withdrawn,
)
from appliance.minutes.open_questions import QuestionDraft, find_questions
from appliance.minutes.reading import Reading, Sentence, read
from appliance.minutes.summary import condense
from appliance.minutes.topics import Part, announced_title, keywords, split
from appliance.transcripts.model import Transcript

_GIST: Final = {"title": 60, "summary": 240}
_WORDING: Final = {"text": 200}
_LONGEST_QUESTION: Final = 400
"""Tokens kept free for a question with the sentence that it quotes."""

_PART_TOKENS: Final = 1500
"""A part is no longer than this even where the window is: small models lose the middle of long texts."""


@dataclass
class Progress:
    """Where the writing tells how far it is and leaves its checkpoints; by default nobody listens."""

    told: Callable[[float], None] = lambda fraction: None
    checkpoint: Callable[[bytes], None] = lambda data: None


@dataclass
class _Draft:
    """What the map collects."""

    topics: list[Topic] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    actions: list[ActionItem] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)


@dataclass(frozen=True)
class Written:
    """The minutes, and what the model's answers cost."""

    minutes: Minutes
    tally: Tally


class MinutesWriter:
    """Writes the minutes of a transcript with the help of a language model.

    Args:
        model: words what code found; may be small, since nothing it says is believed.
    """

    def __init__(self, model: LanguageModel) -> None:
        self._model = model

    def write(
        self,
        transcript: Transcript,
        *,
        revision: int = 0,
        resume: bytes | None = None,
        progress: Progress | None = None,
    ) -> Written:
        """The minutes of a whole meeting, however long.

        Args:
            transcript: what was said.
            revision: which revision of it; noted in the minutes.
            resume: what an interrupted attempt last gave to ``progress.checkpoint``.
            progress: told after every answer, and between tokens; what it raises ends the writing.

        Raises:
            NothingSaid: the transcript has no words.
            PromptTooLong: one sentence is longer than the model's context; nothing is ever cut off.
        """
        reading = read(transcript)
        if says_nothing(reading):
            raise NothingSaid
        return _Writing(self._model, reading, revision, Notebook.from_bytes(resume), progress or Progress()).write()


class _Writing:
    """One run over one meeting."""

    def __init__(
        self, model: LanguageModel, reading: Reading, revision: int, notebook: Notebook, progress: Progress
    ) -> None:
        self._reading = reading
        self._revision = revision
        self._notebook = notebook
        self._progress = progress
        self._model = model
        self._decided: Decided = find_decisions(reading)
        self._actions = find_actions(reading)
        self._questions = find_questions(reading)
        self._outdated = _outdated(self._decided)
        self._ask = Interviewer(
            model,
            language=reading.language,
            notebook=notebook,
            after_answer=self._after_answer,
            between_tokens=self._tell,
        )
        self._is_brief = is_brief(reading)
        room = min(_PART_TOKENS, self._ask.room_for_material(_GIST, _LONGEST_QUESTION))
        self._parts = split(reading, count_tokens=model.count_tokens, room=room)
        self._steps = len(self._parts) + len(self._decided.standing) + len(self._actions)
        self._done = 0

    def write(self) -> Written:
        if self._is_brief:
            return self._written_in_brief()
        draft = _Draft()
        for part in self._parts:
            self._map(part, draft)
        summary = condense([topic.statements for topic in draft.topics], self._ask, self._reading)
        return self._written(summary, draft, worded_by=self._model.name)

    def _written_in_brief(self) -> Written:
        """Minutes of a few words: extracts alone, no topics, and no question to the model."""
        decided, promised = self._decided.standing, self._actions
        draft = _Draft(
            decisions=[self._decision_as(extract(found.said), Origin.EXTRACT, found) for found in decided],
            actions=[self._action_as(found.task, Origin.EXTRACT, found) for found in promised],
        )
        drafts: tuple[DecisionDraft | ActionDraft | QuestionDraft, ...] = (*decided, *promised, *self._questions)
        listed = [sentence for found in drafts for sentence in found.cited]
        self._done = self._steps
        self._tell()
        return self._written(told(self._reading, listed), draft, worded_by="")

    def _written(self, summary: tuple[Claim, ...], draft: _Draft, *, worded_by: str) -> Written:
        minutes = Minutes(
            language=self._reading.language,
            summary=summary,
            topics=tuple(draft.topics),
            decisions=tuple(draft.decisions),
            actions=tuple(draft.actions),
            questions=tuple(self._question(found) for found in self._questions),
            withdrawn=tuple(self._withdrawn(found) for found in self._decided.withdrawn),
            rejected=tuple(draft.rejected),
            model=worded_by,
            transcript_revision=self._revision,
        )
        return Written(minutes, self._ask.tally)

    def _map(self, part: Part, draft: _Draft) -> None:
        """One part: everything that is asked about it shares the part as the beginning of its prompt."""
        places = {sentence.place for sentence in part.sentences}
        draft.topics.append(self._topic(part, draft.rejected))
        self._step_done()
        for decision in self._decided.standing:
            if decision.core.place in places:
                draft.decisions.append(self._decision(decision, part, draft.rejected))
                self._step_done()
        for action in self._actions:
            if action.core.place in places:
                draft.actions.append(self._action(action, part))
                self._step_done()

    def _topic(self, part: Part, rejected: list[Rejected]) -> Topic:
        gist = self._ask.ask("topic", part.lines, _GIST) or {"title": "", "summary": ""}
        statements = self._statements(gist["summary"], part, rejected)
        title, origin, cited = self._title(gist["title"], part)
        return Topic(
            title=title,
            start_s=part.sentences[0].start_s,
            end_s=part.sentences[-1].end_s,
            citations=cite(cited),
            support=weigh_title(title, cited, self._reading).support,
            origin=origin,
            statements=statements,
        )

    def _title(self, proposed: str, part: Part) -> tuple[str, Origin, tuple[Sentence, ...]]:
        """The model's title when all of it was said, else what somebody called the topic, else its commonest words."""
        title = proposed.strip(" .\"'")
        meant = [one for one in part.sentences if not self._is_aside(one)]
        cited = ground(title, meant, self._reading)
        fits = bool(cited) and 1 <= len(title.split()) <= 8 and "?" not in title
        if fits and weigh_title(title, cited, self._reading).support is Support.SUPPORTED:
            return title, Origin.MODEL, cited
        if announced := announced_title(part, self._reading):
            return announced[0], Origin.EXTRACT, (announced[1],)
        title = keywords(Part(tuple(meant) or part.sentences), self._reading)
        return title, Origin.EXTRACT, ground(title, meant, self._reading) or part.sentences[:1]

    def _statements(self, summary: str, part: Part, rejected: list[Rejected]) -> tuple[Claim, ...]:
        """The sentences of the model's gist that are borne out; an extract when none is."""
        telling = [one for one in part.sentences if self._states(one)]
        kept: list[Claim] = []
        for claim in sentences_of(summary, self._reading):
            cited = ground(claim, telling, self._reading)
            verdict = weigh(claim, cited, self._reading)
            reasons = verdict.missing if not is_borne_out(verdict) else self._other_reasons(claim, cited)
            if reasons:
                rejected.append(
                    Rejected(text=claim, citations=cite(cited), support=Support.UNSUPPORTED, reasons=reasons)
                )
                continue
            kept.append(Claim(text=claim, citations=cite(cited), support=verdict.support, origin=Origin.MODEL))
        return tuple(kept) or self._extracted(part)

    def _extracted(self, part: Part) -> tuple[Claim, ...]:
        current = [one for one in part.sentences if one.place not in self._outdated and self._states(one)]
        settled = [one.core for one in self._decided.standing if one.core in current and not one.context]
        chosen = settled[-1] if settled else central(current, self._reading)
        if chosen is None:
            return ()
        text = extract(chosen.text)
        support = weigh(text, (chosen,), self._reading).support
        return (Claim(text=text, citations=cite((chosen,)), support=support, origin=Origin.EXTRACT),)

    def _states(self, sentence: Sentence) -> bool:
        """Whether a sentence tells something: no question, no joke, and nothing dictated to the writer."""
        return not sentence.asks and not self._is_aside(sentence)

    def _is_aside(self, sentence: Sentence) -> bool:
        return joking(sentence, self._reading) or dictating(sentence, self._reading)

    def _other_reasons(self, claim: str, cited: Sequence[Sentence]) -> tuple[str, ...]:
        """What is wrong with a sentence whose words were said: nobody named, a patchwork, or no longer true."""
        if words(claim)[0].folded in self._reading.lexicon.pronouns:
            return ("pronoun",)
        if is_scattered(claim, cited, self._reading):
            return ("scattered",)
        if not any(sentence.place in self._outdated for sentence in cited):
            return ()
        standing = {one.place for decision in self._decided.standing for one in decision.evidence}
        return () if any(sentence.place in standing for sentence in cited) else ("superseded",)

    def _decision(self, found: DecisionDraft, part: Part, rejected: list[Rejected]) -> Decision:
        binding = in_order((*found.evidence, found.core))
        text, origin = extract(found.said), Origin.EXTRACT
        answer = self._ask.ask("decision", part.lines, _WORDING, said=found.said)
        if answer and (worded := extract(answer["text"])):
            verdict = weigh(worded, binding, self._reading)
            keeps = complete(worded, text, self._reading, share=0.6) and self._keeps_moments(worded, text)
            if verdict.support is Support.SUPPORTED and keeps:
                text, origin = worded, Origin.MODEL
            elif not is_borne_out(verdict):
                rejected.append(
                    Rejected(text=worded, citations=cite(binding), support=verdict.support, reasons=verdict.missing)
                )
        return self._decision_as(text, origin, found)

    def _decision_as(self, text: str, origin: Origin, found: DecisionDraft) -> Decision:
        return Decision(
            text=text,
            citations=cite(found.cited),
            support=self._support_of_decision(text, origin, found),
            origin=origin,
            corrects=cite(found.corrects),
        )

    def _support_of_decision(self, text: str, origin: Origin, found: DecisionDraft) -> Support:
        """Of a model's wording as a whole; of an extract sentence by sentence, since its context is one of its own."""
        if origin is Origin.MODEL:
            return weigh(text, in_order((*found.evidence, found.core)), self._reading).support
        verdicts = [weigh(one.text, (one,), self._reading).support for one in (*found.context, found.core)]
        return max(verdicts, key=list(Support).index)

    def _keeps_moments(self, worded: str, said: str) -> bool:
        """Whether every moment that was said is still there, in words or in figures."""
        kept = normalised(worded)
        values = number_values(worded, self._reading.lexicon)
        return all(
            normalised(moment.text) in kept or number_values(moment.text, self._reading.lexicon) <= values
            for moment in moments(said, self._reading.lexicon)
        )

    def _action(self, found: ActionDraft, part: Part) -> ActionItem:
        text, origin = found.task, Origin.EXTRACT
        answer = self._ask.ask("task", part.lines, _WORDING, said=found.core.text)
        if answer and (worded := answer["text"].strip(" .")) and self._is_wording_of(worded, found):
            text, origin = worded[:1].upper() + worded[1:], Origin.MODEL
        return self._action_as(text, origin, found)

    def _action_as(self, text: str, origin: Origin, found: ActionDraft) -> ActionItem:
        # Cut from "nobody runs the webinar yet", "run the webinar" states nothing that this denies.
        weighing = weigh_title if origin is Origin.EXTRACT else weigh
        return ActionItem(
            task=text,
            owner=found.owner,
            due=found.due,
            citations=cite(found.cited),
            support=weighing(text, found.cited, self._reading).support,
            origin=origin,
        )

    def _is_wording_of(self, worded: str, found: ActionDraft) -> bool:
        """Whether a model's wording says the whole task and nothing else: no owner, no promise, no call for one."""
        said = found.task.replace(found.due, "") if found.due else found.task
        cue = self._reading.cues.actions
        return (
            complete(worded, said, self._reading, share=0.75)
            and weigh(worded, found.cited, self._reading).support is Support.SUPPORTED
            and not (found.owner and normalised(found.owner) in normalised(worded))
            and not says(worded, (*cue.self, *cue.nobody, *cue.request, *cue.polite))
        )

    def _question(self, found: QuestionDraft) -> Question:
        text = extract(found.core.text)
        return Question(
            text=text,
            citations=cite(found.cited),
            support=weigh(text, found.cited, self._reading).support,
            origin=Origin.EXTRACT,
        )

    def _withdrawn(self, found: DecisionDraft) -> Withdrawn:
        text = extract(found.core.text)
        return Withdrawn(
            text=text,
            citations=cite(found.cited),
            support=weigh(text, (found.core,), self._reading).support,
            origin=Origin.EXTRACT,
        )

    def _step_done(self) -> None:
        self._done += 1
        self._tell()

    def _tell(self) -> None:
        self._progress.told(self._done / max(self._steps, 1))

    def _after_answer(self) -> None:
        self._progress.checkpoint(self._notebook.to_bytes())


def _outdated(decided: Decided) -> frozenset[int]:
    """Places of sentences that say what no longer holds at the end of the meeting."""
    replaced = {one.place for decision in decided.standing for one in decision.corrects}
    dropped = {one.place for decision in decided.withdrawn for one in decision.cited}
    current = {one.place for decision in decided.standing for one in (*decision.evidence, decision.core)}
    return frozenset((replaced | dropped) - current)
