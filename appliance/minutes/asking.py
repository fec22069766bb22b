"""Narrow questions to a language model, each asked once, and every answer kept until the minutes are done."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import jinja2
import msgspec

from appliance.language.errors import AnswerCutShort
from appliance.language.lexicon import FALLBACK, known_languages
from appliance.language.model import Answer, Prompt
from appliance.language.ports import LanguageModel, Schema

_LETTERS_PER_TOKEN: Final = 2
"""Lower bound for Hungarian, which needs the most tokens for its letters of the two languages."""


@dataclass
class Notebook:
    """Answers by the fingerprint of their question; what a checkpoint stores.

    Temperature 0 and a fixed seed make an answer a function of its question, so that an interrupted step asks the same
    questions again and finds here what was answered before. A changed transcript makes other questions.
    """

    answers: dict[str, dict[str, Any] | None] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """For a checkpoint."""
        return msgspec.json.encode(self.answers)

    @classmethod
    def from_bytes(cls, data: bytes | None) -> "Notebook":
        """From a checkpoint; an empty one when there is none."""
        return cls(msgspec.json.decode(data, type=dict[str, dict[str, Any] | None]) if data else {})


@dataclass
class Tally:
    """What the answers cost."""

    questions: int = 0
    failed: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    duration_s: float = 0.0
    reading_s: float = 0.0

    def add(self, answer: Answer) -> None:
        """Count one answer."""
        self.questions += 1
        self.prompt_tokens += answer.prompt_tokens
        self.cached_tokens += answer.cached_tokens
        self.completion_tokens += answer.completion_tokens
        self.duration_s += answer.duration_s
        self.reading_s += answer.reading_s

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))


class Interviewer:
    """Asks the model in the meeting's language and remembers.

    Args:
        model: who answers.
        language: of the meeting, and so of questions and answers.
        notebook: answers known already; new ones are added.
        after_answer: called after each new answer, for checkpoints.
        between_tokens: called while the model works; what it raises ends the work.
    """

    def __init__(
        self,
        model: LanguageModel,
        *,
        language: str,
        notebook: Notebook,
        after_answer: Callable[[], None] = lambda: None,
        between_tokens: Callable[[], None] = lambda: None,
    ) -> None:
        self._model = model
        self._language = language if language in known_languages() else FALLBACK
        self._notebook = notebook
        self._after_answer = after_answer
        self._between_tokens = between_tokens
        self.tally = Tally()

    def ask(
        self, question: str, lines: Sequence[str], fields: Mapping[str, int], **values: str
    ) -> dict[str, str] | None:
        """The model's answer, or None when it did not come to an end.

        Args:
            question: name of the template.
            lines: the material, the same for several questions in a row where possible.
            fields: the wanted strings with their greatest lengths in letters.
            values: what the template needs.

        Raises:
            PromptTooLong: the material does not fit; it is never cut.
        """
        prompt = self.prompt(question, lines, **values)
        schema: Schema = {
            "type": "object",
            "properties": {name: {"type": "string", "maxLength": length} for name, length in fields.items()},
            "required": list(fields),
            "additionalProperties": False,
        }
        key = _fingerprint(self._model.name, prompt, fields)
        if key not in self._notebook.answers:
            self._notebook.answers[key] = self._answer(prompt, schema, answer_tokens(fields))
            self._after_answer()
        return self._notebook.answers[key]

    def prompt(self, question: str, lines: Sequence[str], **values: str) -> Prompt:
        """The question as it is put to the model."""
        return Prompt(
            system=_render(self._language, "system"),
            material=_render(self._language, "material", lines=lines),
            question=_render(self._language, question, **values),
        )

    def room_for_material(self, fields: Mapping[str, int], longest_question: int) -> int:
        """Tokens that the lines of one part may take, so that every question about it fits."""
        frame = self._model.prompt_tokens(self.prompt("topic", ()))
        return self._model.context_tokens - frame - longest_question - answer_tokens(fields)

    def _answer(self, prompt: Prompt, schema: Schema, max_tokens: int) -> dict[str, Any] | None:
        try:
            answer = self._model.complete_json(
                prompt, schema=schema, max_tokens=max_tokens, between_tokens=self._between_tokens
            )
        except AnswerCutShort:  # a small model that talks in circles: its question is answered by an extract instead
            self.tally.failed += 1
            return None
        self.tally.add(answer)
        return answer.value


def answer_tokens(fields: Mapping[str, int]) -> int:
    """Tokens for an answer of that form."""
    return 24 + sum(12 + length // _LETTERS_PER_TOKEN for length in fields.values())


def _fingerprint(model: str, prompt: Prompt, fields: Mapping[str, int]) -> str:
    parts = (
        model,
        prompt.system,
        prompt.material,
        prompt.question,
        *(f"{name}:{size}" for name, size in fields.items()),
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _render(language: str, name: str, **values: Any) -> str:
    return _templates(language).get_template(f"{name}.j2").render(**values).strip()


@cache
def _templates(language: str) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("appliance.minutes", f"prompts/{language}"),
        autoescape=False,  # noqa: S701  # prompts are plain text, and what was said stands in them as JSON
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["tojson"] = lambda value: msgspec.json.encode(value).decode()
    return environment
