"""What waits, how long, and whether anybody is there to take it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from appliance.jobs import roster
from appliance.jobs.backlog import Backlog, backlog
from appliance.jobs.model import Queue, Saga
from appliance.jobs.processes import this_process
from tests.factories.jobs import Workshop
from tests.fakes.steps import one_step_saga

MakeWorkshop = Callable[[Saga[Any]], Workshop]


def look(shop: Workshop) -> Backlog:
    with shop.db.worker.reading(None) as tx:
        return backlog(tx, silent_s=30)


def test_an_idle_machine_has_no_backlog(workshop: MakeWorkshop) -> None:
    """Nothing waits, and nobody is missed."""
    assert look(workshop(one_step_saga())) == Backlog(0, timedelta(0), 0, ())


def test_work_that_nobody_takes_is_told_with_its_queue(workshop: MakeWorkshop) -> None:
    """Steps of all tenants count; the queue is told until a worker of it was heard."""
    shop = workshop(one_step_saga())
    shop.start()
    shop.start()
    shop.tamper("UPDATE job_step SET ready_at = ready_at - interval '3 hours'")
    alone = look(shop)
    assert (alone.waiting, alone.given_up) == (2, 0)
    assert timedelta(hours=3) < alone.longest_wait < timedelta(hours=4)
    (queue,) = alone.without_worker
    with shop.db.worker.transaction(None) as tx:
        roster.sign_in(tx, this_process(Queue(queue)), Queue(queue))
    assert look(shop).without_worker == ()
    shop.tamper("UPDATE job_worker SET seen_at = now() - interval '1 minute'")
    assert look(shop).without_worker == (queue,)


def test_what_was_given_up_is_told_for_a_day(workshop: MakeWorkshop) -> None:
    """A failed recording of today needs somebody; one of last week was told about then."""
    shop = workshop(one_step_saga())
    shop.start()
    failure = "failure_code = 'x', failure_message = 'x', failure_remedy = ''"
    shop.tamper(f"UPDATE job SET state = 'failed', finished_at = now(), {failure}")
    assert look(shop).given_up == 1
    shop.tamper("UPDATE job SET finished_at = now() - interval '2 days'")
    assert look(shop).given_up == 0
