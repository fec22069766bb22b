"""Jobs from their start to their end, on a real database, with real rings."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from appliance.jobs.context import StepContext
from appliance.jobs.errors import JobNotFound, NotCancellable, SagaUnknown
from appliance.jobs.model import JobState, Queue, Saga, StepState
from appliance.kernel.errors import Invalid, Unavailable
from tests.factories.jobs import Workshop, person
from tests.fakes.steps import one_step_saga, recording_saga

MakeWorkshop = Callable[[Saga[Any]], Workshop]


class TooShort(Invalid):
    code = "test.too_short"
    message = "The recording is {length} s long."
    hint = "Send a longer one."


def test_a_job_runs_its_steps_in_order(workshop: MakeWorkshop) -> None:
    """Every step runs once, each after those that it needs."""
    events: list[str] = []
    shop = workshop(recording_saga(events))
    job_id = shop.start()
    shop.run_everything()
    assert shop.view(job_id).state is JobState.DONE
    assert events[0] == "validate:run"
    assert sorted(events[1:3]) == ["speakers:run", "transcribe:run"]
    assert events[3] == "merge:run"
    assert sorted(events[4:6]) == ["index:run", "minutes:run"]
    assert events[6:] == ["notify:run"]


def test_a_job_exists_exactly_if_its_transaction_commits(workshop: MakeWorkshop) -> None:
    """A meeting that was not stored leaves no job, no step and no ring behind."""
    shop = workshop(one_step_saga())
    actor = person(shop.tenant)
    with pytest.raises(RuntimeError), shop.db.web.transaction(shop.tenant) as tx:  # noqa: PT012  # the error leaves it
        shop.service.start(tx, actor=actor, kind="single", meeting_id=None)
        raise RuntimeError("the upload broke off")
    assert shop.scalar("SELECT count(*) FROM job") == 0
    assert shop.scalar("SELECT count(*) FROM huey_task") == 0


def test_an_unknown_kind_is_refused(workshop: MakeWorkshop) -> None:
    """A release does not take on work that it cannot do."""
    shop = workshop(one_step_saga())
    with pytest.raises(SagaUnknown), shop.db.web.transaction(shop.tenant) as tx:
        shop.service.start(tx, actor=person(shop.tenant), kind="video", meeting_id=None)


def test_the_queue_holds_nothing_but_ids(workshop: MakeWorkshop) -> None:
    """Who reads Huey's table learns the id of a job, and no option of it."""
    shop = workshop(one_step_saga())
    with shop.db.web.transaction(shop.tenant) as tx:
        job_id = shop.service.start(
            tx, actor=person(shop.tenant), kind="single", meeting_id=None, options={"language": "hu"}
        )
    data = bytes(shop.scalar("SELECT data FROM huey_task"))
    assert str(job_id).encode() in data
    assert b"language" not in data
    assert str(shop.tenant).encode() not in data


def test_a_refusal_fails_the_job_with_its_own_words(workshop: MakeWorkshop) -> None:
    """The dead letter says what happened and what to do, after one try, and nothing is left behind."""

    def refuse(_ctx: StepContext) -> None:
        raise TooShort(length=0)

    events: list[str] = []
    shop = workshop(recording_saga(events, validate=refuse))
    job_id = shop.start()
    shop.run_everything()
    view = shop.view(job_id)
    assert view.state is JobState.FAILED
    assert view.failure is not None
    assert (view.failure.code, view.failure.message) == ("test.too_short", "The recording is 0 s long.")
    assert view.failure.remedy == "Send a longer one."
    assert events == ["validate:run", "validate:undo"]


def test_what_may_pass_is_tried_again(workshop: MakeWorkshop) -> None:
    """A disk that is full twice and free at the third try costs time, and nothing else."""
    tries: list[int] = []

    def third_time_lucky(ctx: StepContext) -> None:
        tries.append(ctx.attempt)
        if len(tries) < 3:
            raise Unavailable

    shop = workshop(one_step_saga(third_time_lucky))
    job_id = shop.start()
    shop.run_everything()
    assert shop.view(job_id).state is JobState.DONE
    assert tries == [1, 2, 3]


