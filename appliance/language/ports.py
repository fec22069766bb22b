"""What minutes and questions need from a language model."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from appliance.language.model import Answer, Prompt

Schema = Mapping[str, Any]
"""A JSON schema: objects, arrays, strings with ``maxLength``, integers, booleans and enums."""


class LanguageModel(Protocol):
    """Answers questions in JSON of a given form, the same way every time.

    One instance is one resident model; it answers one question at a time and may be shared by threads.
    """

    @property
    def name(self) -> str:
        """What a record names as its author, such as ``qwen2.5-coder-1.5b-instruct-q4``."""
        ...

    @property
    def context_tokens(self) -> int:
        """Tokens that prompt and answer may take together."""
        ...

    def count_tokens(self, text: str) -> int:
        """How many tokens ``text`` takes, as plain text: marks of the conversation in it count as letters."""
        ...

    def prompt_tokens(self, prompt: Prompt) -> int:
        """How many tokens the whole prompt takes, the marks of the conversation included."""
        ...

    def complete_json(
        self,
        prompt: Prompt,
        *,
        schema: Schema,
        max_tokens: int,
        between_tokens: Callable[[], None] = lambda: None,
    ) -> Answer:
        """Answer with one JSON object that satisfies ``schema``.

        Args:
            prompt: the question; its tokens are counted first.
            schema: the form; the model cannot leave it.
            max_tokens: the longest answer.
            between_tokens: called often while reading and writing; what it raises ends the work and passes through.

        Raises:
            PromptTooLong: prompt and ``max_tokens`` exceed ``context_tokens``; nothing is ever truncated.
            AnswerCutShort: the answer did not end within ``max_tokens``.
        """
        ...
