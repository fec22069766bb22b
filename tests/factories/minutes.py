"""Builders of meetings for tests of minutes, and models that say what a test wants."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance.adapters.fake_language import FakeLanguageModel
from appliance.language.model import Answer, Prompt
from appliance.language.ports import Schema
from appliance.minutes.reading import Reading, read
from appliance.transcripts.model import Segment, Transcript

LETTERS_PER_SECOND = 15.0
"""How fast people speak; only the order of times matters."""

MEETINGS = Path(__file__).parents[1] / "quality" / "meetings"
"""Meetings that are understood completely: what they measure is that it stays so."""

DEVELOPMENT = MEETINGS.with_name("development")
"""Meetings that cues and rules are improved with."""

HELD_OUT = MEETINGS.with_name("held_out")
"""Meetings that no cue was ever written for: what they measure is what a stranger's meeting can expect."""


def a_transcript(*turns: str, language: str = "en") -> Transcript:
    """A transcript of ``"Speaker: words"`` turns; segments are counted from 0, as the product does."""
    segments: list[Segment] = []
    at_s = 0.0
    for place, turn in enumerate(turns):
        speaker, text = turn.split(": ", 1)
        end_s = at_s + max(len(text) / LETTERS_PER_SECOND, 0.5)
        segments.append(Segment(id=place, start_s=at_s, end_s=end_s, speaker=speaker, text=text, words=()))
        at_s = end_s + 0.5
    return Transcript(language=language, duration_s=at_s, engine="script", models=("script",), segments=tuple(segments))


def a_reading(*turns: str, language: str = "en") -> Reading:
    """The same, read."""
    return read(a_transcript(*turns, language=language))


def reference_meetings(folder: Path = MEETINGS) -> list[str]:
    """Names of the meetings whose decisions and tasks are known."""
    return sorted(path.stem for path in folder.glob("*.json"))


def reference(name: str, folder: Path = MEETINGS) -> tuple[Transcript, dict[str, Any]]:
    """A meeting and what honest minutes of it contain; turns are counted from 1 there."""
    raw = json.loads((folder / f"{name}.json").read_text("utf-8"))
    turns = [f"{turn['speaker']}: {turn['text']}" for turn in raw["turns"]]
    return a_transcript(*turns, language=raw["language"]), raw["expected"]


@dataclass
class ScriptedModel:
    """Answers by a function of the question, and remembers what it was asked."""

    answer: Callable[[Prompt, Schema], dict[str, Any]]
    prompts: list[Prompt] = field(default_factory=list)
    context_tokens: int = 8192
    name: str = "scripted"

    def count_tokens(self, text: str) -> int:
        return FakeLanguageModel().count_tokens(text)

    def prompt_tokens(self, prompt: Prompt) -> int:
        return FakeLanguageModel().prompt_tokens(prompt)

    def complete_json(
        self,
        prompt: Prompt,
        *,
        schema: Schema,
        max_tokens: int,
        between_tokens: Callable[[], None] = lambda: None,
    ) -> Answer:
        FakeLanguageModel(context_tokens=self.context_tokens).complete_json(
            prompt, schema=schema, max_tokens=max_tokens, between_tokens=between_tokens
        )
        self.prompts.append(prompt)
        return Answer(self.answer(prompt, schema), self.prompt_tokens(prompt), 0, 10, 0.0)


def saying(**answers: str) -> Callable[[Prompt, Schema], dict[str, Any]]:
    """A model that gives the same words whenever a field of that name is asked for, and nothing else."""

    def answer(prompt: Prompt, schema: Mapping[str, Any]) -> dict[str, Any]:
        return {name: answers.get(name, "") for name in schema["properties"]}

    return answer
