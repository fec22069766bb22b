"""The speech steps in a real job: real database, real runner, real files; engines that make their words up."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from appliance.adapters.blobs import LocalBlobs
from appliance.adapters.fake_speech import FakeSpeakerTurns, FakeSpeechToText
from appliance.adapters.media import SandboxedMedia
from appliance.audit.service import AuditTrail
from appliance.jobs.model import JobState, JobView, Queue, Saga
from appliance.jobs.ports import Step
from appliance.kernel.clock import FixedClock
from appliance.kernel.ids import MeetingId, TenantId
from appliance.keyring.service import KeyRing
from appliance.meetings.documents import DocumentStore
from appliance.meetings.errors import MeetingNotFound, VocabularyTooLong
from appliance.meetings.model import SAMPLE_RATE
from appliance.meetings.ports import Samples
from appliance.meetings.recordings import RecordingFiles
from appliance.meetings.service import MeetingService
from appliance.meetings.sound import Sounds
from appliance.meetings.steps import ValidateStep
from appliance.quality.turns import read_rttm
from appliance.speakers.documents import TurnStore
from appliance.speakers.steps import SpeakersStep
from appliance.transcripts.documents import TranscriptStore
from appliance.transcripts.errors import NothingRemovedThere, TranscriptMissing
from appliance.transcripts.model import Reason, removal, text_of
from appliance.transcripts.ports import Decoded, Hints
from appliance.transcripts.service import TranscriptService
from appliance.transcripts.steps import MergeStep, TranscribeStep
from tests.factories.database import TestDatabase
from tests.factories.jobs import Workshop
from tests.factories.media import format_named, media_file, speechlike
from tests.factories.meetings import a_meeting, a_meeting_service, a_user, audit_names
from tests.factories.transcripts import words


def a_recording(*, minutes: float = 0.5) -> bytes:
    """Sound in stretches of four seconds with pauses between them, as a flac file."""
    stretch = np.concatenate((speechlike(4.0, rate=48_000), np.zeros(96_000, dtype=np.int16)))
    sound = np.tile(stretch, int(minutes * 60 / 6))
    return media_file(format_named("flac"), sound=sound)


@pytest.fixture(scope="module")
def media() -> Any:
    opened = SandboxedMedia(max_duration_s=600)
    yield opened
    opened.close()


class House:
    """One organisation in whose jobs the speech steps run."""

    def __init__(
        self,
        db: TestDatabase,
        tenant: TenantId,
        keyring: KeyRing,
        audit: AuditTrail,
        clock: FixedClock,
        media: SandboxedMedia,
        folder: Path,
    ) -> None:
        self.db, self.tenant, self.keyring, self.audit, self.clock = db, tenant, keyring, audit, clock
        self.folder = folder
        self.media = media
        self.documents = DocumentStore(keyring, clock)
        self.transcripts, self.turns = TranscriptStore(self.documents), TurnStore(self.documents)
        self.anna = a_user(tenant)

    def steps(self, engine: Any) -> tuple[Step, ...]:
        files = RecordingFiles(LocalBlobs(self.folder), self.keyring)
        sounds = Sounds(files, self.media)
        return (
            ValidateStep(
                files=files,
                documents=self.documents,
                probe=self.media,
                decoder=self.media,
                audit=self.audit,
                clock=self.clock,
            ),
            TranscribeStep(sounds=sounds, engine=engine, transcripts=self.transcripts),
            SpeakersStep(sounds=sounds, engine=FakeSpeakerTurns(), turns=self.turns),
            MergeStep(transcripts=self.transcripts, turns=self.turns, audit=self.audit),
        )

    def shop(self, engine: Any) -> Workshop:
        saga: Saga[Any] = Saga("recording", self.steps(engine))
        return Workshop(self.db, self.tenant, self.keyring, self.audit, {"recording": saga})

    def meetings(self, engine: Any) -> MeetingService:
        saga: Saga[Any] = Saga("recording", self.steps(engine))
        return a_meeting_service(
            self.db.web, clock=self.clock, audit=self.audit, keyring=self.keyring, folder=self.folder, saga=saga
        )

    def service(self, engine: Any) -> TranscriptService:
        return TranscriptService(
            database=self.db.web,
            audit=self.audit,
            meetings=self.meetings(engine),
            transcripts=self.transcripts,
            turns=self.turns,
        )

    def process(self, data: bytes, engine: Any, **wishes: Any) -> JobView:
        """Send a recording in and work until nothing is left to do."""
        started = a_meeting(self.meetings(engine), self.anna, data=data, **wishes)
        shop = self.shop(engine)
        shop.run_everything()
        return shop.view(started.job_id)


@pytest.fixture
def house(
    db: TestDatabase,
    tenant: TenantId,
    keyring: KeyRing,
    audit: AuditTrail,
    clock: FixedClock,
    media: SandboxedMedia,
    tmp_path: Path,
) -> House:
    return House(db, tenant, keyring, audit, clock, media, tmp_path)


def meeting_of(job: JobView) -> MeetingId:
    assert job.meeting_id is not None
    return job.meeting_id


def test_a_recording_becomes_a_transcript_by_speaker(house: House) -> None:
    """Words and turns meet in segments that everybody who may read the meeting can read."""
    job = house.process(a_recording(), FakeSpeechToText())
    assert job.state is JobState.DONE, job.failure
    transcript = house.service(FakeSpeechToText()).get(house.anna, meeting_of(job))
    assert transcript.duration_s == pytest.approx(30, abs=0.1)
    assert transcript.speakers == ("Speaker 1", "Speaker 2")
    assert transcript.models == ("fake", "fake")
    assert [segment.id for segment in transcript.segments] == list(range(len(transcript.segments)))
    assert sum(len(segment.words) for segment in transcript.segments) > 20


def test_what_was_said_is_sealed_in_the_database(house: House) -> None:
    """No row, no checkpoint and no audit event holds a word of it."""
    job = house.process(a_recording(), FakeSpeechToText())
    word = house.service(FakeSpeechToText()).get(house.anna, meeting_of(job)).segments[0].words[0].text
    with house.db.owner.reading(house.tenant) as tx:
        for table in ("sealed_document", "audit_event", "job", "job_step"):
            rows = tx.execute(text(f"SELECT row_to_json(t)::text FROM {table} t")).scalars().all()
            assert rows
            assert not [row for row in rows if word in row]


def test_exports_come_from_the_stored_transcript(house: House) -> None:
    """Every format can be taken out, and taking out is on the record."""
    job = house.process(a_recording(), FakeSpeechToText())
    service = house.service(FakeSpeechToText())
    assert service.export(house.anna, meeting_of(job), "vtt").startswith(b"WEBVTT")
    assert {row.speaker for row in read_rttm(service.export(house.anna, meeting_of(job), "rttm").decode())} == {
        "Speaker_1",
        "Speaker_2",
    }
    names = audit_names(house.db.web, house.tenant, meeting_of(job))
    assert names.count("transcripts:transcript:exported") == 2
    assert names.count("transcripts:transcript:written") == 1


def test_strangers_learn_nothing(house: House) -> None:
    """Who may not see the meeting gets no transcript of it, and not even the word that it exists."""
    job = house.process(a_recording(), FakeSpeechToText())
    with pytest.raises(MeetingNotFound):
        house.service(FakeSpeechToText()).get(a_user(house.tenant), meeting_of(job))


def test_before_the_merge_there_is_no_transcript(house: House) -> None:
    """Somebody who looks too early is told so."""
    started = a_meeting(house.meetings(FakeSpeechToText()), house.anna, data=a_recording())
    with pytest.raises(TranscriptMissing):
        house.service(FakeSpeechToText()).get(house.anna, started.meeting_id)


class DyingEngine(FakeSpeechToText):
    """Loses its process after some batches; a fresh one goes on."""

    def __init__(self, batches: int) -> None:
        self.batches_left = batches
        self.decoded = 0

    def decode(self, clips: Any, hints: Hints) -> list[Decoded]:
        if not self.batches_left:
            raise ConnectionResetError("the machine went away")
        self.batches_left -= 1
        self.decoded += len(clips)
        return super().decode(clips, hints)


def test_a_broken_off_transcription_goes_on_from_its_checkpoint(house: House) -> None:
    """What was decoded before the break is not decoded again, and the transcript is the same as without it."""
    data = a_recording(minutes=8)
    whole = house.process(data, FakeSpeechToText())
    expected = house.service(FakeSpeechToText()).get(house.anna, meeting_of(whole))
    first, second = DyingEngine(2), DyingEngine(100)
    started = a_meeting(house.meetings(first), house.anna, data=data)
    shop = house.shop(first)
    shop.worker(Queue.GENERAL).runner.drain()
    worker = shop.worker(Queue.SPEECH)
    lease = next(lease for lease in (worker.must_claim(), worker.must_claim()) if lease.step == "transcribe")
    with pytest.raises(ConnectionResetError):
        house.steps(first)[1].run(worker.context(lease))
    house.steps(second)[1].run(worker.context(lease))
    assert first.decoded == 8
    with house.db.worker.reading(house.tenant) as tx:
        spoken = house.transcripts.load_spoken(tx, started.meeting_id)
    clips = first.decoded + second.decoded
    assert text_of(spoken.words) == " ".join(segment.text for segment in expected.segments)
    assert second.decoded == clips - 8 > 0


def test_removed_text_can_be_put_back_once(house: House) -> None:
    """A person who hears more than the guard puts text back; it is a new revision, on the record."""
    job = house.process(a_recording(), FakeSpeechToText())
    meeting_id = meeting_of(job)
    taken = removal(words("Köszönöm a figyelmet!", start_s=12.5), Reason.HALLUCINATION)
    with house.db.worker.transaction(house.tenant) as tx:
        transcript = house.transcripts.load(tx, meeting_id)
        house.transcripts.put(tx, meeting_id, type(transcript)(**{**_fields(transcript), "removed": (taken,)}))
    service = house.service(FakeSpeechToText())
    restored = service.restore(house.anna, meeting_id, 0)
    assert "Köszönöm a figyelmet!" in [segment.text for segment in restored.segments]
    assert service.get(house.anna, meeting_id) == restored
    with pytest.raises(NothingRemovedThere):
        service.restore(house.anna, meeting_id, 0)
    assert "transcripts:text:restored" in audit_names(house.db.web, house.tenant, meeting_id)


def test_undoing_forgets_words_turns_and_transcript(house: House) -> None:
    """A compensation leaves no document of the speech steps behind, however often it runs."""
    job = house.process(a_recording(), FakeSpeechToText())
    shop = house.shop(FakeSpeechToText())
    shop.service.retry(actor=house.anna, job_id=job.id, from_step="validate")
    shop.service.cancel(actor=house.anna, job_id=job.id)
    shop.run_everything()
    with house.db.worker.reading(house.tenant) as tx:
        assert not {"speech/spoken", "speech/turns", "transcript"} & set(house.documents.names(tx, meeting_of(job)))


def test_the_counted_number_of_speakers_reaches_the_engine(house: House) -> None:
    """What the sender of the recording said about it is what the engine is told."""
    meetings = house.meetings(FakeSpeechToText())
    data = a_recording()
    upload = meetings.start_upload(house.anna, filename="a.flac", size_bytes=len(data), language="hu", speakers=4)
    with meetings.append(house.anna, upload.id, offset=0, length=len(data), sha256=None) as writer:
        writer.write(data)
        writer.finish()
    started = meetings.complete(house.anna, upload.id)
    house.shop(FakeSpeechToText()).run_everything()
    transcript = house.service(FakeSpeechToText()).get(house.anna, started.meeting_id)
    assert transcript.language == "hu"
    assert len(transcript.speakers) == 4


class CountingDecoder:
    """Says how often a recording was opened, and how often it is open now."""

    def __init__(self, media: SandboxedMedia) -> None:
        self.media = media
        self.opened = self.open = 0

    def decode(self, source: Any) -> Iterator[Samples]:
        self.opened += 1
        self.open += 1
        try:
            yield from self.media.decode(source)
        finally:
            self.open -= 1


def both_speech_steps(house: House, data: bytes) -> list[Any]:
    """The contexts in which words and voices of a new recording would be heard."""
    started = a_meeting(house.meetings(FakeSpeechToText()), house.anna, data=data)
    shop = house.shop(FakeSpeechToText())
    shop.worker(Queue.GENERAL).runner.drain()
    worker = shop.worker(Queue.SPEECH)
    contexts = [worker.context(worker.must_claim()), worker.context(worker.must_claim())]
    assert {context.meeting_id for context in contexts} == {started.meeting_id}
    return contexts


def test_both_speech_steps_share_one_decoding(house: House, media: SandboxedMedia) -> None:
    """Side by side they hold one copy of the sound; afterwards nobody holds any."""
    contexts = both_speech_steps(house, a_recording())
    decoder = CountingDecoder(media)
    sounds = Sounds(RecordingFiles(LocalBlobs(house.folder), house.keyring), decoder)
    held = [sounds.of(context) for context in contexts]
    assert held[0] is held[1]
    assert len(held[0][:]) == len(held[0])
    assert (decoder.opened, decoder.open) == (1, 0)
    held.clear()
    sounds.of(contexts[0])
    assert decoder.opened == 2


def test_each_speech_step_reads_a_long_recording_at_its_own_pace(house: House, media: SandboxedMedia) -> None:
    """Beyond the window nobody holds the whole sound; all read the same, and decoders end with their readers."""
    data = a_recording()
    contexts = both_speech_steps(house, data)
    decoder = CountingDecoder(media)
    files = RecordingFiles(LocalBlobs(house.folder), house.keyring)
    sounds = Sounds(files, decoder, window=10 * SAMPLE_RATE)
    words, turns = (sounds.of(context) for context in contexts)
    whole = np.concatenate(list(media.decode(BytesIO(data))))
    assert words is not turns
    assert len(words) == len(turns) == len(whole)
    for start in range(0, len(whole), 3 * SAMPLE_RATE):
        stretch = slice(start, start + 4 * SAMPLE_RATE)
        assert np.array_equal(words[stretch], whole[stretch])
        assert np.array_equal(turns[stretch], whole[stretch])
    assert (decoder.opened, decoder.open) == (2, 2)
    assert np.array_equal(words[:1_000], whole[:1_000])
    assert (decoder.opened, decoder.open) == (3, 2)
    del words, turns
    assert decoder.open == 0


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__struct_fields__}


def test_expected_words_reach_the_engine_sealed(house: House) -> None:
    """Names given beforehand are told to the engine, and lie in no plain row."""
    told: list[Hints] = []

    class Listening(FakeSpeechToText):
        def decode(self, clips: Any, hints: Hints) -> list[Decoded]:
            told.append(hints)
            return super().decode(clips, hints)

    service, data = house.service(FakeSpeechToText()), a_recording()
    words = ["Zsigmond  Kft.", "", "Zsigmond Kft.", "Tündérkert"]
    started = a_meeting(house.meetings(FakeSpeechToText()), house.anna, data=data, words=words)
    kept = service.expected_words(house.anna, started.meeting_id)
    assert kept == ("Zsigmond Kft.", "Tündérkert")
    shop = house.shop(Listening())
    shop.run_everything()
    assert {hints.vocabulary for hints in told} == {kept}
    told.clear()
    changed = service.expect_words(house.anna, started.meeting_id, ["Őrség, Tündérkert"])
    shop.service.retry(actor=house.anna, job_id=started.job_id, from_step="transcribe")
    shop.run_everything()
    assert {hints.vocabulary for hints in told} == {changed} == {("Őrség", "Tündérkert")}
    with house.db.owner.reading(house.tenant) as tx:
        for table in ("sealed_document", "audit_event", "job", "upload"):
            rows = tx.execute(text(f"SELECT row_to_json(t)::text FROM {table} t")).scalars().all()
            assert not [row for row in rows if "Tündérkert" in row]
    with pytest.raises(VocabularyTooLong):
        service.expect_words(house.anna, started.meeting_id, ["betű" * 200])
    with pytest.raises(MeetingNotFound):
        service.expect_words(a_user(house.tenant), started.meeting_id, ["Tündérkert"])
