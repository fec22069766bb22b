"""What the room needs from what changes the machine."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from appliance.configuration.model import Value


class TaskState(StrEnum):
    """How far a task is, or how it ended."""

    BEGUN = "begun"
    OK = "ok"
    CHANGED = "changed"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Task:
    """News of one task of a run; ``reason`` says why it failed, ``diff`` what it changed."""

    role: str
    name: str
    state: TaskState
    reason: str = ""
    diff: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """What is to be brought about: the effective settings, by which release, really or only looked at."""

    settings: dict[str, Value]
    release_path: str
    release_version: str
    check: bool = False
    diff: bool = False
    hold: int | None = None
    """A descriptor that stays open until the last process of the run has ended, also when we were killed before."""


class Machinery(Protocol):
    """Brings a machine into the state that the settings declare."""

    def run(self, run: Run) -> Iterator[Task]:
        """Do it, telling each task as it begins and ends; a failed task is the last.

        Raises:
            ApplyFailed: the run itself broke.
        """
        ...


class Watchman(Protocol):
    """Undoes what nobody confirmed, even when everybody else is gone."""

    def begin(self) -> None:
        """Start watching the note; on return it is watched.

        Raises:
            OSError: nobody watches.
        """
        ...
