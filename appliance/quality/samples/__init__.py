"""Two meetings of our own to measure against and to show: audio, script, and what was said by whom and when.

They live in this room because they are its yardstick: whatever reports WER or DER on an installed machine, and the demo
that shows the product without anybody's recording, reads them here.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class ScriptedTurn:
    """What one person says without a break."""

    speaker: str
    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True, slots=True)
class SampleMeeting:
    """A synthetic meeting with its references.

    ``expected`` holds what honest minutes contain, by kind (``decisions``, ``actions``, ``questions``); the ``turns``
    in it count from 1.
    """

    title: str
    language: str
    duration_s: float
    audio: Path
    rttm: Path
    turns: tuple[ScriptedTurn, ...]
    expected: Mapping[str, Any]

    @property
    def text(self) -> str:
        """Every word in order: the reference for WER."""
        return " ".join(turn.text for turn in self.turns)

    @property
    def speakers(self) -> frozenset[str]:
        """Who speaks."""
        return frozenset(turn.speaker for turn in self.turns)


@cache
def sample_meeting(language: Literal["en", "hu"] = "en") -> SampleMeeting:
    """The sample meeting in a language."""
    folder = _FOLDER / language
    words = json.loads((folder / "words.json").read_text(encoding="utf-8"))
    script = tomllib.loads((folder / "script.toml").read_text(encoding="utf-8"))
    return SampleMeeting(
        title=words["title"],
        language=words["language"],
        duration_s=words["duration_s"],
        audio=folder / "audio.opus",
        rttm=folder / "speakers.rttm",
        turns=tuple(ScriptedTurn(**turn) for turn in words["turns"]),
        expected=script["expected"],
    )
