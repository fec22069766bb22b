"""Minutes of a meeting, through a real job and a real database, sealed at rest."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from appliance.adapters.fake_language import FakeLanguageModel
from appliance.audit.model import AuditName
from appliance.audit.service import AuditTrail
from appliance.database.engine import Tx
from appliance.jobs.model import JobState, JobView, Queue, Saga
from appliance.kernel.actor import Actor
from appliance.kernel.clock import FixedClock
from appliance.kernel.ids import MeetingId, TenantId
from appliance.keyring.service import KeyRing
from appliance.language.errors import NotEnoughMemory
from appliance.language.ports import LanguageModel
from appliance.meetings.documents import DocumentStore
from appliance.meetings.errors import MeetingNotFound
from appliance.meetings.service import MeetingService
from appliance.minutes.errors import MinutesDamaged, MinutesNotFound, UnknownFormat
from appliance.minutes.service import DOCUMENT, MinutesService
from appliance.minutes.steps import MinutesStep
from appliance.transcripts.model import Transcript
from tests.factories.database import TestDatabase
from tests.factories.jobs import Workshop
from tests.factories.meetings import a_meeting, a_meeting_service, a_user, audit_names
from tests.factories.minutes import ScriptedModel, a_transcript, saying

SAID = a_transcript(
    "Anna: We have decided to release the new version on the seventeenth of March.",
    "Anna: David, please run the backup test by Friday.",
    "David: Yes, I will run the backup test by Friday.",
)
EMPTY = Transcript(language="en", duration_s=3.0, engine="script", models=(), segments=())


class Shelf:
    """A ``TranscriptSource`` with one transcript, whose revision a test may raise."""

    def __init__(self) -> None:
        self.transcript: Transcript = SAID
        self.number = 1

    def load(self, _tx: Tx, _meeting_id: MeetingId) -> Transcript:
        return self.transcript

    def revision(self, _tx: Tx, _meeting_id: MeetingId) -> int:
        return self.number


class Desk:
    """A ``ResidentModel`` that a test may exchange, or take away."""

    def __init__(self) -> None:
        self.model: LanguageModel | Exception = FakeLanguageModel()

    def get(self) -> LanguageModel:
        if isinstance(self.model, Exception):
            raise self.model
        return self.model


class House:
    """A meeting with everything that works on it."""

    def __init__(
        self,
        db: TestDatabase,
        tenant: TenantId,
        *,
        keyring: KeyRing,
        audit: AuditTrail,
        clock: FixedClock,
        folder: Path,
    ) -> None:
        self.db, self.tenant = db, tenant
        self.shelf, self.desk = Shelf(), Desk()
        self.documents = DocumentStore(keyring, clock)
        step = replace_needs(
            MinutesStep(model=self.desk, transcripts=self.shelf, documents=self.documents, audit=audit)
        )
        saga: Saga[Any] = Saga("recording", (step,))
        self.shop = Workshop(db, tenant, keyring, audit, {"recording": saga})
        self.meetings: MeetingService = a_meeting_service(
            db.web, clock=clock, audit=audit, keyring=keyring, folder=folder, saga=saga
        )
        self.minutes = MinutesService(
            database=db.web, audit=audit, meetings=self.meetings, documents=self.documents, transcripts=self.shelf
        )
        self.anna: Actor = a_user(tenant)
        self.meeting = a_meeting(self.meetings, self.anna, title="Release", data=b"sound")

    def work(self) -> JobView:
        """Let the language worker do what is ready, and show the job."""
        self.shop.worker(Queue.LANGUAGE).runner.drain()
        return self.shop.view(self.meeting.job_id)


def replace_needs(step: MinutesStep) -> MinutesStep:
    """The step alone: what comes before it is another room's."""
    step.needs = ()
    return step


@pytest.fixture
def house(
    db: TestDatabase, tenant: TenantId, keyring: KeyRing, audit: AuditTrail, clock: FixedClock, tmp_path: Path
) -> House:
    return House(db, tenant, keyring=keyring, audit=audit, clock=clock, folder=tmp_path)


def test_a_job_leaves_minutes_that_their_owner_reads(house: House) -> None:
    """Written, kept, read, and each of it in the audit trail."""
    assert house.work().state is JobState.DONE
    minutes = house.minutes.get(house.anna, house.meeting.meeting_id)
    assert [one.owner for one in minutes.actions] == ["David"]
    assert minutes.transcript_revision == 1
    names = audit_names(house.db.owner, house.tenant, house.meeting.meeting_id)
    assert names[-2:] == [AuditName.MINUTES_WRITTEN, AuditName.MINUTES_READ]


def test_minutes_lie_sealed_in_the_database(house: House) -> None:
    """No word of them can be read in the row."""
    house.work()
    with house.db.owner.reading(house.tenant) as tx:
        rows = list(tx.execute(text("SELECT sealed FROM sealed_document")).scalars())
    assert rows
    assert not any(word in bytes(row) for row in rows for word in (b"release", b"backup", b"David", b"segment"))


