"""Whose turn it is, and how long it will take."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from appliance.jobs.context import StepContext
from appliance.jobs.estimates import ENOUGH
from appliance.jobs.model import JobState, Queue, Saga
from appliance.kernel.actor import Actor
from tests.factories.jobs import Worker, Workshop, person
from tests.fakes.steps import one_step_saga, recording_saga

MakeWorkshop = Callable[[Saga[Any]], Workshop]


def serve(worker: Worker, times: int) -> list[UUID | None]:
    """Whose steps are taken, one after another."""
    owners = []
    for _ in range(times):
        lease = worker.must_claim()
        owners.append(lease.job.owner_id)
        worker.finish(lease)
    return owners


def waited(shop: Workshop, seconds: float, owner: Actor) -> None:
    """Let somebody's steps have waited for so long."""
    shop.tamper(
        "UPDATE job_step SET ready_at = now() - make_interval(secs => :s) WHERE owner_key = :owner",
        s=seconds,
        owner=owner.user_id,
    )


def test_one_recording_is_not_stuck_behind_a_hundred(workshop: MakeWorkshop) -> None:
    """Who sends one recording is served next, however many somebody else sent before."""
    shop = workshop(one_step_saga())
    alice, bob = person(shop.tenant), person(shop.tenant)
    for _ in range(100):
        shop.start(owner=alice)
    shop.start(owner=bob)
    assert bob.user_id in serve(shop.worker(), 2)


def test_a_long_backlog_does_not_outgrow_a_newcomer(workshop: MakeWorkshop) -> None:
    """Hours of waiting count for a person who was not served, and not for a backlog that is being served."""
    shop = workshop(one_step_saga())
    alice, bob = person(shop.tenant), person(shop.tenant)
    for _ in range(10):
        shop.start(owner=alice)
    waited(shop, 5 * 3600, alice)
    worker = shop.worker()
    serve(worker, 3)
    shop.start(owner=bob)
    assert serve(worker, 1) == [bob.user_id]


def test_turns_are_reckoned_in_audio(workshop: MakeWorkshop) -> None:
    """Who had an hour transcribed waits while others have their minutes done."""
    shop = workshop(one_step_saga())
    alice, bob = person(shop.tenant), person(shop.tenant)
    long, _waiting = shop.start(owner=alice), shop.start(owner=alice)
    short = [shop.start(owner=bob) for _ in range(4)]
    shop.tamper("UPDATE job SET audio_s = 3600 WHERE id = :id", id=long)
    shop.tamper("UPDATE job SET audio_s = 60 WHERE id = ANY(:ids)", ids=short)
    worker = shop.worker()
    assert serve(worker, 2) == [alice.user_id, bob.user_id]
    assert serve(worker, 4) == [bob.user_id] * 3 + [alice.user_id]


def test_going_on_after_a_crash_is_not_another_turn(workshop: MakeWorkshop) -> None:
    """Nobody pays twice because a worker died."""
    shop = workshop(one_step_saga())
    shop.start()
    worker = shop.worker()
    worker.leases.give_back(worker.must_claim())
    served = shop.scalar("SELECT served_s FROM job_share")
    worker.must_claim()
    assert shop.scalar("SELECT served_s FROM job_share") == pytest.approx(served, rel=0.01)


def test_an_urgent_job_goes_first(workshop: MakeWorkshop) -> None:
    """Priority overtakes whoever waits at a lower one."""
    shop = workshop(one_step_saga())
    alice, bob = person(shop.tenant), person(shop.tenant)
    shop.start(owner=alice)
    shop.start(owner=alice)
    shop.start(owner=bob, priority=5)
    assert serve(shop.worker(), 1) == [bob.user_id]


def test_low_priority_does_not_wait_for_ever(workshop: MakeWorkshop) -> None:
    """Every ten minutes of waiting weigh as much as one level of priority."""
    shop = workshop(one_step_saga())
    alice, bob = person(shop.tenant), person(shop.tenant)
    shop.start(owner=bob, priority=-1)
    shop.start(owner=alice)
    worker = shop.worker()
    assert serve(worker, 1) == [alice.user_id]
    shop.start(owner=alice)
    waited(shop, 1300, bob)
    assert serve(worker, 1) == [bob.user_id]


def test_undoing_goes_before_everything(workshop: MakeWorkshop) -> None:
    """A cancelled job does not wait in line to be cleaned up."""
    shop = workshop(one_step_saga())
    job_id = shop.start()
    worker = shop.worker()
    lease = worker.must_claim()
    shop.start(priority=10)
    shop.service.cancel(actor=shop.boss, job_id=job_id)
    worker.leases.stop_cancelled(lease)
    assert worker.must_claim().undo


