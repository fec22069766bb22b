"""No word of a meeting is ever written outside process memory: not by the database, not to a log, not to a temp dir.

A recording goes through a whole saga: sent in pieces, failing on the way, tried again, searched, renamed, read. Then
everything on the disk is searched for the words of its transcript, its minutes, its title and its file's name.
"""

import base64
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from appliance.adapters.blobs import LocalBlobs
from appliance.adapters.media import SandboxedMedia
from appliance.adapters.postgres import EmbeddedServer
from appliance.adapters.postgres.provisioning import provision
from appliance.adapters.root_key import MemoryKeyProvider
from appliance.audit.service import AuditTrail
from appliance.database.engine import Tx
from appliance.database.roles import DatabaseRole
from appliance.jobs.context import StepContext
from appliance.jobs.model import JobState, Queue, Saga, StepShape
from appliance.jobs.ports import Step
from appliance.kernel.clock import FixedClock
from appliance.kernel.ids import MeetingId, TenantId
from appliance.keyring.service import KeyRing
from appliance.meetings.documents import DocumentStore
from appliance.meetings.model import SAMPLE_RATE
from appliance.meetings.recordings import RecordingFiles
from appliance.meetings.steps import ValidateStep
from appliance.migrations import runner
from appliance.notifications.service import Outbox
from appliance.notifications.steps import NotifyStep
from appliance.quality.samples import sample_meeting
from appliance.search.index import SegmentIndex
from appliance.search.service import SearchService
from appliance.search.steps import IndexStep
from appliance.tenants.service import TenantService
from appliance.transcripts.model import Transcript
from tests.factories.appliance import Appliance, an_appliance
from tests.factories.database import TestDatabase, new_database
from tests.factories.jobs import Workshop
from tests.factories.media import format_named, media_file
from tests.factories.meetings import a_meeting, a_meeting_service, a_user
from tests.factories.transcripts import transcript
from tests.fakes.plaintext import Searcher, words_of
from tests.fakes.steps import ScriptedStep

TITLE = "Kelkáposztafőzelék-stratégia"
NEW_TITLE = "Zöldborsófőzelék-stratégia"
FILENAME = "csörömpölő-zsebtelevízió.flac"
SAID = (
    "A megszentségteleníthetetlenség kérdésével kezdjük a mai értekezletet.",
    "Horváthné Pipacs Rozália vállalja a hőszigetelés árajánlatát.",
    "We shall procrastinate no further about the xylophone committee.",
)
DECIDED = "A bizottság elfogadta a xilofonvásárlás nagyságrendjét."
QUERY = "árajánlatok Rozália"


@dataclass
class Site:
    """An appliance with its own server, and all the places where it could write."""

    folder: Path
    db: TestDatabase
    keyring: KeyRing
    audit: AuditTrail
    clock: FixedClock
    tenant: TenantId

    @property
    def documents(self) -> DocumentStore:
        return DocumentStore(self.keyring, self.clock)

    def sightings(self, searcher: Searcher) -> set[Any]:
        """Words on the disk, once PostgreSQL has written out what it holds, and in its rows."""
        with closing(self.db.connect(self.db.superuser_url)) as connection:
            connection.execute("CHECKPOINT")
            return searcher.in_folders(self.folder) | searcher.in_database(connection)


@pytest.fixture
def site(
    scratch: Path, postgres_bin_dir: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Site]:
    """A server that nobody else writes to; temporary files of this process and of its children go below the folder."""
    folder = scratch / f"plain-{abs(hash(request.node.name)) % 10_000}"
    folder.mkdir(mode=0o711)
    temporary = folder / "tmp"
    temporary.mkdir(mode=0o777)
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    clock = FixedClock(datetime(2026, 3, 2, 12, 0, tzinfo=UTC))
    server = EmbeddedServer(folder / "server", bin_dir=postgres_bin_dir, durable=False)
    with server.running():
        provision(server.superuser_url(), "template")
        runner.upgrade(server.url(DatabaseRole.OWNER, "template"))
        with new_database(server, template="template") as db:
            keyring, audit = KeyRing(MemoryKeyProvider(), clock), AuditTrail(clock)
            with db.owner.transaction(None) as tx:
                tenant = TenantService(clock).found(tx, "Kékfa Egyesület")
                keyring.create_tenant_key(tx, tenant)
            yield Site(folder, db, keyring, audit, clock, tenant)


