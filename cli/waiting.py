"""Watching a job from a terminal until it rests."""

import time
from typing import Any

from appliance.bootstrap import Services
from appliance.jobs.model import JobState, JobView
from appliance.kernel.actor import Actor
from appliance.kernel.ids import JobId
from cli.demo.display import StepBars
from cli.output import talk

_LOOK_S = 2.0
"""A look now and then, in case that the news of a change got lost."""

_UNBEGUN_S = 10.0
"""When nobody has begun by now, the reader is told what may be missing."""


def follow(services: Services, actor: Actor, job_id: JobId) -> JobView:
    """Show a bar per step on stderr until the job is done, failed or cancelled."""
    began, told = time.monotonic(), False
    news = services.job_listener.subscribe(tenant_id=actor.tenant_id, job_id=job_id)
    with news as changes, StepBars(talk) as bars:
        while True:
            job = services.jobs.show(actor=actor, job_id=job_id)
            bars.show(_for_bars(job))
            if job.state.is_final:
                return job
            if not told and job.state is JobState.QUEUED and time.monotonic() - began > _UNBEGUN_S:
                told = True
                talk.print("Nobody has begun yet. Do workers run? hangjegyzet worker --queue general", style="yellow")
            changes.wait(_LOOK_S)


def _for_bars(job: JobView) -> dict[str, Any]:
    return {
        "steps": [
            {"name": step.name, "state": step.state.value, "progress": step.progress, "eta_s": step.eta_s}
            for step in job.steps
        ]
    }
