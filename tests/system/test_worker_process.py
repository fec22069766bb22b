"""Worker processes, as an operator and as bad luck end them."""

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from appliance.adapters.root_key import FileKeyProvider, create_root_key
from appliance.audit.service import AuditTrail
from appliance.jobs.model import JobState, JobView, Queue, StepState
from appliance.kernel.clock import FixedClock
from appliance.keyring.service import KeyRing
from appliance.tenants.service import TenantService
from tests.factories.database import TestDatabase
from tests.factories.jobs import Workshop
from tests.fakes.processes import QUICK, crash
from tests.fakes.steps import one_step_saga
from tests.fakes.windows import TRACES, window_saga

ROOT = Path(__file__).parents[2]
SOON_S = 90.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@dataclass
class Site:
    """A workshop whose workers are processes."""

    shop: Workshop
    config: dict[str, Any]
    log: Path
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def worker(self, queue: Queue = Queue.GENERAL) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.fakes.processes", "worker", json.dumps({**self.config, "queue": queue})],
                cwd=ROOT,
                stdout=output,
                stderr=output,
            )
        self.started.append(process)
        return process

    def wait_for(self, job_id: UUID, condition: Callable[[JobView], bool]) -> JobView:
        deadline = time.monotonic() + SOON_S
        while not condition(view := self.shop.view(job_id)):
            assert time.monotonic() < deadline, (view, self.log.read_text(errors="replace")[-3000:])
            time.sleep(0.05)
        return view


@pytest.fixture
def site(db: TestDatabase, clock: FixedClock, audit: AuditTrail, tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Makes a site for a kind of saga."""
    root_key = tmp_path / "root.key"
    create_root_key(root_key)
    keyring = KeyRing(FileKeyProvider(root_key), clock)
    with db.owner.transaction(None) as tx:
        tenant = TenantService(clock).found(tx, "Kékfa Egyesület")
        keyring.create_tenant_key(tx, tenant)
        tx.execute(text(TRACES))
    made: list[Site] = []

    def make(saga: str, window_s: float = 0.0) -> Site:
        shapes: dict[str, Any] = {
            "windows": lambda: window_saga(db.worker, window_s=window_s),
            "crashing": lambda: one_step_saga(crash),
        }
        built = shapes[saga]()
        shop = Workshop(db, tenant, keyring, audit, {built.kind: built}, QUICK)
        config = {"url": db.worker_url, "root_key": str(root_key), "saga": saga, "window_s": window_s}
        made.append(Site(shop, config, tmp_path / "workers.log"))
        return made[-1]

    yield make
    for one in made:
        for process in one.started:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait()


def transcribing(view: JobView) -> bool:
    """Whether the second window of the transcription is under way."""
    step = next(step for step in view.steps if step.name == "transcribe")
    return step.state is StepState.RUNNING and step.progress > 0


def test_a_terminated_worker_gives_its_steps_back_and_ends_well(site: Callable[..., Site]) -> None:
    """SIGTERM: the window under way is finished, the step is ready for others at once, and nothing is counted."""
    place = site("windows", window_s=1.2)
    job_id = place.shop.start(meeting_id=place.shop.meeting())
    place.worker(Queue.GENERAL)
    speech = place.worker(Queue.SPEECH)
    place.wait_for(job_id, transcribing)
    speech.send_signal(signal.SIGTERM)
    assert speech.wait(timeout=SOON_S) == 0
    steps = {step.name: step for step in place.shop.view(job_id).steps}
    assert (steps["transcribe"].state, steps["transcribe"].tries) == (StepState.READY, 0)
    assert steps["speakers"].state in {StepState.READY, StepState.DONE}
    assert place.shop.scalar("SELECT sum(losses) FROM job_step") == 0
    assert place.shop.scalar("SELECT count(*) FROM job_checkpoint WHERE step = 'transcribe'") == 1
    ended = "SELECT count(*) FROM job_worker WHERE queue = 'speech' AND stopped_at IS NOT NULL"
    assert place.shop.scalar(ended) == 1


def test_a_killed_worker_is_replaced_long_before_its_lease_expires(site: Callable[..., Site]) -> None:
    """SIGKILL: a neighbour on the machine sees that the process is gone, and the step goes on from its checkpoint."""
    place = site("windows", window_s=0.6)
    job_id = place.shop.start(meeting_id=place.shop.meeting())
    place.worker(Queue.GENERAL)
    speech = place.worker(Queue.SPEECH)
    place.wait_for(job_id, transcribing)
    speech.kill()
    speech.wait()
    place.worker(Queue.SPEECH)
    place.worker(Queue.LANGUAGE)
    place.wait_for(job_id, lambda view: view.state is JobState.DONE)
    begun_again = place.shop.scalar(
        "SELECT count(*) FROM chaos_try t JOIN chaos_effect e USING (job_id, step, part) WHERE t.attempt > e.attempt"
    )
    assert begun_again == 0
    assert place.shop.scalar("SELECT count(*) FROM chaos_effect") == 18


def test_a_step_that_crashes_its_process_ends_as_a_dead_letter(site: Callable[..., Site]) -> None:
    """However often the worker is started again, it does not die of the same step for ever."""
    place = site("crashing")
    job_id = place.shop.start()
    deaths = 0
    deadline = time.monotonic() + SOON_S * 2
    while place.shop.view(job_id).state is not JobState.FAILED:
        assert time.monotonic() < deadline
        worker = place.worker()
        while worker.poll() is None and place.shop.view(job_id).state is not JobState.FAILED:
            time.sleep(0.1)
        deaths += worker.poll() == -signal.SIGSEGV
    view = place.shop.view(job_id)
    assert view.failure is not None
    assert view.failure.code == "jobs.keeps_crashing"
    assert deaths == QUICK.max_attempts
