"""Leases: what a worker may still do, and what is taken from it."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from appliance.jobs.context import StepContext
from appliance.jobs.errors import CheckpointDamaged, LeaseLost, StepCancelled, StepPaused
from appliance.jobs.model import JobState, Queue, Saga, StepState
from tests.factories.jobs import Workshop, person
from tests.fakes.steps import one_step_saga, recording_saga

MakeWorkshop = Callable[[Saga[Any]], Workshop]

EXPIRE = "UPDATE job_step SET lease_expires_at = now() - interval '1 second' WHERE state IN ('running', 'undoing')"
FALL_SILENT = "UPDATE job_step SET lease_expires_at = lease_expires_at - interval '1 second' WHERE state = 'running'"
DEAD: dict[str, Any] = {"name": "dead", "pid": 2**22 + 1}
"""A process of this machine that does not run: Linux gives out no higher process id than 2**22."""
BEFORE_REBOOT: dict[str, Any] = {"name": "before", "boot_id": "another boot"}
ELSEWHERE: dict[str, Any] = {"name": "elsewhere", "node": "another-node"}


def test_a_step_is_taken_by_one_worker_only(workshop: MakeWorkshop) -> None:
    """Of many workers that look at once, each step goes to exactly one."""
    shop = workshop(one_step_saga())
    jobs = {shop.start() for _ in range(20)}
    workers = [shop.worker(name=f"worker-{n}") for n in range(4)]
    taken: list[Any] = []

    def take_all(worker: Any) -> None:
        while (lease := worker.claim()) is not None:
            taken.append(lease.job.id)

    threads = [threading.Thread(target=take_all, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 20
    assert set(taken) == jobs


def test_a_worker_that_lost_its_lease_can_write_nothing(workshop: MakeWorkshop) -> None:
    """Whatever it tries, it is told so, and nothing of it stays."""
    shop = workshop(one_step_saga())
    shop.start(meeting_id=shop.meeting())
    slow, quick = shop.worker(name="slow"), shop.worker(name="quick")
    lost = slow.must_claim()
    shop.tamper(EXPIRE)
    assert shop.reaper().reap() == 1
    kept = quick.must_claim()
    assert kept.attempt == lost.attempt + 1
    late = slow.context(lost)
    with pytest.raises(LeaseLost), late.transaction() as tx:
        tx.execute(text("UPDATE job SET audio_s = 1"))
    with pytest.raises(LeaseLost):
        late.progress(0.9)
    with pytest.raises(LeaseLost):
        late.save_checkpoint(b"late")
    with pytest.raises(LeaseLost):
        late.set_audio_seconds(1)
    with pytest.raises(LeaseLost):
        slow.finish(lost)
    with pytest.raises(LeaseLost):
        slow.leases.give_back(lost)
    assert shop.scalar("SELECT audio_s FROM job") is None
    assert shop.scalar("SELECT progress FROM job_step") == 0
    assert quick.context(kept).checkpoint() is None


def test_a_heartbeat_tells_a_step_that_it_lost_its_lease(workshop: MakeWorkshop) -> None:
    """The step stops at its next report, before it writes anything."""
    shop = workshop(one_step_saga())
    shop.start()
    worker = shop.worker()
    lease = worker.must_claim()
    context = worker.context(lease)
    shop.tamper(EXPIRE)
    shop.reaper().reap()
    context.tell(worker.leases.renew([lease])[lease.key])
    with pytest.raises(LeaseLost):
        context.progress(0.1)


def test_a_renewed_lease_is_not_reaped(workshop: MakeWorkshop) -> None:
    """A worker that is heard again in time keeps its step."""
    shop = workshop(one_step_saga())
    shop.start()
    worker = shop.worker()
    lease = worker.must_claim()
    shop.tamper(EXPIRE)
    assert worker.leases.renew([lease])[lease.key].held
    assert shop.reaper().reap() == 0
    worker.finish(lease)


def test_a_dead_neighbour_is_noticed_at_once(workshop: MakeWorkshop) -> None:
    """On the same machine nobody waits for a lease to expire when its process is gone."""
    shop = workshop(one_step_saga())
    job_id = shop.start()
    shop.worker(**DEAD).must_claim()
    assert shop.reaper().reap() == 1
    assert shop.view(job_id).steps[0].state is StepState.READY


def test_a_worker_on_another_machine_keeps_its_lease_until_it_expires(workshop: MakeWorkshop) -> None:
    """Nobody can tell from here whether its process lives."""
    shop = workshop(one_step_saga())
    shop.start()
    shop.worker(**ELSEWHERE, pid=2**22 + 1).must_claim()
    assert shop.reaper().reap() == 0


def test_a_step_that_keeps_crashing_becomes_a_dead_letter(workshop: MakeWorkshop) -> None:
    """A file that crashes the decoder does not take workers down for ever."""
    shop = workshop(one_step_saga())
    job_id = shop.start()
    for _ in range(shop.policy.max_attempts):
        shop.worker(**DEAD).must_claim()
        shop.reaper().reap()
    view = shop.view(job_id)
    assert view.state is JobState.FAILED
    assert view.failure is not None
    assert view.failure.code == "jobs.keeps_crashing"
    assert shop.worker().claim() is None
    shop.service.retry(actor=shop.boss, job_id=job_id)
    shop.run_everything()
    assert shop.view(job_id).state is JobState.DONE


def test_restarts_of_the_machine_are_not_the_steps_fault(workshop: MakeWorkshop) -> None:
    """However often the machine is restarted in the middle of a job, the job goes on."""
    shop = workshop(one_step_saga())
    job_id = shop.start()
    for _ in range(shop.policy.max_attempts * 2):
        shop.worker(**BEFORE_REBOOT).must_claim()
        shop.tamper(FALL_SILENT)
        assert shop.reaper().reap() == 1
    assert shop.scalar("SELECT losses FROM job_step") == 0
    shop.run_everything()
    assert shop.view(job_id).state is JobState.DONE


def test_a_machine_of_the_same_name_keeps_its_leases(workshop: MakeWorkshop) -> None:
    """Two machines that are both called localhost do not take each other for dead."""
    shop = workshop(one_step_saga())
    shop.start()
    shop.worker(**BEFORE_REBOOT).must_claim()
    assert shop.reaper().reap() == 0


def test_a_step_that_gets_further_is_not_stuck(workshop: MakeWorkshop) -> None:
    """A long step may lose many workers, as long as each of them brought it a checkpoint further."""
    shop = workshop(one_step_saga())
    job_id = shop.start(meeting_id=shop.meeting())
    for round_number in range(shop.policy.max_attempts * 2):
        worker = shop.worker(**DEAD)
        worker.context(worker.must_claim()).save_checkpoint(f"window {round_number}".encode())
        shop.reaper().reap()
    assert shop.view(job_id).state is JobState.RUNNING
    assert shop.scalar("SELECT losses FROM job_step") == 1


def test_a_suspect_gets_the_process_to_itself(workshop: MakeWorkshop) -> None:
    """Were it to crash again, no other step would share the blame."""
    shop = workshop(one_step_saga())
    shop.start()
    shop.worker(**DEAD).must_claim()
    shop.reaper().reap()
    worker = shop.worker()
    claim = worker.leases.claim(Queue.GENERAL, alone=False)
    assert claim.lease is None
    assert claim.waits_for_others
    assert worker.leases.claim(Queue.GENERAL, alone=True).lease is not None


def test_nothing_runs_beside_a_suspect(workshop: MakeWorkshop) -> None:
    """As long as a suspect runs, the other threads of its process take nothing; afterwards they go on."""
    running: list[object] = []
    at_once: list[int] = []

    def look_around(ctx: StepContext) -> None:
        running.append(ctx.job.id)
        time.sleep(0.5)
        at_once.append(len(running))
        running.remove(ctx.job.id)

    shop = workshop(one_step_saga(look_around))
    owner = person(shop.tenant)
    suspect = shop.start(owner=owner)
    shop.worker(**DEAD).must_claim()
    shop.reaper().reap()
    innocent = shop.start(owner=owner)
    runner = shop.worker().runner
    threads = [threading.Thread(target=runner.drain) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert at_once == [1, 1]
    assert {shop.view(job_id).state for job_id in (suspect, innocent)} == {JobState.DONE}


def test_a_checkpoint_is_taken_up_by_the_next_attempt(workshop: MakeWorkshop) -> None:
    """Windows that were finished are not done again after a crash."""
    done: list[int] = []

    def windows(ctx: StepContext) -> None:
        first = int(ctx.checkpoint() or b"0")
        for window in range(first, 4):
            done.append(window)
            ctx.save_checkpoint(str(window + 1).encode())
            if window == 1 and ctx.attempt == 1:
                raise ConnectionError

    shop = workshop(one_step_saga(windows))
    job_id = shop.start(meeting_id=shop.meeting())
    shop.run_everything()
    assert shop.view(job_id).state is JobState.DONE
    assert done == [0, 1, 2, 3]
    assert shop.scalar("SELECT count(*) FROM job_checkpoint") == 0


def test_a_checkpoint_and_what_it_stands_for_are_kept_together(workshop: MakeWorkshop) -> None:
    """With one transaction for both, a crash between them cannot happen."""
    shop = workshop(one_step_saga())
    shop.start(meeting_id=shop.meeting())
    worker = shop.worker()
    context = worker.context(worker.must_claim())
    with pytest.raises(RuntimeError), context.transaction() as tx:  # noqa: PT012  # the error leaves the transaction
        context.save_checkpoint(b"window 1", tx=tx)
        raise RuntimeError("before the commit")
    assert context.checkpoint() is None
    with context.transaction() as tx:
        context.save_checkpoint(b"window 1", tx=tx)
    assert context.checkpoint() == b"window 1"


def test_a_checkpoint_is_sealed(workshop: MakeWorkshop) -> None:
    """What was said is not in the database in the clear, and not readable in another step's place."""
    shop = workshop(recording_saga())
    shop.start(meeting_id=shop.meeting())
    worker = shop.worker()
    context = worker.context(worker.must_claim())
    context.save_checkpoint("Döntöttünk: a hidat megépítjük.".encode())
    assert b"hidat" not in bytes(shop.scalar("SELECT sealed FROM job_checkpoint"))
    shop.tamper("UPDATE job_checkpoint SET step = 'notify'")
    in_its_place = worker.context(replace(context.lease, step="notify"))
    with pytest.raises(CheckpointDamaged):
        in_its_place.checkpoint()


