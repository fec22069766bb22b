"""Finding words in meetings, over a real database whose index holds no word."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import text

from appliance.audit.service import AuditTrail
from appliance.database.engine import Tx
from appliance.identity.permissions import Permission
from appliance.kernel.actor import Actor
from appliance.kernel.clock import FixedClock
from appliance.kernel.ids import MeetingId, TenantId
from appliance.keyring.service import KeyRing
from appliance.meetings.documents import DocumentStore
from appliance.meetings.service import MeetingService
from appliance.search import queries
from appliance.search.errors import QueryEmpty, QueryTooLong
from appliance.search.index import SegmentIndex
from appliance.search.model import configuration, tsquery
from appliance.search.service import SearchService
from appliance.speakers.documents import TurnStore
from appliance.transcripts.documents import TranscriptStore
from appliance.transcripts.model import Reason, Transcript, removal
from appliance.transcripts.service import TranscriptService
from tests.factories.database import TestDatabase
from tests.factories.meetings import a_meeting, a_meeting_service, a_user
from tests.factories.transcripts import transcript, words

HUNGARIAN = (
    "Jó napot kívánok, kezdjük el a költségvetéssel.",
    "A költségvetés kétszázmillió forint lesz jövőre.",
    "Kovács Márta vállalja a szerződéseket.",
)
ENGLISH = ("We have to talk about the budgets again.", "Márta is going to sign the contract.")


def said(*sentences: str, language: str = "hu") -> Transcript:
    """What ``sentences`` say, one segment each, by two speakers in turn."""
    return transcript(*((f"Speaker {n % 2 + 1}", s) for n, s in enumerate(sentences)), language=language)


class Shelf:
    """A ``TranscriptSource`` that has transcripts in memory."""

    def __init__(self) -> None:
        self.transcripts: dict[MeetingId, Transcript] = {}

    def load(self, _tx: Tx, meeting_id: MeetingId) -> Transcript:
        return self.transcripts[meeting_id]


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def meetings(
    db: TestDatabase, clock: FixedClock, audit: AuditTrail, keyring: KeyRing, tmp_path: Path
) -> MeetingService:
    return a_meeting_service(db.web, clock=clock, audit=audit, keyring=keyring, folder=tmp_path)


@pytest.fixture
def search(
    db: TestDatabase, audit: AuditTrail, keyring: KeyRing, meetings: MeetingService, shelf: Shelf
) -> SearchService:
    return SearchService(database=db.web, audit=audit, keyring=keyring, meetings=meetings, transcripts=shelf)


@pytest.fixture
def anna(tenant: TenantId) -> Actor:
    return a_user(tenant)


@pytest.fixture
def indexed(db: TestDatabase, keyring: KeyRing, meetings: MeetingService, shelf: Shelf) -> Callable[..., MeetingId]:
    """Makes a meeting of an actor's with a transcript in the index."""

    def make(actor: Actor, spoken: Transcript, *, title: str = "Értekezlet") -> MeetingId:
        meeting_id = a_meeting(meetings, actor, title=title, data=b"sound").meeting_id
        shelf.transcripts[meeting_id] = spoken
        with db.worker.transaction(actor.tenant_id) as tx:
            segments = [(segment.id, segment.text) for segment in spoken.segments]
            SegmentIndex(keyring).put(tx, meeting_id, language=spoken.language, segments=segments)
        return meeting_id

    return make


def found(service: SearchService, actor: Actor, words: str) -> list[tuple[MeetingId, int]]:
    """Which segments were found."""
    return [(hit.meeting_id, hit.segment_id) for hit in service.find(actor, words)]


@pytest.mark.parametrize(
    ("words", "segments"),
    [
        ("költségvetés", [0, 1]),
        ("koltsegvetes", [0, 1]),
        ("KÖLTSÉGVETÉST", [0, 1]),
        ("szerződés", [2]),
        ("kovács szerződés", [2]),
        ("kovács költségvetés", []),
        ("szerződésekkel", [2]),
        ("forintot", [1]),
        ("szerződés vállal", [2]),
        ("dollár", []),
    ],
)
def test_hungarian_words_are_found_in_any_inflection(
    search: SearchService, indexed: Callable[..., MeetingId], anna: Actor, words: str, segments: list[int]
) -> None:
    """Endings, case and accents make no difference; all words of the query must be there."""
    meeting_id = indexed(anna, said(*HUNGARIAN))
    assert found(search, anna, words) == [(meeting_id, number) for number in segments]


