"""What is over is forgotten, and nothing that somebody can still ask about."""

from collections.abc import Callable
from typing import Any

import pytest

from appliance.audit import service as trail
from appliance.jobs import retention
from appliance.jobs.errors import JobNotFound
from appliance.jobs.model import JobState, Saga
from appliance.jobs.retention import JobRetention
from appliance.jobs.tables import HUEY_TABLES
from appliance.kernel.ids import JobId, MeetingId, TenantId
from tests.factories.jobs import Workshop
from tests.fakes.steps import recording_saga

MakeWorkshop = Callable[[Saga[Any]], Workshop]
DAYS = 90


@pytest.fixture
def shop(workshop: MakeWorkshop) -> Workshop:
    return workshop(recording_saga())


def forget(shop: Workshop) -> int:
    """One run of the leader's chore."""
    return JobRetention(shop.db.worker, shop.audit, days=DAYS).forget()


def finished(shop: Workshop, *, days_ago: float, meeting_id: MeetingId | None = None) -> JobId:
    """A job that went through all its steps, so long ago."""
    job_id = shop.start(meeting_id=meeting_id)
    shop.run_everything()
    assert shop.view(job_id).state is JobState.DONE
    shop.tamper(
        "UPDATE job SET finished_at = now() - make_interval(secs => :s) WHERE id = :id",
        s=days_ago * 86_400,
        id=job_id,
    )
    return job_id


def destroyed(shop: Workshop, meeting_id: MeetingId) -> None:
    """Let a meeting be deleted, as far as its key tells."""
    with shop.db.worker.transaction(shop.tenant) as tx:
        shop.keyring.destroy_meeting_key(tx, meeting_id)


def known(shop: Workshop, job_id: JobId) -> bool:
    try:
        shop.view(job_id)
    except JobNotFound:
        return False
    return True


def test_the_latest_job_of_a_meeting_stays_as_long_as_the_meeting(shop: Workshop) -> None:
    """It is the meeting's state, and minutes of last year can be written again from their step."""
    kept = finished(shop, days_ago=1000, meeting_id=shop.meeting())
    assert forget(shop) == 0
    shop.service.retry(actor=shop.boss, job_id=kept, from_step="minutes")
    shop.run_everything()
    assert shop.view(kept).state is JobState.DONE


def test_jobs_of_a_deleted_meeting_go_with_their_steps(shop: Workshop) -> None:
    """Once the key is destroyed and the time is over, nothing tells that there was work."""
    meeting_id = shop.meeting()
    gone = finished(shop, days_ago=DAYS + 1, meeting_id=meeting_id)
    destroyed(shop, meeting_id)
    assert forget(shop) == 1
    assert not known(shop, gone)
    assert shop.scalar("SELECT count(*) FROM job_step") == 0


def test_a_job_that_was_replaced_goes(shop: Workshop) -> None:
    """Of two jobs for one meeting the later one stands for it."""
    meeting_id = shop.meeting()
    earlier = finished(shop, days_ago=DAYS + 2, meeting_id=meeting_id)
    later = finished(shop, days_ago=DAYS + 1, meeting_id=meeting_id)
    assert forget(shop) == 1
    assert (known(shop, earlier), known(shop, later)) == (False, True)


def test_nothing_goes_before_its_time(shop: Workshop) -> None:
    """A day early is too early, whatever became of the meeting."""
    recent = finished(shop, days_ago=DAYS - 1)
    assert forget(shop) == 0
    assert known(shop, recent)


def test_unfinished_work_is_never_forgotten(shop: Workshop) -> None:
    """However old a job is: while a step waits, it is not over."""
    waiting = shop.start()
    shop.tamper("UPDATE job SET created_at = now() - interval '10 years'")
    assert forget(shop) == 0
    assert known(shop, waiting)


def test_a_failed_job_waits_for_somebody_as_long_as_its_meeting_is_there(workshop: MakeWorkshop) -> None:
    """A dead letter with its checkpoint is an offer to go on; only the meeting's end withdraws it."""

    def fails(ctx: Any) -> None:
        if ctx.checkpoint() is None:  # each further one would be a reason to try again
            ctx.save_checkpoint(b"half-way")
        raise RuntimeError

    shop = workshop(recording_saga(transcribe=fails))
    meeting_id = shop.meeting()
    failed = shop.start(meeting_id=meeting_id)
    for _ in range(shop.policy.max_attempts):
        shop.tamper("UPDATE job_step SET ready_at = now() WHERE state = 'ready'")
        shop.run_everything()
    assert shop.view(failed).state is JobState.FAILED
    shop.tamper("UPDATE job SET finished_at = now() - interval '10 years'")
    assert forget(shop) == 0
    assert shop.scalar("SELECT count(*) FROM job_checkpoint") == 1
    destroyed(shop, meeting_id)
    assert forget(shop) == 1
    assert shop.scalar("SELECT count(*) FROM job_checkpoint") == 0


def test_a_long_past_is_forgotten_in_batches(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run is bounded, the next goes on; the trail says how many went, and holds."""
    for _ in range(7):
        finished(shop, days_ago=DAYS + 1)
    monkeypatch.setattr(retention, "BATCH", 2)
    monkeypatch.setattr(retention, "MOST_BATCHES", 3)
    assert [forget(shop), forget(shop), forget(shop)] == [6, 1, 0]
    with shop.db.owner.reading(shop.tenant) as tx:
        events = [event for event in trail.queries.iterate(tx, shop.tenant) if event.name == "jobs:jobs:forgotten"]
        assert trail.verify(tx, shop.tenant).intact
    assert [event.detail for event in events] == [
        f'{{"finished_days_ago":{DAYS},"jobs":{count}}}' for count in (2, 2, 2, 1)
    ]


def test_every_organisation_is_tidied(shop: Workshop, found_tenant: Callable[[str], TenantId]) -> None:
    """The leader works for all tenants, each in a transaction of its own and in its own trail."""
    finished(shop, days_ago=DAYS + 1)
    other = Workshop(shop.db, found_tenant("Béta Kft."), shop.keyring, shop.audit, shop.sagas)
    finished(other, days_ago=DAYS + 1)
    assert forget(shop) == 2
    for one in (shop, other):
        events = "SELECT count(*) FROM audit_event WHERE tenant_id = :tenant AND name = 'jobs:jobs:forgotten'"
        assert one.scalar(events, tenant=one.tenant) == 1


def test_a_job_taken_up_again_in_the_last_moment_stays(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever retries between the look and the removal wins."""
    job_id = finished(shop, days_ago=DAYS + 1)
    remove = JobRetention._remove

    def after_a_retry(self: JobRetention, tx: Any, due: Any) -> Any:
        shop.service.retry(actor=shop.boss, job_id=job_id, from_step="minutes")
        return remove(self, tx, due)

    monkeypatch.setattr(JobRetention, "_remove", after_a_retry)
    assert forget(shop) == 0
    assert known(shop, job_id)


def test_finished_work_leaves_no_rings(shop: Workshop) -> None:
    """Huey's tables hold what is on its way and nothing else: there is nothing in them to forget."""
    job_id = finished(shop, days_ago=0)
    assert known(shop, job_id)
    kept = {table.name: shop.scalar(f"SELECT count(*) FROM {table.name}") for table in HUEY_TABLES}
    assert kept.pop("huey_task") <= 7, "one ring for each step at the most, until a worker answers it"
    assert set(kept.values()) == {0}
