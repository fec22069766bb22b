"""Who promised, or was asked, to do what until when: found by cues, with nothing filled in that nobody said.

An owner is somebody who says "I will …" (then the speaker, as the transcript names them), somebody addressed or named
by a request, or the one who accepts it in the next turn. "Somebody has to …" has no owner, and neither has a request
that nobody answers. "It has to be done" is a task only when the talk turns to who does it. A promise under a condition
("I will, if …") is none.
"""

import re
from dataclasses import dataclass, replace

from appliance.language.citations import negated, same_name
from appliance.language.times import due, moments
from appliance.language.words import fold, overlap, words
from appliance.minutes.binding import dictating, joking, supposes
from appliance.minutes.cues import says
from appliance.minutes.decisions import in_order
from appliance.minutes.evidence import extract
from appliance.minutes.reading import Reading, Sentence, vocative

_SAME_TASK = 0.6
_LOOK_AHEAD = 3


@dataclass(frozen=True, slots=True)
class ActionDraft:
    """A task as found. ``task`` is cut from ``core``; ``owner`` and ``due`` are empty unless somebody said them.

    ``answers`` are the sentences in which the one who was asked accepts: they are no tasks of their own.
    """

    task: str
    owner: str
    due: str
    core: Sentence
    evidence: tuple[Sentence, ...]
    answers: tuple[Sentence, ...] = ()

    @property
    def cited(self) -> tuple[Sentence, ...]:
        """Everything that the task rests on, in order of time, each sentence once."""
        return in_order((*self.evidence, self.core))


def find_actions(reading: Reading) -> tuple[ActionDraft, ...]:
    """Every task that is still to be done when the meeting ends."""
    found: list[ActionDraft] = []
    for sentence in reading.sentences:
        aside = joking(sentence, reading) or dictating(sentence, reading)
        if aside or says(sentence.text, reading.cues.farewell):
            continue
        if cancelled := _cancelled(sentence, found, reading):
            found.remove(cancelled)
            continue
        if changed := _changed(sentence, found, reading):
            found[found.index(changed[0])] = changed[1]
            continue
        if any(sentence in known.answers for known in found):
            _enrich(sentence, found, reading)
            continue
        for draft in _drafts_at(sentence, reading):
            _fold_in(draft, found, reading)
    return tuple(found)


def _drafts_at(sentence: Sentence, reading: Reading) -> list[ActionDraft]:
    """The tasks of one sentence: the first kind of cue that fits."""
    cue = reading.cues.actions
    for find in (_named, _nobody, _obliged, _offered, _promised_what_was_said, _promised, _requested):
        if draft := find(sentence, reading):
            return [draft]
    if (match := says(sentence.text, cue.marker)) and not sentence.asks:
        return [_draft(sentence, _task(sentence, match), "", reading)]
    if (match := says(sentence.text, cue.ours)) and due(sentence.text, reading.lexicon) and not sentence.asks:
        task = _task(sentence, match)
        return [_draft(sentence, task, "", reading)] if _is_task(task, sentence, reading) else []
    return []


def _promised(sentence: Sentence, reading: Reading) -> ActionDraft | None:
    """ "I will …": the owner is who says it."""
    cue = reading.cues.actions
    if sentence.asks or supposes(sentence.text, reading.lexicon):
        return None
    match = says(sentence.text, cue.self)
    if match is None and (due(sentence.text, reading.lexicon) or _answers_request(sentence, reading)):
        match = says(sentence.text, cue.offer)
    if match is None:
        return None
    task = _task(sentence, match)
    if says(sentence.text, reading.cues.decisions.amend) and not due(sentence.text, reading.lexicon):
        return None
    if says(sentence.text, reading.cues.greeting) and not due(sentence.text, reading.lexicon):
        return None  # "good morning, I'll just try this out"
    if _is_task(task, sentence, reading):
        return _draft(sentence, task, sentence.speaker, reading)
    return _promise_about_last(sentence, task, reading)


def _promise_about_last(sentence: Sentence, task: str, reading: Reading) -> ActionDraft | None:
    """ "I'll order it by Wednesday": what "it" is stands in the sentence before, which is cited as well."""
    cue = reading.cues.actions
    limit = due(sentence.text, reading.lexicon)
    bare = len(reading.stems(_without_moments(task, reading))) == 1 and not says(task, (*cue.never, *cue.idle))
    if not (limit and bare):
        return None
    draft = _draft(sentence, task, sentence.speaker, reading)
    context = next((one for one in reading.before(sentence, _LOOK_AHEAD) if len(reading.stems(one.text)) >= 2), None)
    return replace(draft, evidence=(context, sentence)) if context else draft


