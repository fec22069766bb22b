"""A job as its page shows it: what happens now, how long it takes, what went wrong and what can be done."""

from dataclasses import dataclass

from appliance.jobs.model import Failure, JobState, JobView, StepState, StepView
from appliance.kernel.ids import JobId, MeetingId
from web.request import Locale
from web.texts import Texts


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong, in the reader's language."""

    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class StepLine:
    """One step of the job."""

    name: str
    label: str
    state: str
    word: str
    progress: float
    share: float | None
    """Part of the whole time; nothing while the machine has not learned how the steps differ."""
    failure: Trouble | None
    can_retry: bool


@dataclass(frozen=True, slots=True)
class JobCard:
    """The whole job."""

    id: JobId
    meeting_id: MeetingId | None
    headline: str
    outlook: str
    progress: float
    is_moving: bool
    failure: Trouble | None
    can_cancel: bool
    can_retry: bool
    steps: tuple[StepLine, ...]


def job_card(job: JobView, locale: Locale, *, can_cancel: bool, can_retry: bool) -> JobCard:
    """The card of a job, for somebody who may or may not interfere."""
    texts = Texts(locale)
    learned = len({step.share for step in job.steps}) > 1
    return JobCard(
        id=job.id,
        meeting_id=job.meeting_id,
        headline=_headline(job, texts),
        outlook=_outlook(job, texts),
        progress=job.progress,
        is_moving=not job.state.is_final,
        failure=_trouble(job.failure, texts) if job.state is JobState.FAILED else None,
        can_cancel=can_cancel and job.state in (JobState.QUEUED, JobState.RUNNING),
        can_retry=can_retry and job.state in (JobState.FAILED, JobState.CANCELLED),
        steps=tuple(_step_line(step, job, texts, may_retry=can_retry, with_share=learned) for step in job.steps),
    )


def doing(job: JobView, locale: Locale) -> str:
    """What happens now, in a few words for a list."""
    texts = Texts(locale)
    if job.current_steps:
        step = texts.step(job.current_steps[0].name)
        return f"{step} · {texts.time_left(job.eta_s)}" if job.eta_s is not None else step
    if job.queue_position is not None:
        return texts.say("Number %(position)s in the queue") % {"position": job.queue_position}
    return _headline(job, texts)


def _headline(job: JobView, texts: Texts) -> str:
    _ = texts.say
    match job.state:
        case JobState.QUEUED:
            return _("Waiting for its turn")
        case JobState.RUNNING:
            return _("Working on the recording")
        case JobState.CANCELLING:
            return _("Stopping")
        case JobState.DONE:
            return _("Done")
        case JobState.CANCELLED:
            return _("The work was stopped")
        case JobState.FAILED:
            return _("The work could not be finished")


def _outlook(job: JobView, texts: Texts) -> str:
    _ = texts.say
    if job.state is JobState.FAILED:
        return _("What is finished is kept; a retry goes on from there.")
    if job.state is JobState.CANCELLED:
        return _("The recording is kept. The work can be started again.")
    if job.state.is_final:
        return ""
    parts = []
    if job.queue_position is not None:
        parts.append(_("Number %(position)s in the queue") % {"position": job.queue_position})
    parts.append(
        texts.time_left(job.eta_s) if job.eta_s is not None else _("This machine is still learning how long it takes")
    )
    return " · ".join(parts)


def _step_line(step: StepView, job: JobView, texts: Texts, *, may_retry: bool, with_share: bool) -> StepLine:
    return StepLine(
        name=step.name,
        label=texts.step(step.name),
        state=_state_class(step.state),
        word=_word(step, texts),
        progress=step.progress,
        share=step.share if with_share else None,
        failure=_trouble(step.failure, texts) if step.state is not StepState.DONE else None,
        can_retry=may_retry and step.state is StepState.FAILED and job.state is JobState.FAILED,
    )


def _state_class(state: StepState) -> str:
    if state.is_being_undone:
        return "undoing"
    if state in (StepState.DONE, StepState.RUNNING, StepState.FAILED, StepState.CANCELLED):
        return state.value
    return "waiting"


def _word(step: StepView, texts: Texts) -> str:
    _ = texts.say
    if step.state.is_being_undone:
        return _("being undone")
    match step.state:
        case StepState.DONE:
            return _("done")
        case StepState.RUNNING:
            share = texts.formats.percent(step.progress)
            return f"{share} · {texts.time_left(step.eta_s)}" if step.eta_s is not None else share
        case StepState.FAILED:
            return _("failed")
        case StepState.CANCELLED:
            return _("stopped")
        case StepState.READY:
            return _("next") if step.tries == 0 else _("trying again soon")
        case _:
            return _("waits")


def _trouble(failure: Failure | None, texts: Texts) -> Trouble | None:
    if failure is None:
        return None
    return Trouble(texts.failure(failure.code, failure.message), texts.failure(failure.code, failure.remedy))
