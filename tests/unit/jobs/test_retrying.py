"""When a failed step is tried again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.jobs.retrying import LONGEST_PAUSE_S, Verdict, explain, judge, pause_s
from appliance.kernel.errors import Conflict, Corrupt, Invalid, NotFound, Refused, Unavailable


class DiskFull(Unavailable):
    code = "test.disk_full"
    message = "The disk {disk} is full."
    hint = "Free some space on {disk}."


@pytest.mark.parametrize("error", [Invalid(), Refused(), Corrupt(), NotFound()])
def test_what_cannot_ever_succeed_is_not_tried_again(error: Exception) -> None:
    """A file that is no recording is refused on the first try."""
    assert judge(error, tries=1, max_attempts=5) is Verdict.REFUSED


@pytest.mark.parametrize("error", [Unavailable(), Conflict(), RuntimeError("?"), MemoryError()])
def test_what_may_pass_is_tried_again_until_tries_are_used_up(error: Exception) -> None:
    """A full disk or a surprise gets all its tries, then becomes a dead letter."""
    assert [judge(error, tries=n, max_attempts=3) for n in (1, 2, 3)] == [
        Verdict.AGAIN,
        Verdict.AGAIN,
        Verdict.GIVEN_UP,
    ]


def test_pauses_grow_and_are_bounded() -> None:
    """Each try waits twice as long as the one before, up to a bound."""
    assert [pause_s(n, first_s=2, chance=1) for n in (1, 2, 3, 4)] == [2, 4, 8, 16]
    assert pause_s(10_000, first_s=2, chance=1) == LONGEST_PAUSE_S


@given(st.integers(min_value=1, max_value=100), st.floats(min_value=0, max_value=1))
def test_chance_shortens_a_pause_by_half_at_most(tries: int, chance: float) -> None:
    """Workers that failed together do not come back together, nor at once."""
    longest = pause_s(tries, first_s=2, chance=1)
    assert longest / 2 <= pause_s(tries, first_s=2, chance=chance) <= longest


def test_an_expected_error_is_told_in_its_own_words() -> None:
    """The remedy of an error reaches whoever reads the dead letter."""
    failure = explain(DiskFull(disk="/data"), step="validate", job_id="j", tries=5)
    assert (failure.code, failure.message, failure.remedy) == (
        "test.disk_full",
        "The disk /data is full.",
        "Free some space on /data.",
    )


def test_an_unforeseen_error_is_told_without_its_words() -> None:
    """The words of a stray exception may quote the meeting, so they are never stored."""
    failure = explain(ValueError("the chairman said: sell"), step="minutes", job_id="j", tries=5)
    assert failure.code == "jobs.unexpected"
    assert "ValueError" in failure.message
    assert "chairman" not in failure.message + failure.remedy