def test_used_up_tries_make_a_dead_letter_that_a_retry_revives(workshop: MakeWorkshop) -> None:
    """What failed for an outside reason goes on where it stopped, once the reason is gone."""
    broken = [True]

    def fails_while_broken(_ctx: StepContext) -> None:
        if broken:
            raise RuntimeError("the chairman said: sell")

    events: list[str] = []
    shop = workshop(recording_saga(events, minutes=fails_while_broken))
    job_id = shop.start()
    shop.run_everything()
    view = shop.view(job_id)
    assert view.state is JobState.FAILED
    assert view.failure is not None
    assert view.failure.code == "jobs.unexpected"
    assert "chairman" not in view.failure.message
    assert str(job_id) in view.failure.remedy
    assert events.count("minutes:run") == shop.policy.max_attempts
    broken.clear()
    events.clear()
    shop.service.retry(actor=shop.boss, job_id=job_id)
    shop.run_everything()
    assert shop.view(job_id).state is JobState.DONE
    assert events == ["minutes:run", "notify:run"]
    assert shop.view(job_id).failure is None


def test_cancelling_undoes_finished_steps_in_reverse_order(workshop: MakeWorkshop) -> None:
    """A cancelled job leaves nothing behind, and undoes what was built last first."""
    events: list[str] = []
    shop = workshop(recording_saga(events))
    job_id = shop.start()
    shop.worker().runner.drain()
    shop.worker(Queue.SPEECH).runner.drain()
    events.clear()
    shop.service.cancel(actor=shop.boss, job_id=job_id)
    assert shop.view(job_id).state is JobState.CANCELLING
    shop.run_everything()
    assert shop.view(job_id).state is JobState.CANCELLED
    assert set(events[:2]) == {"transcribe:undo", "speakers:undo"}
    assert events[2:] == ["validate:undo"]


def test_a_running_step_is_told_that_it_was_cancelled(workshop: MakeWorkshop) -> None:
    """The heartbeat brings the news, and the step stops at its next report of progress."""
    shop_of: list[Workshop] = []

    def is_cancelled_meanwhile(ctx: StepContext) -> None:
        shop = shop_of[0]
        shop.service.cancel(actor=shop.boss, job_id=ctx.job.id)
        worker.runner.beat()
        ctx.progress(0.5)
        pytest.fail("the step went on")

    events: list[str] = []
    shop_of.append(shop := workshop(recording_saga(events, validate=is_cancelled_meanwhile)))
    worker = shop.worker()
    job_id = shop.start()
    worker.runner.drain()
    assert shop.view(job_id).state is JobState.CANCELLED
    assert events == ["validate:run", "validate:undo"]


def test_retrying_from_a_step_does_it_and_what_follows_again(workshop: MakeWorkshop) -> None:
    """New minutes are written from the same transcript."""
    events: list[str] = []
    shop = workshop(recording_saga(events))
    job_id = shop.start()
    shop.run_everything()
    events.clear()
    shop.service.retry(actor=shop.boss, job_id=job_id, from_step="minutes")
    shop.run_everything()
    assert shop.view(job_id).state is JobState.DONE
    assert events == ["notify:undo", "minutes:undo", "minutes:run", "notify:run"]


