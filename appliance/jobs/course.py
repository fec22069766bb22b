"""The course of one job: which steps may run, rest or be undone next. Pure rules; the service stores what they say.

Forward, a step becomes ready when all that it needs is done. Backward, a step is undone only after every step that
built on it. A failure keeps what other steps achieved, so that a retry goes on from there; only a cancel, or a retry
from an earlier step, removes finished work.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from appliance.jobs.errors import NotCancellable, NotRetryable, StepNotReached, StepUnknown
from appliance.jobs.model import JobState, Queue, StepShape, StepState

_BLOCKS_UNDO = {StepState.RUNNING, StepState.UNDO_WAITING, StepState.UNDO_READY, StepState.UNDOING}
_MOVING = _BLOCKS_UNDO | {StepState.READY}


@dataclass(frozen=True, slots=True)
class Stage:
    """One step within the course of its job."""

    name: str
    queue: Queue
    needs: tuple[str, ...]
    state: StepState = StepState.WAITING
    dirty: bool = False
    """Whether it may have left something behind: it was begun, and not undone since."""
    after_undo: StepState | None = None
    """What it becomes once it is undone."""

    def undo(self, then: StepState) -> "Stage":
        """The same stage, to be undone."""
        if self.state is StepState.UNDOING:
            return replace(self, after_undo=then)
        return replace(self, state=StepState.UNDO_WAITING, after_undo=then)


@dataclass(frozen=True, slots=True)
class Course:
    """The state of a job and of all its steps; every method returns the next course."""

    state: JobState
    stages: tuple[Stage, ...]

    @classmethod
    def begin(cls, steps: Iterable[StepShape]) -> "Course":
        """A new job: the steps that need nothing are ready."""
        stages = tuple(Stage(step.name, step.queue, step.needs) for step in steps)
        return cls(JobState.QUEUED, stages).settled()

    def stage(self, name: str) -> Stage:
        """The stage of that name.

        Raises:
            StepUnknown: the job has none.
        """
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise StepUnknown(step=name, steps=", ".join(stage.name for stage in self.stages))

    # --- What workers report ------------------------------------------------------------------------------------------

    def claimed(self, name: str) -> "Course":
        """A worker took a ready step."""
        stage = self.stage(name)
        state = StepState.UNDOING if stage.state is StepState.UNDO_READY else StepState.RUNNING
        job = JobState.RUNNING if self.state is JobState.QUEUED else self.state
        return replace(self, state=job).put(replace(stage, state=state, dirty=True))

    def done(self, name: str) -> "Course":
        """A step was finished, or undone."""
        stage = self.stage(name)
        if stage.state is StepState.UNDOING:
            then = stage.after_undo or StepState.CANCELLED
            return self.put(replace(stage, state=then, after_undo=None, dirty=False)).settled()
        if self.state is JobState.CANCELLING:
            return self.stopped(name)
        return self.put(replace(stage, state=StepState.DONE)).settled()

    def stopped(self, name: str) -> "Course":
        """A running step noticed that its job was cancelled."""
        return self.put(self.stage(name).undo(StepState.CANCELLED)).settled()

    def given_back(self, name: str) -> "Course":
        """A step is to be taken again: its worker stopped, died, or failed for a reason that may pass."""
        stage = self.stage(name)
        if stage.state is StepState.UNDOING:
            return self.put(replace(stage, state=StepState.UNDO_READY)).settled()
        if self.state is JobState.CANCELLING:
            return self.stopped(name)
        return self.put(replace(stage, state=StepState.READY)).settled()

    def refused(self, name: str) -> "Course":
        """A step cannot ever succeed: what it left behind is removed, then the job has failed."""
        if self.state is JobState.CANCELLING:
            return self.stopped(name)
        return self.put(self.stage(name).undo(StepState.FAILED)).settled()

    def exhausted(self, name: str) -> "Course":
        """All tries are used up: the step rests as it is, with its checkpoint, until somebody asks for more."""
        stage = self.stage(name)
        if self.state is JobState.CANCELLING and stage.state is StepState.RUNNING:
            return self.stopped(name)
        return self.put(replace(stage, state=StepState.FAILED, after_undo=None)).settled()

    # --- What people ask for ------------------------------------------------------------------------------------------

    def cancelled(self) -> "Course":
        """Stop, and undo all that was begun. Asking twice is harmless.

        Raises:
            NotCancellable: the job is done, or was cancelled before.
        """
        if self.state is JobState.CANCELLING:
            return self
        if self.state in {JobState.DONE, JobState.CANCELLED}:
            raise NotCancellable(state=self.state.value)

        def back(stage: Stage) -> Stage:
            if stage.state is StepState.RUNNING:
                return stage  # it is told by its worker's heartbeat
            if stage.dirty:
                return stage.undo(StepState.CANCELLED)
            return replace(stage, state=StepState.CANCELLED)

        return replace(self, state=JobState.CANCELLING).each(back).settled()

    def retried(self) -> "Course":
        """Go on from where it stopped, from the last checkpoints.

        Raises:
            NotRetryable: the job is under way, or done.
        """
        if self.state is JobState.CANCELLED:
            return replace(self, state=JobState.QUEUED).each(lambda s: replace(s, state=StepState.WAITING)).settled()
        if self.state is not JobState.FAILED:
            raise NotRetryable(state=self.state.value)

        def again(stage: Stage) -> Stage:
            return replace(stage, state=StepState.READY) if stage.state is StepState.FAILED else stage

        return replace(self, state=JobState.RUNNING).each(again).settled()

    def retried_from(self, name: str) -> "Course":
        """Undo a step and all that was built on it, in reverse order, then do them again.

        Raises:
            NotRetryable: the job is under way.
            StepNotReached: a step that it needs is not done.
            StepUnknown: the job has no such step.
        """
        stage = self.stage(name)
        if not self.state.is_final:
            raise NotRetryable(state=self.state.value)
        for need in stage.needs:
            if self.stage(need).state is not StepState.DONE:
                raise StepNotReached(step=name, missing=need)
        again = self.built_on(name) | {name}

        def back(stage: Stage) -> Stage:
            if stage.name in again:
                return stage.undo(StepState.WAITING) if stage.dirty else replace(stage, state=StepState.WAITING)
            if stage.state in {StepState.CANCELLED, StepState.FAILED}:
                return replace(stage, state=StepState.READY if stage.dirty else StepState.WAITING)
            return stage

        return replace(self, state=JobState.RUNNING).each(back).settled()

    def built_on(self, name: str) -> set[str]:
        """Every step that needs this one, at first or second hand."""
        found: set[str] = set()
        for stage in self.stages:  # in order: whatever a step needs comes before it
            if not found.isdisjoint(stage.needs) or name in stage.needs:
                found.add(stage.name)
        return found

    # --- Rules --------------------------------------------------------------------------------------------------------

    def settled(self) -> "Course":
        """Make everything ready that may be, and say what has become of the job."""
        stages = self.each(self._released).stages
        return replace(self, state=self._outcome({stage.state for stage in stages}), stages=stages)

    def _released(self, stage: Stage) -> Stage:
        if stage.state is StepState.UNDO_WAITING:
            built_on_it = (other for other in self.stages if stage.name in other.needs)
            if not any(other.state in _BLOCKS_UNDO for other in built_on_it):
                return replace(stage, state=StepState.UNDO_READY)
        goes_on = self.state in {JobState.QUEUED, JobState.RUNNING}
        if goes_on and stage.state is StepState.WAITING and self._may_begin(stage):
            return replace(stage, state=StepState.READY)
        return stage

    def _may_begin(self, stage: Stage) -> bool:
        return all(self.stage(need).state is StepState.DONE for need in stage.needs)

    def _outcome(self, states: set[StepState]) -> JobState:
        if self.state.is_final or states & _MOVING:
            return self.state
        if StepState.FAILED in states:
            return JobState.FAILED
        return JobState.CANCELLED if self.state is JobState.CANCELLING else JobState.DONE

    def put(self, changed: Stage) -> "Course":
        """The same course with one stage changed."""
        return self.each(lambda stage: changed if stage.name == changed.name else stage)

    def each(self, change: Callable[[Stage], Stage]) -> "Course":
        """The same course with every stage changed."""
        return replace(self, stages=tuple(change(stage) for stage in self.stages))