def test_a_step_is_done_exactly_when_its_last_write_is(workshop: MakeWorkshop) -> None:
    """No crash can fall between what a step wrote last and its being done."""

    def writes_and_finishes(ctx: StepContext) -> None:
        with ctx.transaction() as tx:
            tx.execute(text("UPDATE job SET audio_s = coalesce(audio_s, 0) + 1 WHERE id = :id"), {"id": ctx.job.id})
            ctx.finish(tx)
        raise RuntimeError("too late to matter")

    shop = workshop(one_step_saga(writes_and_finishes))
    job_id = shop.start()
    shop.run_everything()
    assert shop.view(job_id).state is JobState.DONE
    assert shop.scalar("SELECT audio_s FROM job") == 1


def test_a_stopping_worker_gives_its_step_back_at_the_next_checkpoint(workshop: MakeWorkshop) -> None:
    """SIGTERM costs neither a try nor the work that was done; the next worker need not wait for the lease to expire."""
    done: list[int] = []

    def windows(ctx: StepContext) -> None:
        for window in range(int(ctx.checkpoint() or b"0"), 3):
            done.append(window)
            if window == 1 and ctx.attempt == 1:
                shop.stop.request()
            ctx.save_checkpoint(str(window + 1).encode())

    shop = workshop(one_step_saga(windows))
    job_id = shop.start(meeting_id=shop.meeting())
    shop.worker().runner.drain()
    step = shop.view(job_id).steps[0]
    assert (step.state, step.tries, done) == (StepState.READY, 0, [0, 1])
    shop.stop = type(shop.stop)(patience_s=0)
    shop.run_everything()
    assert done == [0, 1, 2]