def test_somebody_else_does_not_learn_that_there_are_minutes(house: House) -> None:
    """To them there is no such meeting."""
    house.work()
    with pytest.raises(MeetingNotFound):
        house.minutes.get(a_user(house.tenant), house.meeting.meeting_id)
    with pytest.raises(MeetingNotFound):
        house.minutes.export(a_user(house.tenant), house.meeting.meeting_id, "md")


def test_before_the_job_there_are_none(house: House) -> None:
    """And the error says what to wait for."""
    with pytest.raises(MinutesNotFound) as missing:
        house.minutes.get(house.anna, house.meeting.meeting_id)
    assert "job" in missing.value.remedy


def test_exports_are_recorded_and_carry_the_title(house: House) -> None:
    """Markdown for people, JSON for scripts, and nothing else."""
    house.work()
    meeting_id = house.meeting.meeting_id
    assert house.minutes.export(house.anna, meeting_id, "md").decode().startswith("# Minutes: Release")
    assert b'"decisions"' in house.minutes.export(house.anna, meeting_id, "json")
    with pytest.raises(UnknownFormat):
        house.minutes.export(house.anna, meeting_id, "docx")
    names = audit_names(house.db.owner, house.tenant, meeting_id)
    assert names.count(AuditName.MINUTES_EXPORTED) == 2


def test_minutes_older_than_the_transcript_say_so(house: House) -> None:
    """Whoever corrects a transcript sees that its minutes were written before."""
    house.work()
    assert not house.minutes.view(house.anna, house.meeting.meeting_id).is_stale
    house.shelf.number = 2
    assert house.minutes.view(house.anna, house.meeting.meeting_id).is_stale


def test_damaged_minutes_are_never_shown_in_part(house: House) -> None:
    """A document of another shape is refused, with what to do."""
    house.work()
    with house.db.worker.transaction(house.tenant) as tx:
        house.documents.put(tx, house.meeting.meeting_id, DOCUMENT, b'{"language": "en"}')
    with pytest.raises(MinutesDamaged) as damage:
        house.minutes.get(house.anna, house.meeting.meeting_id)
    assert "--from-step minutes" in damage.value.remedy


def test_a_killed_worker_asks_only_what_it_had_not_been_told(house: House) -> None:
    """The next attempt goes on from the sealed checkpoint and writes the same minutes."""

    class Killed(BaseException):
        pass

    answer = saying(title="Release", text="Run the backup test.")
    calls = 0

    def dying(prompt: Any, schema: Any) -> dict[str, Any]:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise Killed
        return answer(prompt, schema)

    house.desk.model = first = ScriptedModel(dying)
    worker = house.shop.worker(Queue.LANGUAGE)
    lease = worker.must_claim()
    step = house.shop.sagas["recording"].step("minutes")
    with pytest.raises(Killed):
        step.run(worker.context(lease))
    house.desk.model = second = ScriptedModel(answer)
    step.run(worker.context(lease))
    assert len(first.prompts) == 3
    assert [prompt.question for prompt in second.prompts] == [first.prompts[2].question]
    assert house.minutes.get(house.anna, house.meeting.meeting_id).decisions


def test_a_machine_short_of_memory_tries_again_later(house: House) -> None:
    """Nothing is lost, and the job says what to do once its tries are used up."""
    house.desk.model = NotEnoughMemory(model="big", needed="9 GiB", device="this machine", free="1 GiB")
    house.work()
    job = house.work()
    while not job.state.is_final:
        job = house.work()
    assert job.state is JobState.FAILED
    house.desk.model = FakeLanguageModel()
    house.shop.service.retry(actor=house.shop.boss, job_id=house.meeting.job_id)
    assert house.work().state is JobState.DONE


def test_a_meeting_in_which_nobody_spoke_fails_with_its_reason(house: House) -> None:
    """Not with empty minutes, and not after useless tries."""
    house.shelf.transcript = EMPTY
    job = house.work()
    assert job.state is JobState.FAILED
    (step,) = job.steps
    assert step.failure is not None
    assert step.failure.code == "minutes.nothing_said"


def test_undoing_the_step_removes_the_minutes(house: House) -> None:
    """A cancelled job leaves nothing of them, and undoing twice is as good as once."""
    worker = house.shop.worker(Queue.LANGUAGE)
    ctx = worker.context(worker.must_claim())
    step = house.shop.sagas["recording"].step("minutes")
    with ctx.transaction() as tx:
        house.documents.put(tx, house.meeting.meeting_id, DOCUMENT, b"{}")
    step.compensate(ctx)
    step.compensate(ctx)
    with pytest.raises(MinutesNotFound):
        house.minutes.get(house.anna, house.meeting.meeting_id)
