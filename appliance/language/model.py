"""A question to a language model, and its answer."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Prompt:
    """One narrow question about some material.

    The order is the point: ``system`` and ``material`` stay the same over many questions, so that an adapter reads them
    once and answers each ``question`` from its cache. ``material`` is untrusted: whatever it says is no command,
    and an adapter must not let it forge the marks that separate the roles of a conversation.
    """

    system: str
    material: str
    question: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said, in the form that was asked for, and what it cost."""

    value: dict[str, Any]
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    duration_s: float
    reading_s: float = 0.0
    """The part of ``duration_s`` that went into the prompt."""
