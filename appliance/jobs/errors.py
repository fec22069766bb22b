"""What can go wrong with jobs, steps and leases."""

from appliance.kernel.errors import Conflict, Corrupt, Invalid, NotFound, Unavailable

# --- What a door may be told ------------------------------------------------------------------------------------------


class JobNotFound(NotFound):
    """There is no such job, or it is somebody else's."""

    code = "jobs.not_found"
    message = "There is no job {job_id}."
    hint = "List the jobs: hangjegyzet job list"


class SagaUnknown(Invalid):
    """This release does not know the kind of job."""

    code = "jobs.kind_unknown"
    message = "This release does not know jobs of the kind {kind}."


class StepUnknown(NotFound):
    """The job has no step of that name."""

    code = "jobs.step_unknown"
    message = "The job has no step {step}."
    hint = "Its steps are: {steps}."


class StepNotReached(Conflict):
    """A job can be taken up again only from a step that it has got to."""

    code = "jobs.step_not_reached"
    message = "The job never got as far as {step}: {missing} is not done."
    hint = "Retry from {missing}, or without naming a step."


class NotRetryable(Conflict):
    """Only a job that has ended can be tried again."""

    code = "jobs.not_retryable"
    message = "The job is {state} and cannot be tried again now."
    hint = "A job that is done can be repeated from one of its steps; one that is under way can be cancelled first."


class NotCancellable(Conflict):
    """The job has ended already."""

    code = "jobs.not_cancellable"
    message = "The job is {state}: there is nothing to cancel."


# --- What a running step may be told ----------------------------------------------------------------------------------


class LeaseLost(Conflict):
    """The step belongs to another worker now; nothing of this attempt may be stored."""

    code = "jobs.lease_lost"
    message = "Step {step} was taken from this worker (attempt {attempt})."


class StepCancelled(Conflict):
    """Somebody cancelled the job; the step stops here."""

    code = "jobs.cancelled"
    message = "Step {step} was cancelled."


class StepPaused(Unavailable):
    """The worker is stopping; the step goes on from its last checkpoint elsewhere."""

    code = "jobs.paused"
    message = "Step {step} pauses, because its worker is stopping."


# --- Why a step ended up as a dead letter -----------------------------------------------------------------------------


class StepKeepsCrashing(Unavailable):
    """The step took its worker's process down again and again without getting any further."""

    code = "jobs.keeps_crashing"
    message = "Step {step} ended its worker's process {losses} times in a row without getting any further."
    hint = (
        "Look at the worker's log and at the free memory (a process that runs out of memory is killed), "
        "then try again: hangjegyzet job retry {job_id}"
    )


class StepFailedUnexpectedly(Unavailable):
    """The step raised something that nobody foresaw, on every try."""

    code = "jobs.unexpected"
    message = "Step {step} failed {tries} times for a reason that was not foreseen ({kind})."
    hint = "Look at the worker's log for {job_id}, then try again: hangjegyzet job retry {job_id}"


class UndoFailed(Unavailable):
    """What a step left behind could not be removed."""

    code = "jobs.undo_failed"
    message = "What step {step} left behind could not be removed ({kind})."
    hint = "Look at the worker's log for {job_id}, then cancel the job again: hangjegyzet job cancel {job_id}"


class CheckpointDamaged(Corrupt):
    """The saved state of a step cannot be read any more."""

    code = "jobs.checkpoint_damaged"
    message = "The saved state of step {step} is damaged."
    hint = "Start the step anew: hangjegyzet job retry {job_id} --from-step {step}"