def test_a_bare_noun_and_its_inflections_find_one_another(
    search: SearchService, indexed: Callable[..., MeetingId], anna: Actor
) -> None:
    """PostgreSQL cuts *feladat* to *fel* and *feladatot* to *feladat*; people don't have to know."""
    nouns = {
        "feladat": ("feladat", "feladatot", "feladatban", "feladatról"),
        "értekezlet": ("értekezlet", "értekezletet", "értekezleten", "értekezletről"),
        "forint": ("forint", "forintot", "forintért", "forintja"),
    }
    forms = [form for inflected in nouns.values() for form in inflected]
    meeting_id = indexed(anna, said(*(f"Ez a {form} fontos." for form in forms)))
    for inflected in nouns.values():
        for form in inflected:
            expected = {(meeting_id, forms.index(other)) for other in inflected}
            assert set(found(search, anna, form)) == expected, form


def test_meetings_of_several_languages_are_searched_at_once(
    search: SearchService, indexed: Callable[..., MeetingId], anna: Actor
) -> None:
    """A name is found wherever it was said, an English word by English rules."""
    hungarian = indexed(anna, said(*HUNGARIAN))
    english = indexed(anna, said(*ENGLISH, language="en"))
    assert found(search, anna, "budget") == [(english, 0)]
    assert found(search, anna, "signing contracts") == [(english, 1)]
    assert set(found(search, anna, "Márta")) == {(hungarian, 2), (english, 1)}


def test_a_hit_shows_who_said_it_when_and_where_the_words_are(
    search: SearchService, indexed: Callable[..., MeetingId], anna: Actor
) -> None:
    """Everything that is shown was decrypted for it; the index knows none of it."""
    indexed(anna, said(*HUNGARIAN), title="Éves terv")
    (hit,) = search.find(anna, "forint")
    assert (hit.meeting_title, hit.segment_id, hit.start_s, hit.speaker) == ("Éves terv", 1, 4.0, "Speaker 2")
    assert [hit.snippet.text[start:end] for start, end in hit.snippet.marks] == ["forint"]


def test_nobody_finds_what_they_may_not_see(
    search: SearchService,
    indexed: Callable[..., MeetingId],
    anna: Actor,
    tenant: TenantId,
    found_tenant: Callable[[str], TenantId],
) -> None:
    """Neither a colleague nor another organisation; who may read everything does."""
    meeting_id = indexed(anna, said(*HUNGARIAN))
    assert found(search, a_user(tenant), "forint") == []
    assert found(search, a_user(found_tenant("Másik Kft."), extra=[Permission.MEETING_READ_ALL]), "forint") == []
    assert found(search, a_user(tenant, extra=[Permission.MEETING_READ_ALL]), "forint") == [(meeting_id, 1)]


def test_a_deleted_meeting_is_found_no_more(
    search: SearchService, meetings: MeetingService, indexed: Callable[..., MeetingId], anna: Actor, db: TestDatabase
) -> None:
    """Its tokens are gone with it."""
    meeting_id = indexed(anna, said(*HUNGARIAN))
    meetings.delete(anna, meeting_id)
    assert found(search, anna, "forint") == []
    with db.owner.reading(None) as tx:
        assert tx.execute(text("SELECT count(*) FROM segment_lexemes")).scalar() == 0


def test_indexing_again_replaces(
    search: SearchService, indexed: Callable[..., MeetingId], anna: Actor, db: TestDatabase, keyring: KeyRing
) -> None:
    """A step that is repeated leaves one index, that of the newest transcript."""
    meeting_id = indexed(anna, said(*HUNGARIAN))
    with db.worker.transaction(anna.tenant_id) as tx:
        SegmentIndex(keyring).put(tx, meeting_id, language="hu", segments=[(0, "Másról beszéltek.")])
    assert found(search, anna, "forint") == []
    assert found(search, anna, "beszéltek") == [(meeting_id, 0)]