class StoredTranscripts:
    """Reads what the steps below stored."""

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents

    def load(self, tx: Tx, meeting_id: MeetingId) -> Transcript:
        return msgspec.json.decode(self._documents.get(tx, meeting_id, "transcript") or b"", type=Transcript)


def plumbing(site: Site, media: SandboxedMedia) -> tuple[Step, ...]:
    """A saga whose speech and language steps know beforehand what was said, and handle it as the real ones do."""
    documents = site.documents
    spoken = transcript(*((f"Speaker {n}", sentence) for n, sentence in enumerate(SAID)), language="hu")

    def transcribe(ctx: StepContext) -> None:
        ctx.save_checkpoint(SAID[0].encode())
        if ctx.attempt == 1:
            raise RuntimeError(f"the engine stumbled over: {SAID[1]}")
        assert ctx.checkpoint() == SAID[0].encode()

    def merge(ctx: StepContext) -> None:
        with ctx.transaction() as tx:
            documents.put(tx, ctx.meeting_id, "transcript", msgspec.json.encode(spoken))

    def write_minutes(ctx: StepContext) -> None:
        with ctx.transaction() as tx:
            documents.put(tx, ctx.meeting_id, "minutes", json.dumps({"decisions": [DECIDED] * 200}).encode())

    return (
        ValidateStep(
            files=RecordingFiles(LocalBlobs(site.folder / "blobs"), site.keyring),
            documents=documents,
            probe=media,
            decoder=media,
            audit=site.audit,
            clock=site.clock,
        ),
        ScriptedStep("transcribe", ("validate",), Queue.SPEECH, does=transcribe),
        ScriptedStep("merge", ("transcribe",), does=merge),
        ScriptedStep("minutes", ("merge",), Queue.LANGUAGE, does=write_minutes),
        IndexStep(transcripts=StoredTranscripts(documents), index=SegmentIndex(site.keyring), audit=site.audit),
        NotifyStep(outbox=Outbox(site.clock), audit=site.audit),
    )


def process_a_recording(site: Site, make_steps: Callable[[Site, SandboxedMedia], tuple[Step, ...]]) -> MeetingId:
    """Everything that a recording goes through, and everything that people do with it afterwards."""
    media = SandboxedMedia()
    try:
        steps = make_steps(site, media)
        meetings = a_meeting_service(
            site.db.web,
            clock=site.clock,
            audit=site.audit,
            keyring=site.keyring,
            folder=site.folder / "blobs",
            saga=Saga("recording", tuple[StepShape, ...](steps)),
        )
        anna = a_user(site.tenant)
        data = media_file(format_named("flac"), duration_s=20.0)
        started = a_meeting(meetings, anna, title=TITLE, filename=FILENAME, data=data)
        shop = Workshop(site.db, site.tenant, site.keyring, site.audit, {"recording": Saga("recording", steps)})
        shop.run_everything()
        job = shop.view(started.job_id)
        assert job.state is JobState.DONE, job.failure
        search = SearchService(
            database=site.db.web,
            audit=site.audit,
            keyring=site.keyring,
            meetings=meetings,
            transcripts=StoredTranscripts(site.documents),
        )
        assert len(search.find(anna, QUERY)) == 1
        meetings.rename(anna, started.meeting_id, NEW_TITLE)
        assert meetings.page(anna).meetings[0].title == NEW_TITLE
        with meetings.open_audio(anna, started.meeting_id) as audio:
            assert audio.read() == data
        return started.meeting_id
    finally:
        media.close()


