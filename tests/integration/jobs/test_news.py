"""News of jobs, for doors that wait."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import text

from appliance.adapters.job_listener import JobListener
from appliance.jobs.model import JobState, Saga
from tests.factories.database import TestDatabase
from tests.factories.jobs import Workshop
from tests.fakes.steps import one_step_saga

MakeWorkshop = Callable[[Saga[Any]], Workshop]

SOON_S = 10.0


@pytest.fixture
def listener(db: TestDatabase) -> Iterator[JobListener]:
    """A listener as the web process has it."""
    listener = JobListener(db.web)
    yield listener
    listener.close()


def test_a_change_reaches_who_waits_for_it(workshop: MakeWorkshop, listener: JobListener) -> None:
    """From start to end, a door that reads again after every signal sees the job done."""
    shop = workshop(one_step_saga())
    job_id = shop.start()
    with listener.subscribe(tenant_id=shop.tenant, job_id=job_id) as changes:
        threading.Thread(target=shop.worker().runner.drain).start()
        deadline = time.monotonic() + SOON_S
        while shop.view(job_id).state is not JobState.DONE:
            assert changes.wait(deadline - time.monotonic()), "no news"


def test_only_the_jobs_that_were_asked_for_wake_a_listener(workshop: MakeWorkshop, listener: JobListener) -> None:
    """Who watches one job is not woken by another, and who watches all is."""
    shop = workshop(one_step_saga())
    mine, other = shop.start(), shop.start()
    with (
        listener.subscribe(tenant_id=shop.tenant, job_id=mine) as one,
        listener.subscribe(tenant_id=shop.tenant) as all_of_them,
    ):
        settle(one, all_of_them)
        shop.service.cancel(actor=shop.boss, job_id=other)
        assert all_of_them.wait(SOON_S)
        assert not one.wait(0.2)


def test_another_tenants_jobs_wake_nobody(
    workshop: MakeWorkshop, listener: JobListener, found_tenant: Callable[[str], Any]
) -> None:
    """Not even that something happens elsewhere is told."""
    shop = workshop(one_step_saga())
    with listener.subscribe(tenant_id=found_tenant("Másik Egyesület")) as elsewhere:
        settle(elsewhere)
        shop.start()
        assert not elsewhere.wait(0.5)


def test_an_event_loop_can_be_woken(workshop: MakeWorkshop, listener: JobListener) -> None:
    """A door that must not block is called instead."""
    shop = workshop(one_step_saga())
    woken = threading.Event()
    with listener.subscribe(tenant_id=shop.tenant, wake=woken.set):
        shop.start()
        assert woken.wait(SOON_S)


def test_a_lost_connection_is_made_again_and_said(workshop: MakeWorkshop, listener: JobListener) -> None:
    """After a restart of the server everybody reads again, because nobody knows what was missed."""
    shop = workshop(one_step_saga())
    with listener.subscribe(tenant_id=shop.tenant) as changes:
        settle(changes)
        terminate_listeners(shop)
        assert changes.wait(SOON_S)
        settle(changes)
        shop.start()
        assert changes.wait(SOON_S)


def settle(*subscriptions: Any) -> None:
    """Wait until the news of having begun to listen is over."""
    for subscription in subscriptions:
        while subscription.wait(0.7):
            pass


def terminate_listeners(shop: Workshop) -> None:
    with shop.db.connect(shop.db.superuser_url) as connection:
        ended = connection.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        ).fetchone()
    assert ended is not None
    assert ended[0] == 1


def test_news_hold_no_content(workshop: MakeWorkshop, db: TestDatabase) -> None:
    """Who listens on the channel learns ids, and nothing of a meeting."""
    shop = workshop(one_step_saga())
    with db.web.raw_connection() as connection:
        connection.execute("LISTEN hangjegyzet_jobs")
        job_id = shop.start()
        payloads = [note.payload for note in connection.notifies(timeout=SOON_S, stop_after=1)]
    assert payloads == [f'{{"job_id": "{job_id}", "tenant_id": "{shop.tenant}", "meeting_id": null}}']


def test_progress_is_not_written_more_often_than_people_can_see(workshop: MakeWorkshop) -> None:
    """A step may report a thousand times a second; the database hears of it once."""
    shop = workshop(one_step_saga())
    shop.start()
    worker = shop.worker()
    context = worker.context(worker.must_claim())
    with shop.db.worker.raw_connection() as connection:
        connection.execute("LISTEN hangjegyzet_jobs")
        for step in range(1000):
            context.progress(step / 1000)
        heard = list(connection.notifies(timeout=0.3))
    assert 1 <= len(heard) <= 3
    with shop.db.worker.reading(None) as tx:
        assert tx.execute(text("SELECT count(*) FROM job_step WHERE progress < 1")).scalar_one() == 1