def test_an_undo_that_keeps_failing_is_told(workshop: MakeWorkshop) -> None:
    """What could not be removed is a dead letter, and cancelling again tries again."""
    saga = one_step_saga()
    stuck = [True]

    def fails(_ctx: StepContext) -> None:
        if stuck:
            raise OSError("busy")

    saga.steps[0].undoes = fails
    shop = workshop(saga)
    job_id = shop.start()
    worker = shop.worker()
    lease = worker.must_claim()
    shop.service.cancel(actor=shop.boss, job_id=job_id)
    worker.leases.stop_cancelled(lease)
    worker.runner.drain()
    view = shop.view(job_id)
    assert view.state is JobState.FAILED
    assert view.failure is not None
    assert view.failure.code == "jobs.undo_failed"
    stuck.clear()
    shop.service.cancel(actor=shop.boss, job_id=job_id)
    worker.runner.drain()
    assert shop.view(job_id).state is JobState.CANCELLED


def test_a_done_job_cannot_be_cancelled(workshop: MakeWorkshop) -> None:
    """There is nothing to stop."""
    shop = workshop(one_step_saga())
    job_id = shop.start()
    shop.run_everything()
    with pytest.raises(NotCancellable):
        shop.service.cancel(actor=shop.boss, job_id=job_id)


def test_other_peoples_jobs_do_not_exist(workshop: MakeWorkshop) -> None:
    """Somebody else's job is neither listed, nor shown, nor cancelled, nor tried again."""
    shop = workshop(one_step_saga())
    job_id = shop.start(owner=person(shop.tenant))
    stranger = person(shop.tenant)
    assert shop.service.list(actor=stranger) == ()
    with pytest.raises(JobNotFound):
        shop.service.show(actor=stranger, job_id=job_id)
    with pytest.raises(JobNotFound):
        shop.service.cancel(actor=stranger, job_id=job_id)
    with pytest.raises(JobNotFound):
        shop.service.retry(actor=stranger, job_id=job_id)


def test_another_tenants_jobs_do_not_exist(workshop: MakeWorkshop, found_tenant: Callable[[str], Any]) -> None:
    """Not even who looks after all jobs of one tenant sees those of another."""
    shop = workshop(one_step_saga())
    job_id = shop.start()
    elsewhere = person(found_tenant("Másik Egyesület"), sees_all=True)
    assert shop.service.list(actor=elsewhere) == ()
    with pytest.raises(JobNotFound):
        shop.service.cancel(actor=elsewhere, job_id=job_id)


def test_every_use_case_is_in_the_audit_trail(workshop: MakeWorkshop) -> None:
    """Who started, cancelled and retried is written down, and so is how the job ended."""
    shop = workshop(one_step_saga())
    job_id = shop.start()
    shop.service.cancel(actor=shop.boss, job_id=job_id)
    shop.service.retry(actor=shop.boss, job_id=job_id)
    shop.run_everything()
    with shop.db.owner.reading(shop.tenant) as tx:
        names = tx.execute(text("SELECT name FROM audit_event WHERE subject_type = 'job' ORDER BY seq")).scalars().all()
    assert names == [
        "jobs:job:started",
        "jobs:job:cancel_requested",
        "jobs:job:cancelled",
        "jobs:job:retried",
        "jobs:job:done",
    ]


def test_a_step_of_another_release_is_left_alone(workshop: MakeWorkshop) -> None:
    """A worker that does not know a step neither fails nor takes it; a newer one will."""
    shop = workshop(one_step_saga())
    job_id = shop.start()
    shop.tamper("UPDATE job_step SET name = 'translate'")
    shop.worker().runner.drain()
    assert shop.view(job_id).steps[0].state is StepState.READY


def test_pages_of_jobs_go_on_where_the_last_one_ended(workshop: MakeWorkshop) -> None:
    """Newest first, without a gap or a repetition."""
    shop = workshop(one_step_saga())
    ids = [shop.start() for _ in range(5)]
    first = shop.service.list(actor=shop.boss, most=3)
    rest = shop.service.list(actor=shop.boss, most=3, before=first[-1].id)
    assert [view.id for view in (*first, *rest)] == ids[::-1]
    assert [view.id for view in shop.service.list(actor=shop.boss, states=[JobState.DONE])] == []