def test_text_that_a_person_put_back_is_found(
    db: TestDatabase,
    audit: AuditTrail,
    keyring: KeyRing,
    clock: FixedClock,
    meetings: MeetingService,
    anna: Actor,
) -> None:
    """The index follows a change in the transaction that makes it."""
    documents = DocumentStore(keyring, clock)
    store = TranscriptStore(documents)
    service = TranscriptService(
        database=db.web,
        audit=audit,
        meetings=meetings,
        transcripts=store,
        turns=TurnStore(documents),
        watchers=(SegmentIndex(keyring),),
    )
    searching = SearchService(database=db.web, audit=audit, keyring=keyring, meetings=meetings, transcripts=service)
    meeting_id = a_meeting(meetings, anna, data=b"sound").meeting_id
    taken = removal(words("Köszönöm a figyelmet!", start_s=40.0), Reason.HALLUCINATION)
    with db.worker.transaction(anna.tenant_id) as tx:
        before = msgspec.structs.replace(said(*HUNGARIAN), removed=(taken,))
        store.put(tx, meeting_id, before)
        SegmentIndex(keyring).transcript_changed(tx, meeting_id, before)
    assert found(searching, anna, "figyelem") == found(searching, anna, "figyelmet") == []
    service.restore(anna, meeting_id, 0)
    (hit,) = searching.find(anna, "figyelmet")
    assert hit.snippet.text == "Köszönöm a figyelmet!"


def test_the_index_holds_no_word(indexed: Callable[..., MeetingId], anna: Actor, db: TestDatabase) -> None:
    """Whoever steals the table sees tokens without order, and no stem of anything that was said."""
    indexed(anna, said(*HUNGARIAN))
    with db.owner.reading(None) as tx:
        stored = " ".join(tx.execute(text("SELECT lexemes::text FROM segment_lexemes")).scalars())
    assert stored
    for stem in ("költség", "koltseg", "forint", "kovács", "kovacs", "szerződés", ":"):
        assert stem not in stored.lower()


@pytest.mark.parametrize("words", ["", "  ", "?!"])
def test_a_query_without_a_word_is_refused(search: SearchService, anna: Actor, words: str) -> None:
    """An empty question has no answer, and certainly not everything."""
    with pytest.raises(QueryEmpty):
        search.find(anna, words)


def test_an_endless_query_is_refused(search: SearchService, anna: Actor) -> None:
    """A query is a few words."""
    with pytest.raises(QueryTooLong):
        search.find(anna, "szó " * 100)


def test_searching_is_recorded_without_the_words(
    search: SearchService, indexed: Callable[..., MeetingId], anna: Actor, db: TestDatabase
) -> None:
    """The trail says that somebody searched and how much was found; what for is content."""
    indexed(anna, said(*HUNGARIAN))
    search.find(anna, "költségvetés")
    with db.web.reading(anna.tenant_id) as tx:
        detail = tx.execute(text("SELECT detail FROM audit_event WHERE name = 'search:meeting:searched'")).scalar_one()
    assert detail == '{"hits":2,"meetings":1}'


def test_the_question_is_answered_by_the_gin_index(
    indexed: Callable[..., MeetingId], anna: Actor, db: TestDatabase, keyring: KeyRing
) -> None:
    """Row-level security must not turn a search into a reading of the whole table."""
    meeting_id = indexed(anna, said(*HUNGARIAN))
    with db.worker.transaction(anna.tenant_id) as tx:
        tx.execute(
            text(
                "INSERT INTO segment_lexemes SELECT :meeting, n, :tenant, array_to_tsvector(ARRAY[md5(n::text)])"
                " FROM generate_series(10, 20000) n"
            ),
            {"meeting": meeting_id, "tenant": anna.tenant_id},
        )
        key = keyring.tenant_search_key(tx, anna.tenant_id)
    with db.owner.transaction(None) as tx:
        tx.execute(text("ANALYZE segment_lexemes"))
    with db.web.reading(anna.tenant_id) as tx:
        config = configuration("hu")
        query = tsquery(key, queries.query_lexemes(tx, [config], "forint"))
        before = _index_scans(db)
        assert queries.find_segments(tx, query, reader=None, most=10) == [(meeting_id, 1)]
        tx.execute(text("SELECT pg_stat_force_next_flush()"))
    assert _index_scans(db) > before


def _index_scans(db: TestDatabase) -> int:
    with db.owner.transaction(None) as tx:
        statement = text("SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'segment_lexemes_gin'")
        return int(tx.execute(statement).scalar_one())
