"""What is being worked on. Whose meeting it is, is nobody's business here: jobs are known by their number."""

from collections.abc import Sequence
from typing import ClassVar
from uuid import UUID

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget

from appliance.jobs.model import JobState, JobView, StepState, StepView
from appliance.kernel.ids import JobId
from tui.formats import length, moment, share
from tui.i18n import _, marked
from tui.page import Hint, Page
from tui.telling import told
from tui.widgets.detail import Detail, Part
from tui.widgets.rows import Column, Row, RowList, Rows

_STATES = {
    JobState.QUEUED: marked("waiting"),
    JobState.RUNNING: marked("running"),
    JobState.CANCELLING: marked("being cancelled"),
    JobState.DONE: marked("done"),
    JobState.FAILED: marked("failed"),
    JobState.CANCELLED: marked("cancelled"),
}
_TONES = {
    JobState.QUEUED: "$ink",
    JobState.RUNNING: "$accent-ink",
    JobState.CANCELLING: "$warn",
    JobState.DONE: "$ok",
    JobState.FAILED: "$bad",
    JobState.CANCELLED: "$faint",
}
_STEPS = {
    "validate": marked("check"),
    "transcribe": marked("transcribe"),
    "speakers": marked("speakers"),
    "merge": marked("merge"),
    "minutes": marked("minutes"),
    "index": marked("index"),
    "notify": marked("notify"),
}


class Jobs(Page):
    """Newest first."""

    TITLE = marked("Jobs")
    COMMAND = "hangjegyzet job list"
    EVERY_S = 3.0
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "cancel", show=False),
        Binding("r", "retry", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._jobs: dict[str, JobView] = {}

    def contents(self) -> ComposeResult:
        yield Rows(
            (
                Column(_("state")),
                Column(_("standing"), grows=True),
                Column(_("begun")),
                Column(_("number"), optional=True),
            ),
            empty=_("No jobs yet. They begin when somebody uploads a recording in the portal."),
        )
        yield Detail()

    def hints(self) -> Sequence[Hint]:
        return (("C", _("cancel")), ("R", _("try again")))

    def first_focus(self) -> Widget | None:
        return self.query_one(RowList)

    def read(self) -> Sequence[JobView]:
        return self.house.jobs()

    async def present(self, facts: Sequence[JobView]) -> None:
        self._jobs = {str(job.id): job for job in facts}
        self.query_one(Rows).show(
            [
                Row(
                    str(job.id),
                    (_(_STATES[job.state]), standing(job), moment(job.created_at), str(job.id)[-8:]),
                    tone=_TONES[job.state],
                )
                for job in facts
            ]
        )
        self._show_detail()

    def on_rows_chosen(self, _event: Rows.Chosen) -> None:
        """Its steps below."""
        self._show_detail()

    def action_cancel(self) -> None:
        """Stop the chosen one, after the word."""
        if (job := self._chosen()) is None or job.state.is_final:
            self.console.say(_("Only work that waits or runs can be cancelled."))
            return
        command = f"hangjegyzet job cancel {job.id}"
        self.confirm(
            _("Cancel this job?"),
            _("What was done for it is removed; the recording stays, and it can be tried again."),
            word=_("cancel"),
            command=command,
            then=lambda: self.act(
                lambda: self.house.cancel(JobId(UUID(str(job.id)))), command=command, done=_("It is being cancelled.")
            ),
        )

    def action_retry(self) -> None:
        """Take the chosen one up again."""
        if (job := self._chosen()) is None or job.state not in {JobState.FAILED, JobState.CANCELLED}:
            self.console.say(_("Only what failed or was cancelled can be tried again."))
            return
        self.act(
            lambda: self.house.retry(job.id),
            command=f"hangjegyzet job retry {job.id}",
            done=_("It was taken up again."),
        )

    def _chosen(self) -> JobView | None:
        row = self.query_one(Rows).chosen
        return self._jobs.get(row.id) if row else None

    def _show_detail(self) -> None:
        job = self._chosen()
        self.query_one(Detail).show(() if job is None else _detail(job))


def standing(job: JobView) -> str:
    """In a few words, how it stands."""
    if job.failure is not None:
        return job.failure.code
    if job.queue_position is not None:
        return _("place {number} in line").format(number=job.queue_position)
    if job.state.is_final:
        return _("took {length}").format(length=_took(job)) if job.finished_at and job.started_at else ""
    left = _(", {length} left").format(length=length(job.eta_s)) if job.eta_s is not None else ""
    return share(job.progress) + left


def _took(job: JobView) -> str:
    if job.finished_at is None or job.started_at is None:
        return ""
    return length((job.finished_at - job.started_at).total_seconds())


def _detail(job: JobView) -> Sequence[Part]:
    failure = job.failure
    return (
        (_("Job"), str(job.id)),
        (_("Steps"), Content(", ").join([_step(step) for step in job.steps])),
        (_("Failed"), Content.styled(told(failure.message), "$bad") if failure else ""),
        (_("What to do"), told(failure.remedy) if failure else ""),
    )


def _step(step: StepView) -> Content:
    name = _(_STEPS[step.name]) if step.name in _STEPS else step.name
    if step.state is StepState.DONE:
        return Content.styled(name, "$ok")
    if step.state is StepState.FAILED:
        return Content.styled(f"{name} !", "$bad")
    if step.state.is_leased:
        return Content.styled(f"{name} {share(step.progress)}", "$accent-ink")
    return Content.styled(name, "$faint")


PAGE = Jobs
