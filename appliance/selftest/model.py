"""Lines of the page: what was tried, how it went, how long it took, and what that says of the whole."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from appliance.kernel.errors import HangJegyzetError

Figure = str | int | float | bool


class Trial(StrEnum):
    """What is tried, in this order."""

    HEALTH = "health"
    SILENCE = "silence"
    SIGN_IN = "sign-in"
    UPLOAD = "upload"
    SPEECH = "speech"
    SPEAKERS = "speakers"
    MINUTES = "minutes"
    EXPORT = "export"
    SHREDDING = "shredding"
    BACKUP = "backup"
    DRILL = "drill"


class Verdict(StrEnum):
    """How one went."""

    PASSED = "passed"
    WARNED = "warned"
    """It works, and something known of this machine keeps the result from being good; never taken for passed."""
    FAILED = "failed"
    NOT_TRIED = "not-tried"
    """Nobody set it up, what it needs did not work, or somebody left it out; it is told, and never taken for passed."""


class NotAsItShould(Exception):
    """A trial came to its end, and found something wrong; the text says what, without content."""


class WithReserve(Exception):
    """A trial came to its end with a result that nobody should rely on, for a reason that was known before.

    Args:
        why: what that is, without content.
        figures: what was measured.
    """

    def __init__(self, why: str, figures: Mapping[str, Figure]) -> None:
        super().__init__(why)
        self.figures = figures


class NotSetUp(Exception):
    """There is nothing to try; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Line:
    """How a trial went.

    Args:
        why: what was wrong, what the reserve is, or why it was not tried; empty when it passed.
        figures: what was measured, by name.
    """

    trial: Trial
    verdict: Verdict
    took_s: float = 0.0
    why: str = ""
    figures: Mapping[str, Figure] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SelftestReport:
    """The page."""

    release: str
    host: str
    began_at: str
    took_s: float
    sample: str
    models: Sequence[str]
    lines: Sequence[Line]

    @property
    def verdict(self) -> Verdict:
        """Failed if any line failed; passed only if every one did."""
        found = {line.verdict for line in self.lines}
        if Verdict.FAILED in found or not found:
            return Verdict.FAILED
        return next((one for one in (Verdict.NOT_TRIED, Verdict.WARNED) if one in found), Verdict.PASSED)


Needs = Mapping[Trial, Sequence[Trial]]
Attempt = Callable[[], Mapping[str, Figure]]

NEEDS: Needs = {
    Trial.UPLOAD: (Trial.SIGN_IN,),
    Trial.SPEECH: (Trial.UPLOAD,),
    Trial.SPEAKERS: (Trial.SPEECH,),
    Trial.MINUTES: (Trial.SPEECH,),
    Trial.EXPORT: (Trial.MINUTES,),
    Trial.SHREDDING: (Trial.UPLOAD,),
    Trial.DRILL: (Trial.BACKUP,),
}
"""What has to work before."""
WORKS = frozenset({Verdict.PASSED, Verdict.WARNED})


def attempt_all(
    attempts: Mapping[Trial, Attempt], *, without: Sequence[Trial] = (), tell: Callable[[Line | Trial], object]
) -> list[Line]:
    """Try each in its order; one that fails stops those that need it, and no other.

    Args:
        tell: is told each trial as it begins, and its line as it ends.
    """
    lines: dict[Trial, Line] = {}
    for trial in Trial:
        lines[trial] = line = _attempt(trial, attempts, lines, without, tell)
        tell(line)
    return list(lines.values())


def _attempt(
    trial: Trial,
    attempts: Mapping[Trial, Attempt],
    before: Mapping[Trial, Line],
    without: Sequence[Trial],
    tell: Callable[[Line | Trial], object],
) -> Line:
    missing = [need for need in NEEDS.get(trial, ()) if before[need].verdict not in WORKS]
    if trial in without or trial not in attempts:
        return Line(trial, Verdict.NOT_TRIED, why="left out")
    if missing:
        return Line(trial, Verdict.NOT_TRIED, why=f"{', '.join(missing)} did not pass")
    tell(trial)
    started = time.monotonic()
    try:
        figures = attempts[trial]()
    except NotSetUp as missing_part:
        return Line(trial, Verdict.NOT_TRIED, _since(started), str(missing_part))
    except WithReserve as reserve:
        return Line(trial, Verdict.WARNED, _since(started), str(reserve), reserve.figures)
    except NotAsItShould as wrong:
        return Line(trial, Verdict.FAILED, _since(started), str(wrong))
    except HangJegyzetError as error:
        return Line(trial, Verdict.FAILED, _since(started), f"{error} {error.remedy}".strip())
    return Line(trial, Verdict.PASSED, _since(started), figures=figures)


def _since(started: float) -> float:
    return round(time.monotonic() - started, 1)