def _promised_what_was_said(sentence: Sentence, reading: Reading) -> ActionDraft | None:
    """ "I can do that" after "we count them again": the task is what was said, in the words in which it was."""
    cue = reading.cues
    if sentence.asks or supposes(sentence.text, reading.lexicon) or not says(sentence.text, cue.actions.pro_verb):
        return None
    for earlier in reading.before(sentence, _LOOK_AHEAD):
        if earlier.speaker == sentence.speaker or len(reading.stems(earlier.text)) < 2:
            continue
        if not says(
            earlier.text, (*cue.decisions.will, *cue.decisions.propose, *cue.decisions.urge, *cue.actions.obliged)
        ):
            return None
        draft = _draft(earlier, extract(earlier.text), sentence.speaker, reading, sentence)
        return draft if len(reading.stems(_without_moments(draft.task, reading))) >= 2 else None
    return None


def _offered(sentence: Sentence, reading: Reading) -> ActionDraft | None:
    """ "Shall I write to them?" and a yes: the owner is who offers."""
    match = says(sentence.text, reading.cues.actions.offers)
    if match is None or supposes(sentence.text, reading.lexicon):
        return None
    task = _task(sentence, match)
    if not reading.stems(task) or says(task, reading.cues.actions.never):
        return None
    for later in reading.after(sentence, 2):
        if later.speaker == sentence.speaker:
            return None
        if says(later.text, (*reading.cues.actions.go_ahead, *reading.cues.decisions.yes)) and not later.asks:
            own = (one for one in reading.after(later, _LOOK_AHEAD) if one.speaker == sentence.speaker)
            limit = next((one for one in own if due(one.text, reading.lexicon)), None)
            if limit is None and says(task, reading.cues.actions.idle):
                return None  # "let me explain" is done at once
            return _draft(sentence, task, sentence.speaker, reading, later, *((limit,) if limit else ()))
    return None


def _named(sentence: Sentence, reading: Reading) -> ActionDraft | None:
    """ "David, please …", "Anna will …", "I would like Peter to …": the owner is who is named."""
    cue = reading.cues.actions
    for word in words(sentence.text):
        if not word.text[0].isupper() or not _is_person(word.text, sentence, reading):
            continue
        called = says(sentence.text[word.end :], cue.honorific)
        end = word.end + (called.end() if called else 0)
        match = says(sentence.text[end:], cue.named)
        if match is None:
            continue
        if match.re.pattern.startswith("^ to ") and not says(sentence.text[: word.start].rstrip(), cue.assign):
            continue
        task = sentence.text[end + match.start("task") :].strip()
        if _is_task(task, sentence, reading):
            return _draft(sentence, task, word.text, reading, *_acceptance(sentence, reading))
    return None


def _requested(sentence: Sentence, reading: Reading) -> ActionDraft | None:
    """ "Could you …": the owner is who is called by name, else who accepts."""
    match = says(sentence.text, reading.cues.actions.request)
    if match is None or says(sentence.text, reading.cues.decisions.booster):
        return None
    task = _task(sentence, match)
    name = vocative(sentence.text, reading.lexicon)
    if name:
        task = re.sub(rf",\s*{re.escape(name)}\s*[.?!]*$", "", task)
    if not _is_task(task, sentence, reading):
        return None
    accepting = _acceptance(sentence, reading)
    if name in reading.people:
        return _draft(sentence, task, name, reading, *accepting)
    if accepting:
        return _draft(sentence, task, accepting[0].speaker, reading, *accepting)
    return None


def _nobody(sentence: Sentence, reading: Reading) -> ActionDraft | None:
    """ "Somebody has to …": without an owner, unless somebody takes it right away."""
    match = says(sentence.text, reading.cues.actions.nobody)
    if match is None:
        return None
    task = _task(sentence, match)
    if not _is_task(task, sentence, reading):
        return None
    if volunteers := _volunteer(sentence, reading):
        return _draft(sentence, task, volunteers[0].speaker, reading, *volunteers)
    return replace(_draft(sentence, task, "", reading), evidence=(sentence, *_left_open(sentence, reading)))


def _obliged(sentence: Sentence, reading: Reading) -> ActionDraft | None:
    """ "The union has to be told": a task when somebody takes it, asks who does, or says that nobody does."""
    cue = reading.cues.actions
    match = says(sentence.text, cue.who if sentence.asks else cue.obliged)
    if match is None or supposes(sentence.text, reading.lexicon):
        return None
    task = _task(sentence, match)
    if not _is_task(task, sentence, reading) or says(sentence.text, reading.cues.questions.unknown):
        return None
    if volunteers := _volunteer(sentence, reading):
        return _draft(sentence, task, volunteers[0].speaker, reading, *volunteers)
    if asked := _asked_to(sentence, reading):
        return _draft(sentence, task, asked[1], reading, *asked[0])
    left = _left_open(sentence, reading)
    return replace(_draft(sentence, task, "", reading), evidence=(sentence, *left)) if left else None