def test_the_place_in_line_is_the_order_of_service(workshop: MakeWorkshop) -> None:
    """What a person is told about their place is what then happens."""
    shop = workshop(one_step_saga())
    alice, bob, carol = (person(shop.tenant) for _ in range(3))
    jobs = [shop.start(owner=owner) for owner in (alice, alice, alice, bob, carol, bob)]
    places = {shop.view(job_id).queue_position: job_id for job_id in jobs}
    assert sorted(place for place in places if place) == [1, 2, 3, 4, 5, 6]
    worker = shop.worker()
    order = []
    for _ in jobs:
        lease = worker.must_claim()
        order.append(lease.job.id)
        worker.finish(lease)
    assert order == [places[place] for place in range(1, 7)]


def test_other_tenants_count_in_line_without_being_seen(
    workshop: MakeWorkshop, found_tenant: Callable[[str], Any]
) -> None:
    """The place counts everybody; who they are stays hidden."""
    shop = workshop(one_step_saga())
    stranger = person(found_tenant("Másik Egyesület"))
    shop.start(owner=stranger, priority=1)
    mine = shop.start()
    assert shop.view(mine).queue_position == 2
    assert [view.id for view in shop.service.list(actor=shop.boss)] == [mine]


def test_nothing_is_estimated_before_it_was_learned(workshop: MakeWorkshop) -> None:
    """A new machine shows progress, and no time that it cannot know."""
    shop = workshop(recording_saga())
    job_id = shop.start()
    shop.worker().must_claim()
    view = shop.view(job_id)
    assert view.eta_s is None
    assert [step.share for step in view.steps] == pytest.approx([1 / 7] * 7)


def test_time_is_estimated_from_this_machines_history(workshop: MakeWorkshop) -> None:
    """Once a few recordings went through, the next one's end is told, by its length and by what each step costs."""
    shop = workshop(recording_saga(validate=lambda ctx: ctx.set_audio_seconds(600)))
    costs = {"validate": 0.001, "transcribe": 0.1, "speakers": 0.05, "merge": 0.01, "minutes": 0.2, "index": 0.01}
    for step, cost in {**costs, "notify": 0.0}.items():
        for _ in range(ENOUGH):
            shop.tamper(
                "INSERT INTO job_history (kind, step, node, audio_s, work_s, finished_at)"
                " VALUES ('recording', :step, 'here', 100, :work_s, now())",
                step=step,
                work_s=100 * cost,
            )
    job_id = shop.start()
    shop.worker().runner.drain()
    shop.worker(Queue.SPEECH).must_claim()
    view = shop.view(job_id)
    assert view.eta_s == pytest.approx(600 * (0.1 + 0.01 + 0.2), rel=0.05)
    assert view.steps[4].share == pytest.approx(0.2 / sum(costs.values()))
    assert view.queue_position is None


def test_only_undisturbed_runs_are_learned_from(workshop: MakeWorkshop) -> None:
    """A run that was interrupted says little about what a step costs."""

    def tells_length(ctx: StepContext) -> None:
        ctx.set_audio_seconds(60)

    shop = workshop(one_step_saga(tells_length))
    shop.start()
    worker = shop.worker()
    worker.runner.drain()
    assert shop.scalar("SELECT count(*) FROM job_history") == 1
    shop.start()
    worker.leases.give_back(worker.must_claim())
    worker.runner.drain()
    assert shop.scalar("SELECT count(*) FROM job_history") == 1


def test_a_retry_is_not_learned_from(workshop: MakeWorkshop) -> None:
    """What goes on from a checkpoint did only a part of the work."""
    broken = [True]

    def fails_while_broken(ctx: StepContext) -> None:
        ctx.set_audio_seconds(60)
        if broken:
            raise RuntimeError

    shop = workshop(one_step_saga(fails_while_broken))
    job_id = shop.start()
    shop.run_everything()
    broken.clear()
    shop.service.retry(actor=shop.boss, job_id=job_id)
    shop.run_everything()
    assert shop.view(job_id).state is JobState.DONE
    assert shop.scalar("SELECT count(*) FROM job_history") == 0


def test_progress_weighs_steps_by_their_time(workshop: MakeWorkshop) -> None:
    """Progress is told within steps and over the whole job."""
    shop = workshop(recording_saga())
    job_id = shop.start()
    worker = shop.worker()
    worker.context(worker.must_claim()).progress(0.5)
    view = shop.view(job_id)
    assert view.steps[0].progress == 0.5
    assert view.progress == pytest.approx(0.5 / 7)
