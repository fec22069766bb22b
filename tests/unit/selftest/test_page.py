"""The page of the self-test: a line per attempt, what stops what, and a verdict that invents no success."""

from collections.abc import Mapping

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.kernel.errors import Unavailable
from appliance.selftest.model import (
    NEEDS,
    Attempt,
    Figure,
    Line,
    NotAsItShould,
    NotSetUp,
    SelftestReport,
    Trial,
    Verdict,
    WithReserve,
    attempt_all,
)
from appliance.selftest.wording import as_text, title_of


class TargetFull(Unavailable):
    code = "selftest.example"
    message = "The target is full."
    hint = "Free space."


def works() -> Mapping[str, Figure]:
    """An attempt that passes."""
    return {"figure": 7}


def breaks(error: Exception) -> Attempt:
    """One that does not."""

    def attempt() -> Mapping[str, Figure]:
        raise error

    return attempt


def lines(**changed: Attempt) -> dict[Trial, Line]:
    """All attempts, of which some are others."""
    attempts = {trial: changed.get(trial.name, works) for trial in Trial}
    return {line.trial: line for line in attempt_all(attempts, tell=lambda news: None)}


def report(*found: Line) -> SelftestReport:
    """A page with these lines."""
    return SelftestReport("1.2.3", "box", "2026-11-23T08:00:00+00:00", 61.0, "en, 196 s, 4", ["whisper-base"], found)


def test_everything_that_works_passes_in_order() -> None:
    """With its figures."""
    found = lines()
    assert list(found) == list(Trial)
    assert {line.verdict for line in found.values()} == {Verdict.PASSED}
    assert found[Trial.SPEECH].figures == {"figure": 7}
    assert report(*found.values()).verdict is Verdict.PASSED


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (NotAsItShould("nothing was heard"), "nothing was heard"),
        (TargetFull(), "The target is full. Free space."),
    ],
)
def test_a_failure_stops_what_needs_it_and_nothing_else(error: Exception, why: str) -> None:
    """Without an upload there is no speech; a backup is tried all the same."""
    found = lines(UPLOAD=breaks(error))
    assert (found[Trial.UPLOAD].verdict, found[Trial.UPLOAD].why) == (Verdict.FAILED, why)
    stopped = {trial for trial, line in found.items() if line.verdict is Verdict.NOT_TRIED}
    assert stopped == {Trial.SPEECH, Trial.SPEAKERS, Trial.MINUTES, Trial.EXPORT, Trial.SHREDDING}
    assert found[Trial.BACKUP].verdict is Verdict.PASSED
    assert report(*found.values()).verdict is Verdict.FAILED


def test_a_reserve_is_told_and_never_passed_and_stops_nothing() -> None:
    """With the figures beside the reason; and it hides nothing worse."""
    reserve = breaks(WithReserve("the model is not fit", {"word_error_rate": 0.78}))
    found = lines(SPEECH=reserve)
    assert found[Trial.SPEECH].verdict is Verdict.WARNED
    assert found[Trial.MINUTES].verdict is Verdict.PASSED
    page = as_text(report(*found.values()), "en")
    assert "WITH A WARNING" in page
    assert "the model is not fit" in page
    assert "word_error_rate: 0.78" in page
    assert report(*lines(SPEECH=reserve, DRILL=breaks(NotSetUp("x"))).values()).verdict is Verdict.NOT_TRIED
    assert report(*lines(SPEECH=reserve, DRILL=breaks(NotAsItShould("x"))).values()).verdict is Verdict.FAILED


def test_what_nobody_set_up_is_told_and_never_passed() -> None:
    """Neither the line nor the whole."""
    found = lines(BACKUP=breaks(NotSetUp("not configured")))
    assert (found[Trial.BACKUP].verdict, found[Trial.BACKUP].why) == (Verdict.NOT_TRIED, "not configured")
    assert found[Trial.DRILL].verdict is Verdict.NOT_TRIED
    assert report(*found.values()).verdict is Verdict.NOT_TRIED


def test_what_was_left_out_is_told() -> None:
    """By the person who asked."""
    found = attempt_all(dict.fromkeys(Trial, works), without=(Trial.DRILL,), tell=lambda news: None)
    assert found[-1] == Line(Trial.DRILL, Verdict.NOT_TRIED, why="left out")


@given(st.dictionaries(st.sampled_from(Trial), st.sampled_from(["works", "reserve", "wrong", "missing"])))
def test_one_failure_is_enough(plan: dict[Trial, str]) -> None:
    """However much passes; and what needs something that did not pass is never tried."""
    kinds = {
        "works": works,
        "reserve": breaks(WithReserve("x", {})),
        "wrong": breaks(NotAsItShould("x")),
        "missing": breaks(NotSetUp("x")),
    }
    found = attempt_all({trial: kinds[how] for trial, how in plan.items()}, tell=lambda news: None)
    by_trial = {line.trial: line.verdict for line in found}
    whole = report(*found).verdict
    assert (whole is Verdict.FAILED) == (Verdict.FAILED in by_trial.values())
    assert (whole is Verdict.PASSED) == (set(by_trial.values()) == {Verdict.PASSED})
    for trial, needs in NEEDS.items():
        stopped = any(by_trial[need] in (Verdict.FAILED, Verdict.NOT_TRIED) for need in needs)
        assert (by_trial[trial] is Verdict.NOT_TRIED) == (stopped or plan.get(trial, "missing") == "missing")


def test_an_unknown_error_is_not_swallowed() -> None:
    """A mistake of ours is a traceback and no line."""
    with pytest.raises(ZeroDivisionError):
        lines(EXPORT=breaks(ZeroDivisionError()))


@pytest.mark.parametrize("language", ["hu", "en"])
def test_the_page_has_every_line_in_both_languages(language: str) -> None:
    """And comes back from JSON as it was."""
    whole = report(*lines(DRILL=breaks(NotAsItShould("a row is missing"))).values())
    page = as_text(whole, language, key="ab" * 32)  # type: ignore[arg-type]  # parametrized
    for trial in Trial:
        assert title_of(trial, language) in page  # type: ignore[arg-type]  # as above
    for word in ("a row is missing", "figure: 7", "ab" * 32, "whisper-base", "1.2.3"):
        assert word in page
    assert max(len(line) for line in page.splitlines()) <= 100
    again = msgspec.convert(msgspec.json.decode(msgspec.json.encode(whole)), SelftestReport)
    assert as_text(again, language, key="ab" * 32) == page  # type: ignore[arg-type]  # as above