def _left_open(sentence: Sentence, reading: Reading) -> tuple[Sentence, ...]:
    """The sentences that say of a task that nobody has it yet, or ask who takes it."""
    cue = reading.cues.actions
    return tuple(one for one in reading.after(sentence, _LOOK_AHEAD + 1) if says(one.text, (*cue.unowned, *cue.whose)))


def _asked_to(sentence: Sentence, reading: Reading) -> tuple[tuple[Sentence, ...], str] | None:
    """ "Mr Lee, will you?" after an obligation, and the yes: with whom to say it, who is asked."""
    for later in reading.after(sentence, _LOOK_AHEAD):
        name = next((word.text for word in words(later.text) if word.text in reading.people), "")
        if later.asks and says(later.text, reading.cues.actions.will_you):
            answers = _acceptance(later, reading)
            return ((later, *answers), name or answers[0].speaker) if answers else None
    return None


def _acceptance(sentence: Sentence, reading: Reading) -> tuple[Sentence, ...]:
    """What the next speaker says at once to accept: "Sure." and "I'll write to them tomorrow." """
    cue = reading.cues.actions
    answers: list[Sentence] = []
    for later in reading.after(sentence, 4):
        if later.speaker == sentence.speaker:
            if answers:
                break
            continue
        yes = says(later.text, (*cue.accept, *cue.takes, *cue.self)) and not later.asks
        if (answers and later.speaker != answers[0].speaker) or not yes or len(answers) == 2:
            break
        answers.append(later)
    return tuple(answers)


def _volunteer(sentence: Sentence, reading: Reading) -> tuple[Sentence, ...]:
    """Somebody who says "I'll do it" within the next sentences; a bare "yes" is no offer to an open call."""
    cue = reading.cues.actions
    for later in reading.after(sentence, _LOOK_AHEAD + 1):
        if says(later.text, cue.unowned):
            return ()
        match = says(later.text, cue.takes)
        aside = later.asks or joking(later, reading) or supposes(later.text, reading.lexicon)
        if match and not aside and not _refuses(later.text, match.end(), reading):
            return (later,)
    return ()


def _refuses(text: str, until: int, reading: Reading) -> bool:
    """Whether the clause that ends a cue denies: "I can't take it", and not "I'll do it, but not today"."""
    clause = text[:until] + re.split(r"[,;]", text[until:])[0]
    return negated(clause, reading.lexicon)


def _answers_request(sentence: Sentence, reading: Reading) -> bool:
    cue = reading.cues.actions
    return any(
        says(earlier.text, (*cue.request, *cue.nobody)) or earlier.asks for earlier in reading.before(sentence, 2)
    )


def _fold_in(draft: ActionDraft, found: list[ActionDraft], reading: Reading) -> None:
    """Add a task, or what it adds to one that is known already: the answer to a request, a repetition, a date."""
    for place in reversed(range(len(found))):
        known = found[place]
        if not _same_task(draft, known, reading):
            continue
        answers = known.owner and draft.core.speaker == draft.owner and draft.core.place - known.core.place <= 2
        if draft.owner and known.owner and not answers and not same_name(draft.owner, known.owner, reading.lexicon):
            continue
        found[place] = replace(
            known,
            owner=known.owner or draft.owner,
            due=known.due or draft.due,
            evidence=in_order((*known.evidence, *draft.evidence, draft.core)),
        )
        return
    found.append(draft)


def _same_task(draft: ActionDraft, known: ActionDraft, reading: Reading) -> bool:
    a, b = reading.stems(_without_moments(draft.task, reading)), reading.stems(_without_moments(known.task, reading))
    shorter, longer = sorted((a, b), key=len)
    return bool(shorter) and overlap(shorter, longer, reading.lexicon) >= _SAME_TASK


def _without_moments(text: str, reading: Reading) -> str:
    return reading.once(_cut_moments, text)


def _cut_moments(text: str, reading: Reading) -> str:
    for moment in reversed(moments(text, reading.lexicon)):
        text = text[: moment.start] + text[moment.end :]
    return text


