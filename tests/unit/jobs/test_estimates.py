"""How long work will take."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.jobs.estimates import ENOUGH, learn, longest_way_s, shares, step_eta_s

NEEDS = {"validate": (), "transcribe": ("validate",), "speakers": ("validate",), "merge": ("transcribe", "speakers")}


def test_one_slow_run_does_not_spoil_the_pace() -> None:
    """The pace is what usually happens, not the average with the day when the disk was cold."""
    pace = learn([(60, 6), (120, 12), (600, 60), (60, 600)])
    assert pace is not None
    assert pace.s_per_audio_s == pytest.approx(0.1)


def test_too_few_runs_are_not_believed() -> None:
    """Until a step ran a few times there is no estimate rather than a guess."""
    pace = learn([(60, 6)] * (ENOUGH - 1))
    assert pace is not None
    assert not pace.is_learned
    assert learn([]) is None


def test_without_history_there_is_no_estimate() -> None:
    """A new machine does not invent how long a step takes."""
    assert step_eta_s(None, progress=0.5, progress_from=0, elapsed_s=10) is None


def test_an_estimate_starts_with_history_and_ends_with_this_run() -> None:
    """A run twice as slow as usual is believed more and more."""
    at_start = step_eta_s(100, progress=0, progress_from=0, elapsed_s=0)
    late = step_eta_s(100, progress=0.9, progress_from=0, elapsed_s=180)
    assert at_start == pytest.approx(100)
    assert late == pytest.approx(0.1 * (0.1 * 100 + 0.9 * 200))


def test_a_resumed_step_is_measured_from_where_it_was_taken_up() -> None:
    """What an earlier attempt achieved does not make this one look fast."""
    resumed = step_eta_s(100, progress=0.6, progress_from=0.5, elapsed_s=10)
    assert resumed == pytest.approx(0.4 * 100)


@given(
    st.floats(min_value=0.1, max_value=1e5),
    st.floats(min_value=0, max_value=1),
    st.floats(min_value=0, max_value=1),
    st.floats(min_value=0, max_value=1e6),
)
def test_an_estimate_is_never_negative(expected: float, first: float, second: float, elapsed: float) -> None:
    """Whatever a step reports, no door shows minus five seconds."""
    start, now = sorted((first, second))
    eta = step_eta_s(expected, progress=now, progress_from=start, elapsed_s=elapsed)
    assert eta is not None
    assert eta >= 0


def test_shares_follow_cost_and_are_equal_while_unknown() -> None:
    """The bar of a job moves with time once this machine knows where time goes."""
    assert shares({"a": 30.0, "b": 10.0}) == {"a": 0.75, "b": 0.25}
    assert shares({"a": 30.0, "b": None}) == {"a": 0.5, "b": 0.5}
    assert shares({}) == {}


def test_steps_side_by_side_count_once() -> None:
    """The end of a job is the end of its longest branch."""
    left = {"validate": 1.0, "transcribe": 60.0, "speakers": 20.0, "merge": 2.0}
    assert longest_way_s(list(NEEDS), lambda name: NEEDS[name], left) == 63
    assert longest_way_s(list(NEEDS), lambda name: NEEDS[name], {**left, "merge": None}) is None
