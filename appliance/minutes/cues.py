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

    ``will`` is an intention that ``booster`` (a question for consent) or an opening turns into a decision; ``propose``
    becomes one by somebody else's ``agree`` unless ``disagree`` comes first. ``correct`` and ``withdraw`` look back;
    ``settles`` repeats what was settled.
    """

    anchor: Patterns
    opening: Patterns
    not_yet: Patterns
    will: Patterns
    settles: Patterns
    booster: Patterns
    propose: Patterns
    agree: Patterns
    disagree: Patterns
    correct: Patterns
    withdraw: Patterns


@dataclass(frozen=True, slots=True)
class ActionCues:
    """``self`` is a promise, ``offer`` and ``ours`` are weaker ones, ``accept`` answers a ``request``.

    ``named`` follows a person's name, ``assign`` stands before one; ``nobody`` asks for a volunteer and ``unowned``
    says that there is none. Tasks of ``never`` are none; those of ``idle`` are when a time limit comes with them.
    ``polite`` is cut from a task's beginning; ``cancel`` takes it back.
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


@dataclass(frozen=True, slots=True)
class QuestionCues:
    """``asks`` is a question, ``unknown`` and ``open`` leave it open, ``social`` ones expect no answer."""

    open: Patterns
    unknown: Patterns
    asks: Patterns
    social: Patterns
    answer: Patterns


@dataclass(frozen=True, slots=True)
class Cues:
    """The cues of one language. ``topic`` turns to another matter and ``title`` names it."""

    joke: Patterns
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