def _cancelled(sentence: Sentence, found: list[ActionDraft], reading: Reading) -> ActionDraft | None:
    """The task that a sentence takes off the list: the one it names, else the one just spoken of."""
    match = says(sentence.text, reading.cues.actions.cancel)
    if match is None or sentence.asks or not found:
        return None
    if says(match.group(), reading.cues.actions.wont):
        own = [known for known in found if known.owner == sentence.speaker]
        return own[-1] if own and sentence.place - own[-1].cited[-1].place <= 2 * _LOOK_AHEAD else None
    rest = reading.stems(sentence.text[: match.start()] + " " + sentence.text[match.end() :])
    for known in reversed(found):
        if len(rest) >= 2 and overlap(rest, reading.stems(known.core.text), reading.lexicon) >= _SAME_TASK:
            return known
    recent = max(found, key=lambda known: known.cited[-1].place)
    return recent if len(rest) < 2 and sentence.place - recent.cited[-1].place <= 2 else None


def _changed(sentence: Sentence, found: list[ActionDraft], reading: Reading) -> tuple[ActionDraft, ActionDraft] | None:
    """A task just agreed on whose time limit somebody moves: "make it Thursday", "I can do it by Monday"."""
    later = due(sentence.text, reading.lexicon)
    if not later or not found or sentence.asks:
        return None
    recent = max(found, key=lambda known: known.cited[-1].place)
    content = reading.stems(_without_moments(sentence.text, reading))
    again = sentence.speaker == recent.owner and says(sentence.text, reading.cues.actions.self) and len(content) < 2
    moves = again or says(sentence.text, reading.cues.decisions.correct) or _speaks_of_it(sentence, reading)
    if not moves or sentence.place - recent.cited[-1].place > _LOOK_AHEAD or later == recent.due or len(content) > 2:
        return None
    task = _without_limit(recent.task, recent.due)
    return recent, replace(recent, due=later, task=task, evidence=in_order((*recent.evidence, sentence)))


def _speaks_of_it(sentence: Sentence, reading: Reading) -> bool:
    """Whether a promise names no task but "it"."""
    cue = reading.cues.actions
    match = says(sentence.text, (*cue.self, *cue.offer))
    bare = match is not None and not reading.stems(_without_moments(_task(sentence, match), reading))
    return bare or bool(says(sentence.text, cue.takes))


def _enrich(sentence: Sentence, found: list[ActionDraft], reading: Reading) -> None:
    """Take the time limit that an acceptance names."""
    for place, known in enumerate(found):
        if sentence in known.answers and not known.due:
            found[place] = replace(known, due=due(sentence.text, reading.lexicon))


def _without_limit(task: str, limit: str) -> str:
    """A task without the time limit that no longer holds."""
    if not limit:
        return task
    return re.sub(rf"[\s,]*(?:\b(?:by|until|till|before|on)\s+)?{re.escape(limit)}", "", task)


def _is_person(word: str, sentence: Sentence, reading: Reading) -> bool:
    """Whether a capitalised word is somebody: called by name in this meeting, or a name standing without an article."""
    if any(same_name(word, name, reading.lexicon) for name in reading.people):
        return True
    if word not in reading.names or not word[1:].islower():
        return False
    before = re.findall(r"\w+", fold(sentence.text[: sentence.text.index(word)]))[-1:]
    return before not in (["the"], ["a"], ["an"], ["our"], ["this"], ["az"])


def _is_task(task: str, sentence: Sentence, reading: Reading) -> bool:
    """Whether it is something to do after the meeting, and says what."""
    cue = reading.cues.actions
    if says(task, cue.never) or _is_of_the_talk(task, reading):
        return False
    limit = due(sentence.text, reading.lexicon)
    if says(task, cue.idle) and not (limit and len(reading.stems(_without_moments(task, reading))) >= 2):
        return False
    return len(reading.stems(_without_moments(task, reading))) >= 2


def _is_of_the_talk(task: str, reading: Reading) -> bool:
    """Whether it is about the meeting itself: "put it down as open"."""
    return bool(says(task, reading.cues.actions.of_the_talk))


def _task(sentence: Sentence, match: re.Match[str]) -> str:
    return sentence.text[match.start("task") :].strip()


def _draft(sentence: Sentence, task: str, owner: str, reading: Reading, *evidence: Sentence) -> ActionDraft:
    limits = [due(one.text, reading.lexicon) for one in (sentence, *evidence)]
    clean = task.rstrip(" .?!,;")
    if polite := says(clean, reading.cues.actions.polite):
        clean = clean[polite.end() :]
    return ActionDraft(
        task=clean[:1].upper() + clean[1:],
        owner=owner,
        due=next((limit for limit in limits if limit), ""),
        core=sentence,
        evidence=(sentence, *evidence),
        answers=evidence,
    )