def test_a_stopping_worker_pauses_after_the_transaction_that_saved_a_checkpoint(workshop: MakeWorkshop) -> None:
    """What was written together with the checkpoint is kept, and the step goes no further."""
    shop = workshop(one_step_saga())
    shop.start(meeting_id=shop.meeting())
    worker = shop.worker()
    context = worker.context(worker.must_claim())
    shop.stop.request()
    with pytest.raises(StepPaused), context.transaction() as tx:
        context.save_checkpoint(b"window 1", tx=tx)
    assert context.checkpoint() == b"window 1"


def test_a_stopping_worker_waits_for_a_step_without_checkpoints_only_so_long(workshop: MakeWorkshop) -> None:
    """When patience is over the step stops where it is."""
    shop = workshop(one_step_saga())
    shop.start()
    worker = shop.worker()
    context = worker.context(worker.must_claim())
    shop.stop.request()
    with pytest.raises(StepPaused):
        context.progress(0.5)


def test_a_cancelled_step_begins_no_transaction(workshop: MakeWorkshop) -> None:
    """What is about to be undone is not even written."""
    shop = workshop(one_step_saga())
    job_id = shop.start()
    worker = shop.worker()
    lease = worker.must_claim()
    context = worker.context(lease)
    shop.service.cancel(actor=shop.boss, job_id=job_id)
    context.tell(worker.leases.renew([lease])[lease.key])
    with pytest.raises(StepCancelled), context.transaction():
        pytest.fail("it began")


def test_ready_steps_that_nobody_heard_of_are_rung_again(workshop: MakeWorkshop) -> None:
    """A worker that died with the ring in its hand delays the step by seconds; no ring is added to one on its way."""
    shop = workshop(one_step_saga())
    shop.start()
    shop.tamper("UPDATE job_step SET ready_at = now() - interval '10 seconds'")
    assert shop.reaper().ring() == 0
    with shop.db.worker.transaction(None) as tx:
        tx.execute(text("DELETE FROM huey_task"))
    assert shop.reaper().ring() == 1
    assert shop.reaper().ring() == 0


def test_old_traces_are_tidied_away(workshop: MakeWorkshop) -> None:
    """Workers of last week and turns that no longer count are forgotten; who holds a lease is not."""
    shop = workshop(one_step_saga())
    shop.start()
    shop.worker(name="long gone")
    shop.worker(name="holds a lease").must_claim()
    shop.tamper("UPDATE job_worker SET seen_at = now() - interval '8 days'")
    shop.tamper("UPDATE job_share SET served_at = now() - interval '1 day'")
    shop.reaper().tidy()
    assert shop.scalar("SELECT string_agg(name, ',') FROM job_worker") == "holds a lease"
    assert shop.scalar("SELECT count(*) FROM job_share") == 0