@pytest.mark.slow
def test_no_word_of_a_meeting_is_written_down(site: Site, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither in rows, nor in PostgreSQL's files and logs, nor in temporary files, blobs, or on the terminal."""
    searcher = Searcher(words_of(*SAID, DECIDED, TITLE, NEW_TITLE, FILENAME))
    assert len(searcher.words) > 20
    process_a_recording(site, plumbing)
    printed = "".join(capfd.readouterr())
    assert "step_done" in printed  # the log was looked at, and not an empty string
    assert site.sightings(searcher) == set()
    assert searcher.in_bytes(printed.encode(), "log") == set()


@pytest.mark.slow
def test_the_search_would_find_a_word(site: Site) -> None:
    """Planted where a mistake would put it: in a file, a file's name, a short row and a long, compressed one."""
    searcher = Searcher(["kanárimadár"])
    assert site.sightings(searcher) == set()
    (site.folder / "tmp" / "spool").write_text('{"text": "A KANÁRIMADÁR énekel"}')
    (site.folder / "tmp" / "kanárimadár.wav").touch()
    with site.db.owner.raw_connection() as connection:
        connection.execute("CREATE TABLE careless (note text)")
        connection.execute("INSERT INTO careless VALUES ('kanárimadár'), (repeat('a kanárimadár énekel ', 5000))")
    places = " ".join(sorted(sighting.place for sighting in site.sightings(searcher)))
    for place in ("tmp/spool", "name of", "/pg_wal/", "/base/", "table public.careless"):
        assert place in places


@pytest.mark.parametrize(
    "written",
    [
        "a kanárimadár énekel".encode(),
        "KANÁRIMADÁR".encode(),
        "kanárimadár".encode("utf-16-le"),
        json.dumps("a kanárimadár").encode(),
        b"\\x" + "egy kanárimadár".encode().hex().encode(),
    ],
)
def test_a_word_is_known_in_disguise(written: bytes) -> None:
    """As text, in capitals, as UTF-16, escaped in JSON, as PostgreSQL writes bytes."""
    assert Searcher(["kanárimadár"]).in_bytes(written, "here")


@pytest.mark.parametrize("lead", range(6))
def test_a_word_is_known_in_base64(lead: int) -> None:
    """Wherever it stands within what was encoded."""
    assert Searcher(["kanárimadár"]).in_bytes(base64.b64encode(b"x" * lead + "kanárimadár él".encode()), "here")


def test_a_word_across_two_blocks_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are read in pieces; a word may lie across two."""
    monkeypatch.setattr("tests.fakes.plaintext._BLOCK_BYTES", 16)
    (tmp_path / "file").write_bytes(b"." * 10 + b"budgerigar" + b"." * 10)
    assert len(Searcher(["budgerigar"]).in_folders(tmp_path)) == 1


def the_sample_begins(seconds: float = 45.0) -> tuple[bytes, set[str]]:
    """The beginning of the sample meeting, and the words that are said in it."""
    sample = sample_meeting("en")
    media = SandboxedMedia()
    try:
        with sample.audio.open("rb") as source:
            sound = np.concatenate(list(media.decode(source)))[: int(seconds * SAMPLE_RATE)]
    finally:
        media.close()
    spoken = words_of(*(turn.text for turn in sample.turns if turn.end_s < seconds))
    return media_file(format_named("wav"), sound=sound), spoken


def text_of_a_run(appliance: Appliance, recording: bytes) -> str:
    """Send a recording through all processes; everything that came out of it."""
    path = appliance.folder.with_name(FILENAME)
    path.write_bytes(recording)
    try:
        added = appliance.run_json("meeting", "add", str(path), "--wait", "--title", TITLE, "--language", "en")
    finally:
        path.unlink()
    exports = ("transcript.txt", "transcript.json", "minutes.json", "minutes.md")
    texts = [appliance.run("meeting", "export", added["meeting_id"], what) for what in exports]
    assert appliance.run_json("meeting", "list")["meetings"][0]["title"] == TITLE
    return " ".join((*texts, TITLE, FILENAME))


@pytest.mark.slow
@pytest.mark.models
@pytest.mark.timeout(1800)
def test_no_process_of_an_appliance_writes_a_word_down(scratch: Path) -> None:
    """Database, workers and commands, with everything that their libraries do behind our back.

    Words that stand there anyway (in names of tables, steps and settings) prove nothing: those that are seen after a
    recording in which they were not said are left out.
    """
    recording, spoken = the_sample_begins()
    with an_appliance(scratch / "plain-processes", {}) as appliance:
        appliance.start_workers()
        hum = appliance.folder.with_name("hum.wav")
        hum.write_bytes(media_file(format_named("wav"), duration_s=4.0))
        appliance.run("meeting", "add", str(hum), "--wait", "--title", "-", expect=None)
        technical = _seen(appliance, spoken)
        wanted = words_of(text_of_a_run(appliance, recording)) & (spoken | words_of(TITLE, FILENAME)) - technical
        assert len(wanted) >= 8, wanted
        assert _seen(appliance, wanted) == set()


def _seen(appliance: Appliance, words: set[str]) -> set[str]:
    searcher = Searcher(words)
    with appliance.superuser() as connection:
        connection.execute("CHECKPOINT")
        sightings = searcher.in_folders(appliance.folder) | searcher.in_database(connection)
    return {sighting.word for sighting in sightings}
