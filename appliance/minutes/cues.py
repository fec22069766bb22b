"""How people decide, promise, ask and take back, as data per language.

A language model of one or two thousand million parameters cannot tell a decision from a remark (of 23 lines it called
20 decisions), but says well what a given line decides. So code finds the lines, by what people in meetings actually
say when they bind themselves, and the model words them.
"""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from appliance.language.lexicon import FALLBACK, known_languages
from appliance.language.words import fold

Patterns = tuple[re.Pattern[str], ...]


@dataclass(frozen=True, slots=True)
class DecisionCues:
    """``anchor`` binds; ``opening`` announces that the next sentence binds; ``not_yet`` says that nothing is bound.

    ``will`` says what all do and ``outcome`` how things will be: ``booster`` (a question for consent), ``tag`` (one
    at the end of the sentence itself), an opening, or others' ``agree`` turn these into decisions, and so does
    ``concludes`` at their beginning when they settle what was raised before. ``procedural`` ones are about the talk
    itself. ``propose`` and ``urge`` (which names what to do) become decisions by somebody else's ``agree`` or ``yes``
    unless ``disagree`` comes first. ``prior`` reports what was decided before this meeting. ``correct`` and
    ``withdraw`` look back, ``amend`` puts a detail right; ``anaphora`` are words for what was just spoken of,
    ``light`` verbs say nothing of it; ``settles`` repeats what was settled.
    """

    anchor: Patterns
    opening: Patterns
    not_yet: Patterns
    prior: Patterns
    will: Patterns
    outcome: Patterns
    concludes: Patterns
    procedural: Patterns
    settles: Patterns
    booster: Patterns
    tag: Patterns
    propose: Patterns
    urge: Patterns
    agree: Patterns
    yes: Patterns
    disagree: Patterns
    correct: Patterns
    amend: Patterns
    withdraw: Patterns
    anaphora: Patterns
    light: Patterns


@dataclass(frozen=True, slots=True)
class ActionCues:
    """``self`` is a promise, ``offer`` and ``ours`` are weaker ones, ``accept`` answers a ``request``.

    ``named`` follows a person's name, ``assign`` stands before one; ``nobody`` asks for a volunteer and ``unowned``
    says that there is none. Tasks of ``never`` are none; those of ``idle`` are when a time limit comes with them.
    ``polite`` is cut from a task's beginning; ``cancel`` takes it back, ``wont`` by its owner; ``of_the_talk`` is
    done in the meeting itself.

    ``obliged`` says that something has to be done, by whomever, and ``who`` asks for it; ``whose`` asks by whom,
    ``will_you`` asks somebody, and ``takes`` takes it. ``offers`` ("shall I …?") wait for ``go_ahead``. ``pro_verb``
    ("I can do that") stands for what was just said. ``honorific`` may stand between a name and the request.
    """

    self: Patterns
    offer: Patterns
    accept: Patterns
    request: Patterns
    named: Patterns
    assign: Patterns
    nobody: Patterns
    unowned: Patterns
    marker: Patterns
    ours: Patterns
    polite: Patterns
    never: Patterns
    idle: Patterns
    cancel: Patterns
    wont: Patterns
    of_the_talk: Patterns
    obliged: Patterns
    who: Patterns
    whose: Patterns
    will_you: Patterns
    takes: Patterns
    offers: Patterns
    go_ahead: Patterns
    pro_verb: Patterns
    honorific: Patterns


@dataclass(frozen=True, slots=True)
class QuestionCues:
    """``asks`` is a question, ``unknown`` and ``open`` leave it open, ``social`` ones expect no answer.

    ``defer`` puts a matter off; ``indirect`` is a question inside a statement ("whether they agree"), ``wants`` a wish
    told of others; ``quantity`` asks for a number or a moment.
    """

    open: Patterns
    defer: Patterns
    indirect: Patterns
    wants: Patterns
    quantity: Patterns
    unknown: Patterns
    asks: Patterns
    social: Patterns
    answer: Patterns


@dataclass(frozen=True, slots=True)
class Cues:
    """The cues of one language. ``topic`` turns to another matter and ``title`` names it.

    ``dictated`` is said to whoever writes, such as "ignore your instructions", and reports nothing. ``joke`` says of
    one's own words that they were not meant, ``taken_as_joke`` is how others answer one.
    """

    joke: Patterns
    dictated: Patterns
    taken_as_joke: Patterns
    topic: Patterns
    title: Patterns
    greeting: Patterns
    farewell: Patterns
    decisions: DecisionCues
    actions: ActionCues
    questions: QuestionCues


def says(text: str, patterns: Patterns) -> re.Match[str] | None:
    """The first cue that a sentence contains."""
    folded = fold(text)
    return next((match for pattern in patterns if (match := pattern.search(folded))), None)


@cache
def cues(language: str) -> Cues:
    """The cues of ``language``, or English ones where there are none."""
    code = language if language in known_languages() else FALLBACK
    raw = tomllib.loads(files(__package__).joinpath("phrases", f"{code}.toml").read_text("utf-8"))
    return Cues(
        joke=_compiled(raw["joke"]),
        dictated=_compiled(raw["dictated"]),
        taken_as_joke=_compiled(raw["taken_as_joke"]),
        topic=_compiled(raw["topic"]),
        title=_compiled(raw["title"]),
        greeting=_compiled(raw["greeting"]),
        farewell=_compiled(raw["farewell"]),
        decisions=DecisionCues(**_section(raw["decisions"])),
        actions=ActionCues(**_section(raw["actions"])),
        questions=QuestionCues(**_section(raw["questions"])),
    )


def _section(raw: dict[str, list[str]]) -> dict[str, Any]:
    return {name: _compiled(patterns) for name, patterns in raw.items()}


def _compiled(patterns: list[str]) -> Patterns:
    return tuple(re.compile(pattern.replace("’", "'")) for pattern in patterns)
