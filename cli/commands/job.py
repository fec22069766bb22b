"""``hangjegyzet job``: what is being worked on, how far it is, and what to do about what failed."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import typer

from appliance.bootstrap import Services, open_services
from appliance.database.roles import DatabaseRole
from appliance.entry.provision import operator
from appliance.jobs.errors import JobNotFound
from appliance.jobs.model import Failure, JobState, JobView, StepView
from appliance.kernel.actor import Actor
from appliance.kernel.ids import JobId
from appliance.kernel.units import format_clock
from appliance.settings import Settings
from cli.exit_codes import ExitCode
from cli.output import print_fields, print_json, print_table, talk
from cli.waiting import follow

app = typer.Typer(name="job", help="Jobs: list, show, cancel, try again.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Id = Annotated[str, typer.Argument(metavar="JOB", help="The job's id.")]
Wait = Annotated[bool, typer.Option("--wait", help="Stay until it rests; exit code 1 unless it is done.")]


@app.command("list")
def show_list(
    state: Annotated[list[JobState] | None, typer.Option(help="Only jobs in this state; may be given again.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many.")] = 50,
    before: Annotated[str | None, typer.Option(metavar="JOB", help="Only jobs older than this one.")] = None,
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first."""
    with _services() as (services, actor):
        older_than = None if before is None else _job_id(before)
        jobs = services.jobs.list(actor=actor, states=state, before=older_than, most=limit)
    if as_json:
        print_json({"jobs": [_fields(job) for job in jobs], "before": str(jobs[-1].id) if len(jobs) == limit else None})
        return
    rows = [(job.id, _time(job.created_at), job.kind, job.state.value, _standing(job)) for job in jobs]
    print_table(("id", "created (UTC)", "kind", "state", "standing"), rows, empty="No jobs.")
    if len(jobs) == limit:
        talk.print(f"There may be more: hangjegyzet job list --before {jobs[-1].id}", style="dim")


@app.command()
def show(job: Id, wait: Wait = False, as_json: AsJson = False) -> None:
    """Show one job with its steps."""
    with _services() as (services, actor):
        view = services.jobs.show(actor=actor, job_id=_job_id(job))
        if wait:
            view = follow(services, actor, view.id)
    _print(view, as_json=as_json)
    _exit_unless_done(view, wait=wait)


@app.command()
def cancel(job: Id, as_json: AsJson = False) -> None:
    """Stop a job and undo what it did; the meeting's recording stays."""
    with _services() as (services, actor):
        services.jobs.cancel(actor=actor, job_id=_job_id(job))
        view = services.jobs.show(actor=actor, job_id=_job_id(job))
    _print(view, as_json=as_json)


@app.command()
def retry(
    job: Id,
    from_step: Annotated[
        str | None,
        typer.Option(metavar="STEP", help="Undo this step and all that was built on it, and do them again."),
    ] = None,
    wait: Wait = False,
    as_json: AsJson = False,
) -> None:
    """Take up a failed or cancelled job where it stopped; with --from-step, do part of it again."""
    with _services() as (services, actor):
        services.jobs.retry(actor=actor, job_id=_job_id(job), from_step=from_step)
        view = services.jobs.show(actor=actor, job_id=_job_id(job))
        if wait:
            view = follow(services, actor, view.id)
    _print(view, as_json=as_json)
    _exit_unless_done(view, wait=wait)


@contextmanager
def _services() -> Iterator[tuple[Services, Actor]]:
    with open_services(Settings(), DatabaseRole.WEB) as services:
        yield services, operator(services.home_tenant)


def _job_id(text: str) -> JobId:
    try:
        return JobId(UUID(text))
    except ValueError as wrong:
        raise JobNotFound(job_id=text) from wrong


def _exit_unless_done(view: JobView, *, wait: bool) -> None:
    if wait and view.state is not JobState.DONE:
        raise typer.Exit(ExitCode.FAILED)


def _print(view: JobView, *, as_json: bool) -> None:
    if as_json:
        print_json(_fields(view))
        return
    print_fields(
        {
            "id": view.id,
            "meeting": view.meeting_id,
            "state": view.state.value,
            "standing": _standing(view),
            "created (UTC)": _time(view.created_at),
            "started (UTC)": _time(view.started_at),
            "finished (UTC)": _time(view.finished_at),
        }
    )
    print_table(
        ("step", "state", "progress", "left", "taken", "failed tries"),
        [
            (step.name, step.state.value, f"{step.progress:.0%}", _length(step.eta_s), step.attempt, step.tries)
            for step in view.steps
        ],
    )
    if view.failure is not None:
        talk.print(f"[red]✗[/] {view.failure.message}", soft_wrap=True)
        talk.print(f"  {view.failure.remedy}", style="dim", soft_wrap=True)


def _standing(job: JobView) -> str:
    """In a few words, how it stands."""
    if job.failure is not None:
        return job.failure.code
    if job.queue_position is not None:
        return f"place {job.queue_position} in line"
    if job.state.is_final:
        return ""
    left = f", {_length(job.eta_s)} left" if job.eta_s is not None else ""
    return f"{job.progress:.0%}{left}"


def _fields(job: JobView) -> dict[str, Any]:
    return {
        "id": str(job.id),
        "meeting_id": str(job.meeting_id) if job.meeting_id else None,
        "owner_id": str(job.owner_id) if job.owner_id else None,
        "kind": job.kind,
        "state": job.state.value,
        "priority": job.priority,
        "progress": job.progress,
        "eta_s": job.eta_s,
        "queue_position": job.queue_position,
        "failure": _failure(job.failure),
        "created_at": _iso(job.created_at),
        "started_at": _iso(job.started_at),
        "finished_at": _iso(job.finished_at),
        "steps": [_step(step) for step in job.steps],
    }


def _step(step: StepView) -> dict[str, Any]:
    return {
        "name": step.name,
        "queue": step.queue.value,
        "state": step.state.value,
        "progress": step.progress,
        "share": step.share,
        "eta_s": step.eta_s,
        "attempt": step.attempt,
        "tries": step.tries,
        "failure": _failure(step.failure),
        "started_at": _iso(step.started_at),
        "finished_at": _iso(step.finished_at),
    }


def _failure(failure: Failure | None) -> dict[str, str] | None:
    if failure is None:
        return None
    return {"code": failure.code, "message": failure.message, "remedy": failure.remedy}


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _time(at: datetime | None) -> str:
    return "" if at is None else at.strftime("%Y-%m-%d %H:%M:%S")


def _length(seconds: float | None) -> str:
    return "" if seconds is None else format_clock(seconds)
