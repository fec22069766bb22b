"""Work in progress is seen while it happens: pushed by the server, never by reloading."""

from dataclasses import dataclass
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect

from appliance.identity.model import NewSession
from appliance.jobs.model import Failure, Lease, Queue
from tests.browser.conftest import NewPage
from tests.browser.looking import axe_violations
from tests.factories.database import TestDatabase
from tests.factories.jobs import Worker, Workshop, saga_map
from tests.factories.meetings import a_meeting
from tests.factories.site import Site
from tests.fakes.steps import recording_saga

_SILENT = Failure(
    "media.silent",
    "The recording is silent: its loudest moment is -71 dB below full scale.",
    "Check that the microphone was on and not muted.",
)


@dataclass
class Work:
    """The job of one meeting, and workers that a test moves by hand."""

    shop: Workshop
    meeting_id: UUID
    job_id: UUID

    def take(self, step: str, queue: Queue = Queue.GENERAL) -> tuple[Worker, Lease]:
        """A worker takes this step of this job; whatever it gets before that, it finishes."""
        worker = self.shop.worker(queue)
        while (lease := worker.must_claim()).job.id != self.job_id or lease.step != step:
            worker.finish(lease)
        return worker, lease


@pytest.fixture
def work(site: Site, site_db: TestDatabase, anna: NewSession, request: pytest.FixtureRequest) -> Work:
    """A meeting that waits for its worker."""
    actor, services = anna.signed_in.actor, site.services
    title = request.node.name.removeprefix("test_")
    started = a_meeting(services.meetings, actor, title=title)
    shop = Workshop(site_db, actor.tenant_id, services.keyring, services.audit, saga_map(recording_saga()))
    return Work(shop, started.meeting_id, started.job_id)


def test_progress_appears_by_itself(page: Page, work: Work) -> None:
    """Step by step; when all is done the page becomes the meeting's."""
    page.goto(f"/meetings/{work.meeting_id}")
    expect(page.get_by_role("heading", name="Waiting for its turn")).to_be_visible()
    worker, lease = work.take("validate")
    expect(page.get_by_role("heading", name="Working on the recording")).to_be_visible()
    worker.finish(lease)
    worker, lease = work.take("transcribe", Queue.SPEECH)
    line = page.get_by_role("listitem").filter(has_text="Write down the words")
    for share in (0.4, 0.7):
        worker.leases.report_progress(lease, share)
        expect(line).to_contain_text(f"{share:.0%}")
    assert axe_violations(page) == []
    worker.finish(lease)
    work.shop.run_everything()
    expect(page.get_by_text("Ready", exact=True)).to_be_visible()


def test_the_list_moves_with_its_meetings(page: Page, work: Work) -> None:
    """Without being reloaded, and without losing the focus."""
    page.goto("/meetings")
    row = page.get_by_role("row", name="the_list_moves_with_its_meetings")
    expect(row).to_contain_text("Waiting")
    row.get_by_role("link").focus()
    worker, lease = work.take("validate")
    expect(row).to_contain_text("Check the recording")
    expect(row.get_by_role("progressbar")).to_be_visible()
    expect(row.get_by_role("link")).to_be_focused()
    worker.finish(lease)
    work.shop.run_everything()
    expect(row).to_contain_text("Ready")


def test_a_failure_is_told_with_its_remedy_and_can_be_retried(page: Page, work: Work) -> None:
    """In plain words, from the step that failed."""
    page.goto(f"/meetings/{work.meeting_id}")
    worker, lease = work.take("validate")
    worker.leases.give_up(lease, _SILENT, refused=False)
    expect(page.get_by_role("alert")).to_contain_text("The recording is silent")
    expect(page.get_by_role("alert")).to_contain_text("Check that the microphone was on and not muted.")
    expect(page.get_by_text("Failed", exact=True)).to_be_visible()
    assert axe_violations(page) == []
    page.get_by_role("button", name="Retry from this step").click()
    expect(page.get_by_role("heading", name="Working on the recording")).to_be_visible()
    work.shop.run_everything()
    expect(page.get_by_text("Ready", exact=True)).to_be_visible()


def test_a_failure_is_told_in_the_readers_language(new_page: NewPage, anna: NewSession, work: Work) -> None:
    """Although it was stored in English."""
    worker, lease = work.take("validate")
    worker.leases.give_up(lease, _SILENT, refused=False)
    page = new_page(anna, locale="hu-HU")
    page.goto(f"/meetings/{work.meeting_id}")
    expect(page.get_by_role("alert")).to_contain_text("A felvétel néma: a leghangosabb pillanata is -71 dB-lel")


def test_work_can_be_stopped_and_begun_again(page: Page, work: Work) -> None:
    """The recording stays."""
    page.goto(f"/meetings/{work.meeting_id}")
    page.get_by_role("button", name="Stop working on it").click()
    expect(page.get_by_role("heading", name="The work was stopped")).to_be_visible()
    page.get_by_role("button", name="Try again from where it stopped").click()
    expect(page.get_by_role("heading", name="Waiting for its turn")).to_be_visible()
