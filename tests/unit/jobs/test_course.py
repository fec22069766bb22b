"""The order in which steps run and are undone."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.jobs.course import Course
from appliance.jobs.errors import NotCancellable, NotRetryable, StepNotReached, StepUnknown
from appliance.jobs.model import JobState, Queue, Saga, StepState


@dataclass(frozen=True)
class Shape:
    name: str
    needs: tuple[str, ...] = ()
    queue: Queue = Queue.GENERAL


RECORDING = Saga(
    "recording",
    (
        Shape("validate"),
        Shape("transcribe", ("validate",), Queue.SPEECH),
        Shape("speakers", ("validate",), Queue.SPEECH),
        Shape("merge", ("transcribe", "speakers")),
        Shape("minutes", ("merge",), Queue.LANGUAGE),
        Shape("index", ("merge",)),
        Shape("notify", ("minutes", "index")),
    ),
)


def states(course: Course) -> dict[str, StepState]:
    return {stage.name: stage.state for stage in course.stages}


def ready(course: Course) -> list[str]:
    return [stage.name for stage in course.stages if stage.state.is_claimable]


def run(course: Course, *names: str) -> Course:
    for name in names:
        course = course.claimed(name).done(name)
    return course


@pytest.fixture
def course() -> Course:
    return Course.begin(RECORDING)


def test_a_step_waits_for_all_that_it_needs(course: Course) -> None:
    """Merging starts when both the words and the turns are there, not before."""
    assert ready(course) == ["validate"]
    course = run(course, "validate")
    assert ready(course) == ["transcribe", "speakers"]
    course = run(course, "speakers")
    assert ready(course) == ["transcribe"]
    assert ready(run(course, "transcribe")) == ["merge"]


def test_a_job_is_done_when_its_last_step_is(course: Course) -> None:
    """Doing every step in order ends the job."""
    names = [step.name for step in RECORDING]
    assert run(course, *names[:-1]).state is JobState.RUNNING
    assert run(course, *names).state is JobState.DONE


def test_a_refusal_is_cleaned_up_before_the_job_fails(course: Course) -> None:
    """What a refused step left behind is removed, then the job is a dead letter."""
    course = course.claimed("validate").refused("validate")
    assert (course.state, ready(course)) == (JobState.RUNNING, ["validate"])
    assert course.stage("validate").state is StepState.UNDO_READY
    course = course.claimed("validate").done("validate")
    assert (course.state, course.stage("validate").state) == (JobState.FAILED, StepState.FAILED)


def test_a_failure_lets_its_siblings_finish(course: Course) -> None:
    """A transcription of an hour is not thrown away because telling the speakers apart failed beside it."""
    course = run(course, "validate").claimed("transcribe").claimed("speakers").exhausted("speakers")
    assert course.state is JobState.RUNNING
    course = course.done("transcribe")
    assert course.state is JobState.FAILED
    assert course.stage("transcribe").state is StepState.DONE


def test_a_retry_goes_on_from_the_failed_step(course: Course) -> None:
    """What succeeded stays; only the failed step is taken again."""
    course = run(course, "validate", "transcribe").claimed("speakers").exhausted("speakers").retried()
    assert (course.state, ready(course)) == (JobState.RUNNING, ["speakers"])


def test_cancelling_undoes_in_reverse_order(course: Course) -> None:
    """What was built last is removed first, so that nothing ever rests on what is gone."""
    course = run(course, "validate", "transcribe", "speakers").claimed("merge").cancelled()
    assert (course.state, ready(course)) == (JobState.CANCELLING, [])
    course = course.stopped("merge")
    order = []
    while ready(course):
        name = ready(course)[0]
        order.append(name)
        course = run(course, name)
    assert order == ["merge", "transcribe", "speakers", "validate"]
    assert course.state is JobState.CANCELLED
    assert set(states(course).values()) == {StepState.CANCELLED}


def test_cancelling_before_anything_began_needs_no_worker(course: Course) -> None:
    """A job that never started is cancelled on the spot."""
    assert course.cancelled().state is JobState.CANCELLED


def test_a_step_that_finishes_while_it_is_cancelled_is_undone(course: Course) -> None:
    """Being faster than the cancel leaves nothing behind."""
    course = course.claimed("validate").cancelled().done("validate")
    assert course.stage("validate").state is StepState.UNDO_READY
    assert run(course, "validate").state is JobState.CANCELLED


def test_a_step_whose_worker_dies_while_it_is_cancelled_is_undone(course: Course) -> None:
    """A lease that expires during a cancel does not start the work again."""
    course = course.claimed("validate").cancelled().given_back("validate")
    assert course.stage("validate").state is StepState.UNDO_READY


def test_a_done_job_cannot_be_cancelled(course: Course) -> None:
    """There is nothing to cancel any more, and the answer says so."""
    with pytest.raises(NotCancellable):
        run(course, *(step.name for step in RECORDING)).cancelled()


def test_a_cancelled_job_can_be_started_again(course: Course) -> None:
    """A cancel is not the end: a retry begins at the first step."""
    course = run(course.claimed("validate").cancelled().stopped("validate"), "validate").retried()
    assert (course.state, ready(course)) == (JobState.QUEUED, ["validate"])


def test_retrying_from_a_step_undoes_what_was_built_on_it(course: Course) -> None:
    """New minutes replace the old ones, and the notice goes out again; the transcript stays."""
    course = run(course, *(step.name for step in RECORDING)).retried_from("minutes")
    assert ready(course) == ["notify"]
    course = run(course, "notify")
    assert ready(course) == ["minutes"]
    course = run(course, "minutes")
    assert course.stage("index").state is StepState.DONE
    assert (course.stage("minutes").state, course.stage("notify").state) == (StepState.READY, StepState.WAITING)
    assert run(course, "minutes", "notify").state is JobState.DONE


def test_retrying_from_a_step_that_was_never_reached_is_refused(course: Course) -> None:
    """The answer names the step that is missing."""
    course = course.claimed("validate").exhausted("validate")
    with pytest.raises(StepNotReached) as refusal:
        course.retried_from("merge")
    assert refusal.value.fields["missing"] == "transcribe"


def test_an_unknown_step_is_named_together_with_the_known_ones(course: Course) -> None:
    """A misspelt step is told what could have been meant."""
    with pytest.raises(StepUnknown) as unknown:
        course.retried_from("transcrib")
    assert "transcribe" in unknown.value.remedy


def test_a_job_under_way_is_not_retried(course: Course) -> None:
    """Only what has ended can be tried again."""
    with pytest.raises(NotRetryable):
        course.retried()
    with pytest.raises(NotRetryable):
        course.retried_from("validate")


def test_an_undo_that_fails_leaves_a_dead_letter_that_can_be_cancelled_again(course: Course) -> None:
    """Nothing that could not be removed is forgotten."""
    course = course.claimed("validate").cancelled().stopped("validate").claimed("validate").exhausted("validate")
    assert course.state is JobState.FAILED
    course = course.cancelled()
    assert course.stage("validate").state is StepState.UNDO_READY


EVENTS = ("claim", "done", "give_back", "refuse", "exhaust", "stop", "cancel", "retry", "retry_from")


@settings(max_examples=500)
@given(st.lists(st.tuples(st.sampled_from(EVENTS), st.integers(min_value=0)), max_size=60))
def test_no_sequence_of_events_strands_a_job(events: list[tuple[str, int]]) -> None:
    """Whatever happens, in whatever order: order is kept, and a job that has not ended can always be moved on."""
    course = Course.begin(RECORDING)
    for event, pick in events:
        course = _apply(course, event, pick)
        _check(course)
    for _ in range(100):  # let it run out undisturbed
        moving = [stage for stage in course.stages if stage.state.is_leased or stage.state.is_claimable]
        if not moving:
            break
        stage = moving[0]
        course = course.done(stage.name) if stage.state.is_leased else course.claimed(stage.name)
        _check(course)
    assert course.state.is_final


def _apply(course: Course, event: str, pick: int) -> Course:
    leased = [stage for stage in course.stages if stage.state.is_leased]
    claimable = [stage for stage in course.stages if stage.state.is_claimable]
    running = [stage for stage in leased if stage.state is StepState.RUNNING]
    match event:
        case "claim" if claimable:
            return course.claimed(claimable[pick % len(claimable)].name)
        case "done" if leased:
            return course.done(leased[pick % len(leased)].name)
        case "give_back" if leased:
            return course.given_back(leased[pick % len(leased)].name)
        case "exhaust" if leased:
            return course.exhausted(leased[pick % len(leased)].name)
        case "refuse" if running:
            return course.refused(running[pick % len(running)].name)
        case "stop" if running and course.state is JobState.CANCELLING:
            return course.stopped(running[pick % len(running)].name)
        case "cancel" if course.state not in {JobState.DONE, JobState.CANCELLED}:
            return course.cancelled()
        case "retry" if course.state in {JobState.FAILED, JobState.CANCELLED}:
            return course.retried()
        case "retry_from" if course.state.is_final:
            stage = course.stages[pick % len(course.stages)]
            if all(course.stage(need).state is StepState.DONE for need in stage.needs):
                return course.retried_from(stage.name)
    return course


def _check(course: Course) -> None:
    for stage in course.stages:
        below = [course.stage(need) for need in stage.needs]
        if stage.state in {StepState.READY, StepState.RUNNING, StepState.DONE}:
            # What a running step stands on waits to be undone until its worker has heard of the cancel.
            told = course.state is JobState.CANCELLING and stage.state is StepState.RUNNING
            sound = {StepState.DONE, StepState.UNDO_WAITING} if told else {StepState.DONE}
            assert {need.state for need in below} <= sound, (stage, course)
        if stage.state in {StepState.UNDO_READY, StepState.UNDOING}:
            assert not any(need.state in {StepState.UNDO_READY, StepState.UNDOING} for need in below), course
        if stage.state is StepState.DONE:
            assert stage.dirty
    if course.state is JobState.CANCELLED:
        assert not any(stage.dirty for stage in course.stages), course
    if not course.state.is_final:
        assert any(stage.state.is_leased or stage.state.is_claimable for stage in course.stages), course
