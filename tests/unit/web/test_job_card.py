"""A job is told in plain words: what happens, how long it takes, what can be done."""

from dataclasses import replace

import pytest

from appliance.jobs.model import Failure, JobState, JobView, StepState
from web.pages.meetings.job_card import JobCard, doing, job_card
from web.pages.patterns.samples import a_job


def _card(job: JobView) -> JobCard:
    return job_card(job, "en", can_cancel=True, can_retry=True)


def _with_states(job: JobView, state: StepState) -> JobView:
    return replace(job, steps=tuple(replace(step, state=state) for step in job.steps))


def test_a_running_job_says_what_it_does_and_how_long_it_takes() -> None:
    """In the list in a few words, on its page step by step."""
    job = a_job(failed=False)
    assert doing(job, "en") == "Write down the words · about 3 minutes left"
    card = _card(job)
    assert (card.headline, card.outlook) == ("Working on the recording", "about 3 minutes left")
    assert card.can_cancel
    assert not card.can_retry


def test_a_time_that_would_be_a_guess_is_not_told() -> None:
    """A machine that has not learned yet says so."""
    job = replace(a_job(failed=False), eta_s=None)
    assert _card(job).outlook == "This machine is still learning how long it takes"


def test_a_waiting_job_says_its_place() -> None:
    """Its number in the queue, in the list too."""
    job = _with_states(replace(a_job(failed=False), state=JobState.QUEUED, queue_position=3), StepState.WAITING)
    assert doing(job, "en") == "Number 3 in the queue"
    assert _card(job).headline == "Waiting for its turn"


def test_shares_are_shown_once_they_are_learned() -> None:
    """Seven equal parts would look like knowledge."""
    job = a_job(failed=False)
    equal = replace(job, steps=tuple(replace(step, share=1 / 7) for step in job.steps))
    assert {step.share for step in _card(equal).steps} == {None}
    assert None not in {step.share for step in _card(job).steps}


def test_a_failed_step_can_be_retried_and_no_other() -> None:
    """From where it failed."""
    card = _card(a_job(failed=True))
    assert card.failure is not None
    assert [step.name for step in card.steps if step.can_retry] == ["minutes"]
    assert card.can_retry
    assert not card.can_cancel


def test_who_may_not_interfere_is_offered_nothing() -> None:
    """Buttons that would be refused are not there."""
    card = job_card(a_job(failed=True), "en", can_cancel=False, can_retry=False)
    assert not card.can_retry
    assert not any(step.can_retry for step in card.steps)


@pytest.mark.parametrize("state", list(JobState))
def test_every_state_has_words_in_both_languages(state: JobState) -> None:
    """No state of a job is shown by its name in the code."""
    job = replace(a_job(failed=False), state=state, failure=Failure("x", "y"))
    english = _card(job).headline
    hungarian = job_card(job, "hu", can_cancel=True, can_retry=True).headline
    assert english != hungarian
    assert state.value not in (english, hungarian)


@pytest.mark.parametrize("state", list(StepState))
def test_every_state_of_a_step_has_words(state: StepState) -> None:
    """And a class of its own for its icon."""
    card = _card(_with_states(a_job(failed=False), state))
    assert all(step.word and step.state for step in card.steps)
