"""Minutes, Decision, ActionItem: claims, each with the words that it rests on and how far they bear it out."""

from collections.abc import Iterator
from enum import StrEnum

import msgspec

from appliance.language.citations import Citation, Support

__all__ = [
    "ActionItem",
    "Citation",
    "Claim",
    "Decision",
    "Minutes",
    "Origin",
    "Question",
    "Rejected",
    "Support",
    "Topic",
    "Withdrawn",
    "claim_text",
]


class Origin(StrEnum):
    """Who worded a claim."""

    MODEL = "model"
    EXTRACT = "extract"
    """The words of the transcript themselves, because the model's own failed their check or were not asked for."""


class Value(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of minutes: immutable, and its own JSON shape."""


class Claim(Value, frozen=True):
    """One sentence that says something about the meeting, and the words that it rests on."""

    text: str
    citations: tuple[Citation, ...]
    support: Support
    origin: Origin


class Topic(Value, frozen=True):
    """What was spoken about from when to when."""

    title: str
    start_s: float
    end_s: float
    citations: tuple[Citation, ...]
    support: Support
    origin: Origin
    statements: tuple[Claim, ...] = ()
    """What was said about it, in short; those of a short meeting are its summary."""


class Decision(Claim, frozen=True):
    """What stands at the end of the meeting. ``corrects`` cites an earlier decision that it replaced."""

    corrects: tuple[Citation, ...] = ()


class ActionItem(Value, frozen=True):
    """Something to do. ``owner`` and ``due`` are in the words that were said, and empty when nobody said them."""

    task: str
    owner: str
    due: str
    citations: tuple[Citation, ...]
    support: Support
    origin: Origin


class Question(Claim, frozen=True):
    """Something asked or left open that nobody answered."""


class Withdrawn(Claim, frozen=True):
    """A decision that was taken back and not replaced; the citations are the decision and the taking back."""


class Rejected(Value, frozen=True):
    """A sentence of the model's that failed its check: shown as unsupported, with what was not said."""

    text: str
    citations: tuple[Citation, ...]
    support: Support
    reasons: tuple[str, ...]


class Minutes(Value, frozen=True):
    """The minutes of one meeting."""

    language: str
    summary: tuple[Claim, ...]
    topics: tuple[Topic, ...]
    decisions: tuple[Decision, ...]
    actions: tuple[ActionItem, ...]
    questions: tuple[Question, ...]
    withdrawn: tuple[Withdrawn, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    model: str = ""
    transcript_revision: int = 0
    """Which revision of the transcript was read; 0 when it came from a file."""

    @property
    def claims(self) -> Iterator[Claim | Topic | ActionItem]:
        """Everything that is claimed, in the order of the document."""
        yield from self.summary
        yield from self.topics
        yield from self.decisions
        yield from self.actions
        yield from self.questions
        yield from self.withdrawn


def claim_text(claim: Claim | Topic | ActionItem) -> str:
    """The words of a claim."""
    if isinstance(claim, Topic):
        return claim.title
    return claim.task if isinstance(claim, ActionItem) else claim.text
