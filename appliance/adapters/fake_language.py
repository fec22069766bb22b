"""A language model that finds nothing: for trying the plumbing without a gigabyte of weights."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from appliance.language.errors import AnswerCutShort, PromptTooLong, SchemaNotSupported
from appliance.language.model import Answer, Prompt
from appliance.language.ports import Schema

_LETTERS_PER_TOKEN: Final = 4
_FRAME_TOKENS: Final = 12
"""What the marks of a conversation cost."""


class FakeLanguageModel:
    """Answers every question with the emptiest object of the asked form.

    It counts, refuses and can be interrupted as a real model does, so that whatever works with it works with one;
    minutes written by it consist of extracts alone, and say so.
    """

    def __init__(self, *, context_tokens: int = 8192) -> None:
        self._context_tokens = context_tokens
        self._last: str = ""

    @property
    def name(self) -> str:
        return "fake"

    @property
    def context_tokens(self) -> int:
        return self._context_tokens

    def count_tokens(self, text: str) -> int:
        return -(-len(text) // _LETTERS_PER_TOKEN)

    def prompt_tokens(self, prompt: Prompt) -> int:
        return _FRAME_TOKENS + sum(
            self.count_tokens(part) for part in (prompt.system, prompt.material, prompt.question)
        )

    def complete_json(
        self,
        prompt: Prompt,
        *,
        schema: Schema,
        max_tokens: int,
        between_tokens: Callable[[], None] = lambda: None,
    ) -> Answer:
        started = time.perf_counter()
        needed = self.prompt_tokens(prompt)
        if needed + max_tokens > self._context_tokens:
            raise PromptTooLong(needed=needed + max_tokens, available=self._context_tokens, model=self.name)
        value = _emptiest(schema)
        if not isinstance(value, dict):
            raise SchemaNotSupported(reason="an answer is an object")
        written = self.count_tokens(str(value))
        for _ in range(written):
            between_tokens()
        if written > max_tokens:
            raise AnswerCutShort(model=self.name, max_tokens=max_tokens)
        cached = (
            self.count_tokens(prompt.system + prompt.material) if prompt.system + prompt.material == self._last else 0
        )
        self._last = prompt.system + prompt.material
        return Answer(value, needed, cached, written, time.perf_counter() - started)


def _emptiest(schema: Mapping[str, Any]) -> Any:
    """The shortest value that a schema allows."""
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            return {name: _emptiest(schema["properties"][name]) for name in schema.get("required", ())}
        case "array":
            return [_emptiest(schema["items"]) for _ in range(schema.get("minItems", 0))]
        case "string":
            return "x" * schema.get("minLength", 0)
        case "integer":
            return schema.get("minimum", 0)
        case "boolean":
            return False
    raise SchemaNotSupported(reason=f"a value of type {schema.get('type')}")
