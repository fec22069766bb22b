"""While a new release is tried, only the trial's own work is taken."""

from collections.abc import Callable
from typing import Any

from appliance.jobs.leases import Leases
from appliance.jobs.model import Saga
from appliance.jobs.runner import known_steps
from tests.factories.jobs import Workshop, person
from tests.fakes.steps import one_step_saga

MakeWorkshop = Callable[[Saga[Any]], Workshop]


def test_a_worker_on_trial_leaves_everybody_else_s_work_alone(workshop: MakeWorkshop) -> None:
    """Even behind a line that is longer than a worker looks, the one recording of the trial is found; others wait."""
    shop = workshop(one_step_saga())
    somebody, trial = person(shop.tenant), person(shop.tenant)
    for _ in range(70):
        shop.start(owner=somebody)
    shop.start(owner=trial)
    worker = shop.worker()
    leases = Leases(
        shop.db.worker,
        shop.ledger,
        process=worker.process,
        policy=shop.policy,
        known=known_steps(shop.sagas),
        only_for=trial.user_id,
    )
    taken = leases.claim(worker.queue, alone=True).lease
    assert taken is not None
    assert taken.job.owner_id == trial.user_id
    assert leases.claim(worker.queue, alone=True).lease is None
    assert worker.must_claim().job.owner_id == somebody.user_id
